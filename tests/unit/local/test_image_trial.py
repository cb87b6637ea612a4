"""How an engine is found, and how the answers of an image are compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ReadTimeoutError

from bench import images
from local.images.engine import NO_ENGINE, EngineError, find_engine
from local.images.trial import Outside, differences, sample_event

PODMAN = {"host": {"serviceIsRemote": False}}
NOTHING: frozenset[str] = frozenset()


def install(folder: Path, name: str, info: object, code: int = 0) -> None:
    """A command that answers `info`."""
    command = folder / name
    command.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(info)}\nEND\nexit {code}\n")
    command.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the PATH, besides what shell scripts need."""
    (tmp_path / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


class TestEngine:
    def test_without_any_it_says_what_to_install(self, path: Path) -> None:
        with pytest.raises(EngineError, match="apt install podman") as raised:
            find_engine({})
        assert str(raised.value) == NO_ENGINE

    def test_docker_without_its_daemon_gives_way_to_podman(self, path: Path) -> None:
        install(path, "docker", "Cannot connect to the Docker daemon", code=1)
        install(path, "podman", PODMAN)
        assert find_engine({}).name == "podman"

    def test_silence_is_explained_with_its_reason(self, path: Path) -> None:
        install(path, "docker", "Cannot connect to the Docker daemon", code=1)
        with pytest.raises(EngineError, match=r"docker does not answer: .*Cannot connect"):
            find_engine({})

    def test_the_user_may_choose(self, path: Path) -> None:
        install(path, "docker", {})
        install(path, "podman", PODMAN)
        assert find_engine({"CONTAINER_ENGINE": "podman"}).name == "podman"
        assert find_engine({}).name == "docker"
        with pytest.raises(EngineError, match="must be docker or podman"):
            find_engine({"CONTAINER_ENGINE": "lxc"})

    @pytest.mark.parametrize(
        ("name", "info", "shares"),
        [
            ("podman", PODMAN, True),
            ("podman", {"host": {"serviceIsRemote": True}}, False),
            ("docker", {"OperatingSystem": "Debian", "SecurityOptions": ["name=seccomp"]}, True),
            ("docker", {"OperatingSystem": "Docker Desktop"}, False),
            ("docker", {"OperatingSystem": "Debian", "SecurityOptions": ["name=rootless"]}, False),
        ],
    )
    def test_it_is_known_whether_containers_reach_127_0_0_1(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, name: str, info: object, shares: bool
    ) -> None:
        monkeypatch.setattr("sys.platform", "linux")
        install(path, name, info)
        assert find_engine({}).shares_network is shares


class TestDifferences:
    def test_rounding_and_what_is_ignored_are_none(self) -> None:
        one = {"timestamp": "a", "confidence": 0.5, "events": [{"start_s": 1.0}]}
        other = {"timestamp": "b", "confidence": 0.5004, "events": [{"start_s": 1.0}]}
        assert list(differences(one, other, frozenset({"timestamp"}))) == []

    @pytest.mark.parametrize(
        ("one", "other", "where"),
        [
            ({"label": "siren"}, {"label": "casual"}, ".label"),
            ({"confidence": 0.5}, {"confidence": 0.51}, ".confidence"),
            ({"events": [1, 2]}, {"events": [1]}, ".events"),
            ({"a": {"b": 1}}, {"a": {}}, ".a.b"),
            ({"uncertain": True}, {"uncertain": 1}, ".uncertain"),
        ],
    )
    def test_whatever_else_differs_is_named(self, one: object, other: object, where: str) -> None:
        assert [text.partition(":")[0] for text in differences(one, other, NOTHING)] == [where]


def test_a_step_that_takes_too_long_is_not_done_again_beside_itself() -> None:
    client = Outside({"endpoint": "http://127.0.0.1:9"}).client("lambda")
    asked: list[str] = []

    def never_answered(request: AWSPreparedRequest, **_: object) -> None:
        asked.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    client.meta.events.register("before-send.lambda.Invoke", never_answered)
    with pytest.raises(ReadTimeoutError):
        client.invoke(FunctionName="train", Payload=b"{}")
    assert len(asked) == 1


def test_each_measured_event_is_a_request_of_its_own() -> None:
    ids = {images.predict_event(number)["requestContext"]["requestId"] for number in (0, 1)}
    assert len(ids) == 2
    assert sample_event("predict_raw")["requestContext"]["requestId"] not in ids


def test_a_measurement_leaves_the_others_in_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"serving": {"ms": 1}, "images": {"classify": {"mb": 1}, "training": 2}}')
    images.merge(report, "images", {"classify": {"mb": 3}})
    kept = {"serving": {"ms": 1}, "images": {"classify": {"mb": 3}, "training": 2}}
    assert json.loads(report.read_text()) == kept
