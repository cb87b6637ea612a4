"""What an image's build stage leaves out, asks for and makes of its contents."""

from __future__ import annotations

import importlib.util
import json
import sysconfig
from pathlib import Path

import pytest

from infrastructure import pack
from local.settings import REPOSITORY

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def unused(name: str) -> list[str]:
    return (REPOSITORY / "functions" / name / "unused.txt").read_text().splitlines()


def write(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_what_is_unused_goes_and_what_is_kept_stays(tmp_path: Path) -> None:
    gpu = write(tmp_path / "litert" / "gpu.so")
    ec2 = write(tmp_path / "botocore" / "data" / "ec2" / "service.json")
    s3 = write(tmp_path / "botocore" / "data" / "s3" / "service.json")
    endpoints = write(tmp_path / "botocore" / "data" / "endpoints.json")
    patterns = ["# comment", "", "litert/gpu.so  # why", "botocore/data/*/", "!botocore/data/s3/"]
    pack.trim(tmp_path, [*patterns, "only/in/another/wheel"])
    assert [path.exists() for path in (gpu, ec2, s3, endpoints)] == [False, False, True, True]


@pytest.mark.parametrize("name", ["classify", "training"])
def test_lists_of_what_is_unused_are_up_to_date(name: str) -> None:
    vendors = "ai_edge_litert/vendors"  # not in the wheel for ARM
    for line in unused(name):
        pattern = line.partition("#")[0].strip().removeprefix("!")
        if pattern and pattern not in {"bin", vendors}:
            assert any(SITE_PACKAGES.glob(pattern)), f"no package has {pattern} any more"


def test_without_yamnet_the_build_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "models" / "v1" / "head.npz")
    with pytest.raises(pack.PackError, match="git"):
        pack.copy_models(tmp_path / "models", tmp_path / "to", ["yamnet", "v1"])


def test_a_missing_head_is_to_come_from_git(tmp_path: Path) -> None:
    write(tmp_path / "models" / "yamnet" / "yamnet.tflite")
    with pytest.raises(pack.PackError, match="git"):
        pack.copy_models(tmp_path / "models", tmp_path / "to", ["yamnet", "v1/head.npz"])


def test_a_damaged_yamnet_is_not_packed(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "yamnet"
    write(folder / "yamnet.tflite", "cut short")
    write(folder / "yamnet.json", json.dumps({"flatbuffer_sha256": "0" * 64}))
    with pytest.raises(pack.PackError, match="damaged"):
        pack.copy_models(tmp_path / "models", tmp_path / "to", ["yamnet"])


def test_only_named_models_are_packed(tmp_path: Path) -> None:
    names = ["yamnet", "v1/head.npz", "v1/manifest.json"]
    pack.copy_models(REPOSITORY / "models", tmp_path, names)
    assert {path.name for path in (tmp_path / "v1").iterdir()} == {"head.npz", "manifest.json"}
    assert (tmp_path / "yamnet" / "yamnet.tflite").stat().st_size > 1_000_000


def test_every_user_may_read_what_only_its_owner_could(tmp_path: Path) -> None:
    private, tool = write(tmp_path / "a" / "private.txt"), write(tmp_path / "tool")
    private.chmod(0o600)
    tool.chmod(0o700)
    private.parent.chmod(0o700)
    pack.seal(tmp_path)
    modes = [path.stat().st_mode & 0o777 for path in (private, tool, private.parent)]
    assert modes == [0o644, 0o755, 0o755]


def test_bytecode_is_there_and_does_not_depend_on_when_it_was_made(tmp_path: Path) -> None:
    source = write(tmp_path / "module.py", "ANSWER = 42\n")
    pack.seal(tmp_path)
    compiled = Path(importlib.util.cache_from_source(str(source)))
    first = compiled.read_bytes()
    assert first[4:8] == b"\x01\x00\x00\x00"  # PEP 552: by hash, not to be checked
    compiled.unlink()
    write(source, "ANSWER = 42\n")
    pack.seal(tmp_path)
    assert compiled.read_bytes() == first
