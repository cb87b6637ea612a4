"""Each version runs on the YAMNet that it was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from earshot.errors import ModelError
from earshot.model.versions import sha256_hex
from earshot.model.yamnets import Yamnets
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME, Yamnet

FOLDER = Path(__file__).parents[3] / "models" / "yamnet"


@pytest.fixture(scope="module")
def bundled() -> Yamnet:
    return Yamnet(FOLDER)


@pytest.fixture(scope="module")
def other() -> bytes:
    flatbuffer = bytearray((FOLDER / FLATBUFFER_NAME).read_bytes())
    middle = len(flatbuffer) // 2
    flatbuffer[middle : middle + 1000] = bytes(1000)
    return bytes(flatbuffer)


def manifest(weights: str, sha256: str | None = None) -> dict[str, Any]:
    named = {"yamnet_sha256": sha256} if sha256 else {}
    return {"version": "v1", "yamnet_weights_sha256": weights, **named}


class Kept:
    """Flatbuffers by their SHA-256; counts how often one is read."""

    def __init__(self, *flatbuffers: bytes) -> None:
        self.flatbuffers = {sha256_hex(one): one for one in flatbuffers}
        self.reads = 0

    def __call__(self, sha256: str) -> bytes:
        self.reads += 1
        if sha256 not in self.flatbuffers:
            raise ModelError(f"the YAMNet flatbuffer {sha256} is missing")
        return self.flatbuffers[sha256]


def test_the_bundled_one_is_not_fetched(bundled):
    kept = Kept()
    yamnets = Yamnets(bundled, kept)
    for one in (
        None,
        manifest(bundled.weights_sha256),
        manifest(bundled.weights_sha256, bundled.sha256),
    ):
        assert yamnets.of(one) is bundled
    assert kept.reads == 0


def test_another_is_fetched_once_and_has_the_same_classes(bundled, other):
    kept = Kept(other)
    yamnets = Yamnets(bundled, kept)
    found = yamnets.of(manifest("w2", sha256_hex(other)))
    assert found.sha256 == sha256_hex(other)
    assert found.weights_sha256 == "w2"
    assert found.class_names == bundled.class_names
    assert yamnets.of(manifest("w2", sha256_hex(other))) is found
    assert yamnets.of(manifest(bundled.weights_sha256)) is bundled
    assert bundled.sha256 != found.sha256
    assert kept.reads == 1


def test_a_version_that_names_no_flatbuffer_fits_the_bundled_weights_alone(bundled):
    with pytest.raises(ModelError, match="other YAMNet weights"):
        Yamnets(bundled, Kept()).of(manifest("w2"))
    with pytest.raises(ModelError, match="other YAMNet weights"):
        Yamnets(bundled, Kept()).of(manifest("w2", bundled.sha256))


def test_a_flatbuffer_that_is_missing_or_none_is_an_error(bundled):
    with pytest.raises(ModelError, match="is missing"):
        Yamnets(bundled, Kept()).of(manifest("w2", "0" * 64))
    nonsense = b"not a flatbuffer"
    with pytest.raises(ValueError, match="valid Flatbuffer"):
        Yamnets(bundled, Kept(nonsense)).of(manifest("w2", sha256_hex(nonsense)))
