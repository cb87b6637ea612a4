"""A model version is verified before anything of it is parsed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from earshot.errors import ModelError, UnavailableError
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
        "format": 4,
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


def test_a_version_of_format_3_scores_pairs_and_stretches_alike():
    arrays = sample_head().to_arrays()
    del arrays["pair_shares"]
    model = load_model(reader(version(npz(**arrays), format=3)), WEIGHTS)
    assert model.head.pair_shares.tolist() == [0.5] * 4


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"format": 1}, "format is 1, not 3 or 4"),
        ({"labels": ["siren", "casual"]}, "labels are"),
        ({"yamnet_weights_sha256": "0000"}, "other YAMNet weights"),
    ],
)
def test_a_version_that_does_not_fit_is_refused(members, message):
    with pytest.raises(ModelError, match=message):
        load_model(reader(version(**members)), WEIGHTS)


ARRAYS = sample_head().to_arrays()
HIDDEN_ROWS = (1024, 2)


def not_a_number(name: str) -> np.ndarray:
    array = np.array(ARRAYS[name])
    array[(0,) * array.ndim] = np.nan
    return array


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        *(({name: not_a_number(name)}, f"{name} is not a finite") for name in (
            "kernel_0", "bias_0", "kernel_mean", "kernel_max", "bias_1", "alert_thresholds",
            "length_slopes", "temperature",
        )),
        ({"bias_0": np.full(2, np.inf, np.float32)}, "bias_0 is not a finite"),
        ({"temperature": np.float32(0)}, "temperature is 0"),
        ({"temperature": np.float32(-1)}, "temperature is -1"),
        ({"temperature": np.ones(2, np.float32)}, "temperature is not one number"),
        ({"alert_thresholds": np.full(4, 1.5, np.float32)}, "thresholds are not all between"),
        ({"kernel_0": np.full(HIDDEN_ROWS, "one")}, "kernel_0 holds <U3, not numbers"),
        ({"kernel_0": np.float32(1)}, "cannot be loaded"),
        ({"group_classes": np.array([521], np.int32)}, "class that YAMNet does not have"),
        ({"group_classes": np.array([-1], np.int32)}, "class that YAMNet does not have"),
        ({"group_classes": np.array(["siren"])}, "no lists of whole numbers"),
        ({"group_starts": np.array([1], np.int32)}, "one after the other"),
        ({"group_starts": np.array([], np.int32)}, "no lists of whole numbers"),
    ],
)  # fmt: skip
def test_a_head_of_senseless_numbers_is_refused(arrays, message):
    with pytest.raises(ModelError, match=message):
        load_model(reader(version(npz(**ARRAYS | arrays))), WEIGHTS)


def without_member(name: str) -> bytes:
    manifest = json.loads(version()["manifest.json"])
    del manifest[name]
    return json.dumps(manifest).encode()


@pytest.mark.parametrize(
    "manifest",
    [
        b"not json",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        *map(without_member, ("format", "version", "labels", "yamnet_weights_sha256", "files")),
        version(version=7)["manifest.json"],
        version(labels=7)["manifest.json"],
        version(files=[])["manifest.json"],
        version(files={})["manifest.json"],
    ],
)
def test_whatever_a_manifest_holds_instead_is_a_fault_of_the_model(manifest):
    with pytest.raises(ModelError):
        load_model(reader(version() | {"manifest.json": manifest}), WEIGHTS)


def test_an_array_that_is_missing_is_a_fault_of_the_model():
    arrays = {name: array for name, array in ARRAYS.items() if name != "length_slopes"}
    with pytest.raises(ModelError, match="lacks the array 'length_slopes'"):
        load_model(reader(version(npz(**arrays))), WEIGHTS)


def test_a_file_that_cannot_be_read_now_is_no_fault_of_the_model():
    def read(name: str) -> bytes:
        raise UnavailableError("S3")

    with pytest.raises(UnavailableError):
        load_model(read, WEIGHTS)
