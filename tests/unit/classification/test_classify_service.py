"""What becomes of uploads and posted clips, with stores that live in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from earshot.audio.clip import Clip
from earshot.classification.service import ClassifyService
from earshot.errors import PayloadTooLargeError, RejectedClipError, UnavailableError
from earshot.labels import LABELS, Label
from earshot.results.result import Classification, Rejection, Result
from earshot.uploads.clip_store import StoredClip
from earshot.uploads.objects import ClipMetadata, Location, Upload


def wav() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000), 16_000, format="WAV")
    return file.getvalue()


class Clips(dict[str, bytes]):
    metadata: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed
    tags: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed

    @contextmanager
    def open(self, upload: Upload) -> Iterator[StoredClip]:
        yield StoredClip(io.BytesIO(self[upload.location.key]), self.metadata)

    def tag(self, upload: Upload, tags: dict[str, str]) -> None:
        self.tags = tags


class Results(dict[str, Result]):
    def __init__(self) -> None:
        self.days: list[int] = []

    def save(self, result: Result, keep_days: int = 0) -> Result:
        self.days.append(keep_days)
        return self.setdefault(result.clip_id, result)


class Posted(dict[str, bytes]):
    def __init__(self) -> None:
        self.days: list[int] = []

    def keep(self, clip_id: str, content: bytes, keep_days: int = 0) -> Location:
        self.days.append(keep_days)
        self[clip_id] = content
        return Location("clips", f"posted/{clip_id}.wav")


class FailingPosted:
    def keep(self, clip_id: str, content: bytes, keep_days: int = 0) -> Location:
        raise UnavailableError("The uploads bucket is not available at the moment")


class FailingResults:
    def save(self, result: Result, keep_days: int = 0) -> Result:
        raise UnavailableError("The results table is not available at the moment")


class SirenClassifier:
    """Reads the clip as the real one does and finds a siren in whatever can be read."""

    def classify(self, clip: Clip) -> Classification:
        list(clip.waveform_blocks())
        probabilities = dict(zip(LABELS, (0.1, 0.0, 0.0, 0.9), strict=True))
        return Classification(
            label=Label.SIREN,
            probabilities=probabilities,
            uncertain=False,
            events=(),
            audioset_top5=(),
            duration_s=clip.duration_s,
            model_version="v1",
            model_sha256="ab" * 32,
        )


def make_service(
    clips: Any, results: Results | FailingResults, posted: Any = None
) -> ClassifyService:
    classifier: Any = SirenClassifier()
    posted = Posted() if posted is None else posted
    return ClassifyService(classifier, clips, posted, results, lambda: datetime.now(UTC))


def upload(key: str) -> Upload:
    return Upload(Location("clips", key, "v1"), "v1", 100)


def test_an_upload_becomes_a_result_that_finds_it_again():
    results = Results()
    result = make_service(Clips({"incoming/gate/a.wav": wav()}), results).classify_upload(
        upload("incoming/gate/a.wav")
    )
    assert results == {result.clip_id: result}
    assert result.classification is not None
    assert (result.classification.label, result.classification.duration_s) == (Label.SIREN, 1.0)
    assert result.location == Location("clips", "incoming/gate/a.wav", "v1")


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("incoming/north gate/a.wav", "north gate"),
        ("incoming/gate/2026/01/a.wav", "gate"),
        ("incoming/a.wav", "unknown"),
        ("incoming//a.wav", "unknown"),
    ],
)
def test_the_folder_of_an_upload_is_its_source(key, source):
    assert upload(key).source == source


def test_what_an_uploader_says_in_the_metadata_goes_before_the_folder():
    clips = Clips({"incoming/gate/a.wav": wav()})
    clips.metadata = {"source": "camera 7", "recorded-at": "2026-01-31T12:00:00+01:00"}
    result = make_service(clips, Results()).classify_upload(upload("incoming/gate/a.wav"))
    assert (result.source, result.recorded_at) == (
        "camera 7",
        datetime(2026, 1, 31, 11, tzinfo=UTC),
    )


def test_metadata_that_cannot_be_understood_is_a_warning_and_spoils_no_clip():
    clips = Clips({"incoming/gate/a.wav": wav()})
    clips.metadata = {"recorded-at": "yesterday"}
    result = make_service(clips, Results()).classify_upload(upload("incoming/gate/a.wav"))
    assert result.recorded_at is None
    assert result.classification is not None
    assert "yesterday" in result.classification.warnings[0]


def test_an_upload_that_is_delivered_twice_has_one_result():
    results = Results()
    service = make_service(Clips({"incoming/a.wav": wav()}), results)
    first = service.classify_upload(upload("incoming/a.wav"))
    assert service.classify_upload(upload("incoming/a.wav")) == first
    assert len(results) == 1


def test_an_upload_at_fault_becomes_a_rejection_and_raises_nothing():
    results = Results()
    make_service(Clips({"incoming/a.wav": b"text"}), results).classify_upload(
        upload("incoming/a.wav")
    )
    (rejection,) = results.values()
    assert isinstance(rejection.outcome, Rejection)
    assert rejection.outcome.code == "not_audio"


def test_a_posted_clip_at_fault_is_recorded_and_the_client_gets_the_reason():
    results, posted = Results(), Posted()
    service = make_service(Clips(), results, posted)
    with pytest.raises(RejectedClipError):
        service.classify_posted(io.BytesIO(b"text"), "r1", ClipMetadata("gate"))
    assert not posted, "what is no recording is not kept"
    (rejection,) = results.values()
    assert (rejection.classification, rejection.source) == (None, "gate")


def test_a_posted_clip_is_kept_and_its_result_finds_it_again():
    results, posted = Results(), Posted()
    service = make_service(Clips(), results, posted)
    result = service.classify_posted(io.BytesIO(wav()), "r1", ClipMetadata("gate"))
    assert posted == {result.clip_id: wav()}
    assert result.location == Location("clips", f"posted/{result.clip_id}.wav")
    assert results[result.clip_id] == result


def test_a_posted_clip_that_cannot_be_kept_is_classified_all_the_same():
    service = make_service(Clips(), Results(), FailingPosted())
    result = service.classify_posted(io.BytesIO(wav()), "r1", ClipMetadata("gate"))
    assert result.classification is not None
    assert result.classification.label is Label.SIREN
    assert result.classification.warnings == ("the clip could not be kept",)
    assert result.location is None


def test_a_posted_clip_sent_again_under_its_key_has_one_result():
    results = Results()
    service = make_service(Clips(), results)
    for _ in range(2):
        service.classify_posted(io.BytesIO(wav()), "retry-1", ClipMetadata("gate"))
    assert len(results) == 1


def test_a_store_that_fails_is_not_taken_for_a_fault_of_the_clip():
    service = make_service(Clips({"incoming/a.wav": wav()}), FailingResults())
    with pytest.raises(UnavailableError):
        service.classify_upload(upload("incoming/a.wav"))


def test_where_no_posted_clips_are_kept_their_results_have_no_location():
    classifier: Any = SirenClassifier()
    clips: Any = Clips()
    service = ClassifyService(classifier, clips, None, Results(), lambda: datetime.now(UTC))
    result = service.classify_posted(io.BytesIO(wav()), "r1", ClipMetadata())
    assert (result.location, result.source) == (None, "unknown")


def test_a_posted_clip_that_takes_too_long_is_sent_to_uploads_and_not_recorded():
    file = io.BytesIO()
    long = np.zeros(2000 * 1300, np.int16)
    soundfile.write(file, long, 2000, format="FLAC")
    results = Results()
    posting = make_service(Clips(), results)
    with pytest.raises(PayloadTooLargeError, match="POST /uploads"):
        posting.classify_posted(io.BytesIO(file.getvalue()), "request-1", ClipMetadata())
    assert results == {}


def test_an_upload_that_would_take_too_much_work_is_recorded_without_decoding_it():
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 48_000, 8, "PCM_16", format="FLAC") as sound:
        sound.write(np.zeros((48_000, 8), np.int16))
    content = bytearray(file.getvalue())
    frames = 4 * 3600 * 48_000  # as the header claims: 8 channels, 4 hours
    content[21] = content[21] & 0xF0 | frames >> 32
    content[22:26] = (frames & 0xFFFF_FFFF).to_bytes(4, "big")
    clips = Clips({"incoming/a.flac": bytes(content)})
    result = make_service(clips, Results()).classify_upload(upload("incoming/a.flac"))
    assert isinstance(result.outcome, Rejection)
    assert result.outcome.code == "too_long"
    assert "million samples" in result.outcome.detail


@pytest.mark.parametrize(
    ("label", "uncertain", "kept"),
    [(Label.CASUAL, False, False), (Label.CASUAL, True, True), (Label.SIREN, False, True)],
)
def test_what_is_casual_without_doubt_is_not_kept_where_nobody_wants_it(label, uncertain, kept):
    classifier: Any = SirenClassifier()
    found = replace(classifier.classify(Clip(io.BytesIO(wav()))), label=label, uncertain=uncertain)
    stub: Any = SimpleNamespace(classify=lambda clip: found)
    clips: Any = Clips({})
    posted: Any = Posted()
    service = ClassifyService(
        stub, clips, posted, Results(), lambda: datetime.now(UTC), keeps_casual=False
    )
    result = service.classify_posted(io.BytesIO(wav()), "r", ClipMetadata())
    assert (result.location is not None) is kept


def test_clips_and_results_of_a_source_are_kept_for_its_own_days():
    clips, results, posted = (
        Clips({"incoming/gate/a.wav": wav(), "incoming/gate/b.wav": b""}),
        Results(),
        Posted(),
    )
    classifier: Any = SirenClassifier()
    service = ClassifyService(
        classifier,
        clips,  # type: ignore[arg-type]
        posted,  # type: ignore[arg-type]
        results,
        lambda: datetime.now(UTC),
        retention={"gate": 7}.__getitem__,
    )
    kept = service.classify_upload(upload("incoming/gate/a.wav"))
    service.tag_upload(upload("incoming/gate/a.wav"), kept)
    assert clips.tags == {"label": "siren", "keep": "7"}
    rejected = service.classify_upload(upload("incoming/gate/b.wav"))
    service.tag_upload(upload("incoming/gate/b.wav"), rejected)
    assert clips.tags == {"keep": "7"}, "of a rejected one, too"
    service.classify_posted(io.BytesIO(wav()), "request", ClipMetadata("gate"))
    assert (results.days, posted.days) == ([7, 7, 7], [7])
