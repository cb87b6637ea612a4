"""What must hold of the Dockerfiles, and of what they install."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from samtranslator.yaml_helper import yaml_parse

from earshot import __version__
from local.images.__main__ import build
from local.settings import REPOSITORY, TEMPLATE

DOCKERFILES = {
    name: REPOSITORY / "functions" / name / "Dockerfile" for name in ("classify", "training")
}
LOCKS = {
    "classify": REPOSITORY / "functions" / "classify" / "requirements.txt",
    "training": REPOSITORY / "training" / "requirements.txt",
}
HEAVY = {"tensorflow", "tensorflow-cpu", "tensorflow-hub", "keras", "librosa", "numba", "scipy"}
AMD, ARM = (
    {"platform_machine": m, "sys_platform": "linux", "python_full_version": "3.12.0"}
    for m in ("x86_64", "aarch64")
)


def locked(name: str) -> dict[str, Requirement]:
    """Every line of a lock file that is a requirement; asserts that it has hashes."""
    entries = re.split(r"\n(?=\S)", LOCKS[name].read_text().replace("\\\n", " "))
    found = {}
    for entry in entries:
        line, _, hashes = entry.partition("--hash")
        if line.strip().startswith("#") or not line.strip():
            continue
        requirement = Requirement(line.partition("#")[0].strip())
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), line
        assert "=sha256:" in hashes, line
        found[requirement.name] = requirement
    return found


def installed(name: str, machine: dict[str, str]) -> set[str]:
    return {
        package
        for package, requirement in locked(name).items()
        if requirement.marker is None or requirement.marker.evaluate(machine)
    }


@pytest.mark.parametrize("machine", [AMD, ARM], ids=["x86_64", "arm64"])
def test_serving_gets_no_framework_and_training_gets_one(machine: dict[str, str]) -> None:
    assert installed("classify", machine) & HEAVY == set()
    training = installed("training", machine)
    assert {"tensorflow-hub", "librosa", "ai-edge-litert", "soxr"} <= training
    assert len(training & {"tensorflow", "tensorflow-cpu"}) == 1


def test_both_images_embed_with_the_same_versions() -> None:
    serving, training = locked("classify"), locked("training")
    for name in installed("classify", AMD):
        assert serving[name].specifier == training[name].specifier, name


@pytest.mark.parametrize("name", DOCKERFILES)
class TestDockerfile:
    def test_base_can_be_replaced_and_every_stage_is_on_it(self, name: str) -> None:
        text = DOCKERFILES[name].read_text()
        assert re.search(r"\nARG BASE=public\.ecr\.aws/lambda/python:3\.12(@sha256:\w+)?\n", text)
        stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        assert len(stages) > 1
        assert set(stages) == {"${BASE}"}

    def test_installs_what_is_locked_and_nothing_else(self, name: str) -> None:
        text = DOCKERFILES[name].read_text()
        (install,) = re.findall(r"pip install(?:[^\n]*\\\n)*[^\n]*", text)
        options = {"--require-hashes", "--no-deps", "--no-cache-dir", "--only-binary"}
        assert options <= set(install.split())
        assert str(LOCKS[name].relative_to(REPOSITORY)) in text

    def test_builds_without_buildkit(self, name: str) -> None:
        # SAM and older Podman know neither these options nor here-documents.
        assert not re.search(r"--chmod|--mount|<<|^#\s*syntax", DOCKERFILES[name].read_text(), re.M)

    def test_nothing_is_left_to_run_time(self, name: str) -> None:
        text = DOCKERFILES[name].read_text()
        final = text[text.rindex("FROM ") :]
        assert not re.search(r"^(RUN|ADD|USER|ENTRYPOINT)\b", final, re.MULTILINE)

    def test_its_files_reach_the_builder(self, name: str) -> None:
        """The .dockerignore lets in all that is copied."""
        admitted = [
            line[1:]
            for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
            if line.startswith("!")
        ]
        copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILES[name].read_text(), re.M)
        assert copies
        for source in " ".join(copies).split():
            assert any(source.startswith(path) or path.startswith(source) for path in admitted), (
                source
            )

    def test_hadolint_has_nothing_to_say(self, name: str) -> None:
        linter = Path(sysconfig.get_path("scripts")) / "hadolint"
        done = subprocess.run(
            [linter, DOCKERFILES[name]], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_template_builds_every_image_for_the_processor_that_runs_it() -> None:
    template = yaml_parse(TEMPLATE.read_text())
    parameter = template["Parameters"]["Architecture"]
    assert parameter["AllowedValues"] == ["x86_64", "arm64"]
    assert template["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]
    functions = [r for r in template["Resources"].values() if r["Type"].endswith("::Function")]
    assert functions
    for function in functions:
        assert "Architectures" not in function["Properties"]


def test_an_image_is_named_by_its_version_too() -> None:
    engine = Recorder()
    build(engine, "classify", "earshot-classify:latest")  # type: ignore[arg-type]
    tags = [after for before, after in pairwise(engine.arguments) if before == "--tag"]
    assert tags == ["earshot-classify:latest", f"earshot-classify:{__version__}"]


class Recorder:
    """An engine that notes what it is to build."""

    def build(self, arguments: list[str]) -> None:
        self.arguments = arguments
