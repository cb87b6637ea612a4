"""A model version is verified before anything of it is parsed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from earshot.errors import ModelError
from earshot.labels import LABELS
from earshot.model.loading import load_model
from earshot.model.versions import sha256_hex
from tests.unit.model.sample_head import sample_head

WEIGHTS = "b4d6"


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


HEAD = npz(**sample_head().to_arrays())


def version(head: bytes = HEAD, **members: object) -> dict[str, bytes]:
    manifest = {
        "format": 3,
        "version": "v7",
        "labels": list(LABELS),
        "yamnet_weights_sha256": WEIGHTS,
        "files": {"head.npz": sha256_hex(head)},
    }
    return {"head.npz": head, "manifest.json": json.dumps(manifest | members).encode()}


def reader(files: dict[str, bytes]) -> Callable[[str], bytes]:
    return files.__getitem__


def test_a_sound_version_is_loaded_and_known_by_its_manifests_hash():
    files = version()
    model = load_model(reader(files), WEIGHTS, sha256_hex(files["manifest.json"]))
    assert model.version == "v7"
    assert model.sha256 == sha256_hex(files["manifest.json"])


def test_a_manifest_with_another_digest_than_the_pointers_is_refused():
    with pytest.raises(ModelError, match=r"manifest\.json has SHA-256"):
        load_model(reader(version()), WEIGHTS, "0" * 64)


def test_an_altered_head_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("parsed before it was verified"))
    with pytest.raises(ModelError, match=r"head\.npz of v7 is not the one"):
        load_model(reader(version() | {"head.npz": HEAD[:-1] + b"x"}), WEIGHTS)


def test_a_pickle_is_refused_even_where_the_hash_matches():
    pickled = npz(kernel_0=np.array([object()], dtype=object))
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(reader(version(pickled)), WEIGHTS)


def test_a_head_that_is_no_archive_is_refused():
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(reader(version(b"not an archive")), WEIGHTS)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"format": 1}, "format is 1, not 3"),
        ({"labels": ["siren", "casual"]}, "labels are"),
        ({"yamnet_weights_sha256": "0000"}, "other YAMNet weights"),
    ],
)
def test_a_version_that_does_not_fit_is_refused(members, message):
    with pytest.raises(ModelError, match=message):
        load_model(reader(version(**members)), WEIGHTS)
