"""Base images by digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.images import base
from local.images.base import (
    DOCKERFILES,
    RegistryError,
    base_of,
    current_digest,
    pin,
    unpinned,
)
from local.settings import REPOSITORY

DIGEST = "sha256:" + "0f" * 32
IMAGE = "public.ecr.aws/lambda/python:3.12"
MANIFEST = "https://public.ecr.aws/v2/lambda/python/manifests/3.12"
CHALLENGE = 'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"'


class Registry:
    """Answers as the OCI Distribution Specification and Docker's token authentication have it."""

    def __init__(self, digest: str = DIGEST, challenge: str = CHALLENGE) -> None:
        self.asked: list[str] = []
        self._digest = digest
        self._challenge = challenge

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Any]:
        self.asked.append(f"{method} {url}")
        if url.startswith("https://public.ecr.aws/token/"):
            return 200, {}, {"token": "for-anyone"}
        assert url == MANIFEST
        assert "image.index" in headers["Accept"], "of one processor alone"
        if headers.get("Authorization") != "Bearer for-anyone":
            return 401, {"WWW-Authenticate": self._challenge}, None
        return 200, {"Docker-Content-Digest": self._digest}, None


def test_the_digest_of_a_tag_is_asked_for_with_a_token_that_anyone_gets() -> None:
    registry = Registry()
    assert current_digest(IMAGE, registry) == DIGEST
    assert registry.asked == [
        f"HEAD {MANIFEST}",
        "GET https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws",
        f"HEAD {MANIFEST}",
    ]


@pytest.mark.parametrize(
    "registry", [Registry(digest=""), Registry(digest="sha256:12"), Registry(challenge="Basic")]
)
def test_no_digest_is_an_error(registry: Registry) -> None:
    with pytest.raises(RegistryError):
        current_digest(IMAGE, registry)


def test_pinning_keeps_the_tag_and_can_be_done_again(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    before = f"# An image.\nARG BASE={IMAGE}\n\nFROM ${{BASE}}\n"
    dockerfile.write_text(before)
    pin(dockerfile, "sha256:" + "1" * 64)
    pin(dockerfile, DIGEST)
    assert dockerfile.read_text() == before.replace(IMAGE, f"{IMAGE}@{DIGEST}")
    assert base_of(dockerfile).digest == DIGEST


def test_a_dockerfile_without_a_digest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "REPOSITORY", tmp_path)
    plain, pinned = tmp_path / "a", tmp_path / "b"
    for file in (plain, pinned):
        file.write_text(f"ARG BASE={IMAGE}\n")
    pin(pinned, DIGEST)
    assert unpinned((plain, pinned)) == ["a"]


def test_all_images_are_on_one_base() -> None:
    assert len({base_of(file) for file in DOCKERFILES}) == 1
    assert base_of(DOCKERFILES[0]).image == IMAGE


def test_production_is_deployed_from_a_pinned_base_only() -> None:
    workflow = (REPOSITORY / ".github" / "workflows" / "deploy.yml").read_text()
    check = workflow.index("make base-image")
    assert "if: inputs.stage == 'prod'" in workflow[check - 80 : check]
    assert check < workflow.index("sam build")
