"""Which sound a result has, and what is said where it has none."""

from __future__ import annotations

from typing import Any, BinaryIO

import pytest

from earshot.errors import GoneError, NotFoundError
from earshot.events import Event
from earshot.labels import Label
from earshot.results.sound import ClipSounds
from tests.unit.sample_results import classified, rejected

EVENTS = (Event(Label.SIREN, 0.5, 2.0, 0.9), Event(Label.SIREN, 100.0, 4000.0, 0.8))


class Stores:
    """Results by clip id, and the bucket, as `ResultsTable` and `UploadsBucket`."""

    def __init__(self) -> None:
        self.there = True
        self.results = {
            "c1": classified("c1", events=EVENTS),
            "quiet": classified("quiet", label=Label.CASUAL),
            "bad": rejected("bad"),
            "lost": classified("lost", location=None),
        }

    def get(self, clip_id: str) -> Any:
        return self.results.get(clip_id)

    def is_there(self, location: Any) -> bool:
        return self.there

    def link(self, location: Any, lifetime: Any) -> str:
        return f"https://s3/{location.key}?{location.version_id}&{lifetime}"

    def fetch(self, location: Any, file: BinaryIO) -> bool:
        file.write(b"sound")
        return self.there


@pytest.fixture
def stores() -> Stores:
    return Stores()


@pytest.fixture
def sounds(stores: Any) -> ClipSounds:
    return ClipSounds(stores, stores)


def cut(file: BinaryIO, start_s: float, end_s: float) -> bytes:
    return f"{file.read().decode()} {start_s} {end_s}".encode()


def test_a_clip_is_where_its_version_is(sounds):
    assert sounds.clip_url("c1") == "https://s3/incoming/gate/a.wav?v7&1:00:00"


def test_an_event_has_two_seconds_around_it_and_two_minutes_at_most(sounds):
    assert sounds.event_wav("c1", 1, cut) == b"sound -1.5 4.0"
    assert sounds.event_wav("c1", 2, cut) == b"sound 98.0 218.0"


@pytest.mark.parametrize(
    ("clip_id", "words"),
    [
        ("none", "erased, has expired, or was never"),
        ("bad", "rejected. It is no audio."),
        ("lost", "not kept"),
    ],
)
def test_without_sound_it_is_said_why(sounds, clip_id, words):
    for ask in (sounds.clip_url, lambda one: sounds.event_wav(one, 1, cut)):
        with pytest.raises(NotFoundError, match=words):
            ask(clip_id)


def test_a_clip_that_expired_is_gone(sounds, stores):
    stores.there = False
    for ask in (sounds.clip_url, lambda one: sounds.event_wav(one, 1, cut)):
        with pytest.raises(GoneError, match="expired"):
            ask("c1")


def test_an_event_that_is_not_there(sounds):
    with pytest.raises(NotFoundError, match="has 2, from 1 on"):
        sounds.event_wav("c1", 3, cut)
    with pytest.raises(NotFoundError, match="has none"):
        sounds.event_wav("quiet", 1, cut)
