"""The flatbuffer that is run is the one that was converted."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from earshot.errors import ModelError
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME, Yamnet

YAMNET = Path(__file__).parents[3] / "models" / "yamnet"


def test_a_flatbuffer_that_is_not_the_one_described_is_refused(tmp_path: Path):
    folder = shutil.copytree(YAMNET, tmp_path / "yamnet")
    assert Yamnet(folder).sha256 == sha256((folder / FLATBUFFER_NAME).read_bytes()).hexdigest()
    flatbuffer = bytearray((folder / FLATBUFFER_NAME).read_bytes())
    flatbuffer[len(flatbuffer) // 2] ^= 1
    (folder / FLATBUFFER_NAME).write_bytes(flatbuffer)
    with pytest.raises(ModelError, match=r"yamnet\.tflite has SHA-256 .*, not"):
        Yamnet(folder)
