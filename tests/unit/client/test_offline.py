"""Files are classified on this machine one by one, and none spoils another."""

from __future__ import annotations

from unittest.mock import Mock

from earshot.results.result import Rejection
from earshot_client import offline


def test_a_file_at_fault_is_a_rejection_and_the_next_is_classified(monkeypatch, tmp_path):
    raw, missing, folder, text = (tmp_path / name for name in ("a.raw", "b.wav", "c.wav", "d.wav"))
    raw.write_bytes(b"\x4f\x19\x0d\x25\xde\x21\xac\x18" * 500)
    folder.mkdir()
    text.write_bytes(b"Dear diary")
    yamnet = Mock(weights_sha256="")  # classifies nothing: no clip gets so far
    monkeypatch.setattr(offline, "Yamnet", lambda _: yamnet)
    monkeypatch.setattr(offline, "classifier_of", lambda *_: Mock())

    files = [raw, missing, folder, text]
    found = dict(offline.classify_files(files, tmp_path, tmp_path))
    assert list(found) == files
    outcomes = [result.outcome for result in found.values()]
    assert all(isinstance(outcome, Rejection) for outcome in outcomes)
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Rejection)]
    assert codes == ["not_audio", "unreadable", "unreadable", "not_audio"]
