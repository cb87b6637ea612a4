"""The result of a clip: its classification, or why it was rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from earshot.errors import RejectedClipError
from earshot.events import Event, EventEmbedding, merge_closest
from earshot.labels import Label
from earshot.times import whole_milliseconds
from earshot.uploads.objects import ClipMetadata, Location

# Of a result. An item of DynamoDB has up to 400 KB, and so has each of its four indexes; in four
# hours there is room for an event every second (Amazon DynamoDB Developer Guide, "Service quotas").
MAX_EVENTS = 200

# What is recorded longer before it is classified, or after it, counts when it is classified: its
# clock may be wrong, and a query would have to look ever further on.
MAX_LATE = timedelta(days=3)

# A clip of a few samples is short, not empty.
_SHORTEST_S = 0.0001


@dataclass(frozen=True)
class AudioSetClass:
    """An AudioSet class, and YAMNet's highest score for it in a clip, 0 to 1."""

    name: str
    score: float


@dataclass(frozen=True)
class Classification:
    """What a model version found in a clip.

    Attributes:
        label: the most probable label.
        probabilities: of all four labels; they add up to 1.
        uncertain: a person should review the clip: the label is below its alert threshold.
        events: in order of time; none in a casual clip.
        audioset_top5: YAMNet's own top classes in the clip, highest score first.
        duration_s: length of the clip in seconds, all of which was classified.
        model_version: such as ``v1``.
        model_sha256: of the version's manifest, and so of the whole version.
        warnings: what had to be repaired or ignored, for a person.
        event_count: of the events before neighbors were merged; None where none were.
        embeddings: of the events that would raise an alert; of an uncertain clip, of all events.
            They are kept with the result, and in no answer.
        all_embedded: none of those events lacks its embedding.
        distance: of its embeddings from those of training; in the log alone, and None where it is
            not known.
    """

    label: Label
    probabilities: Mapping[Label, float]
    uncertain: bool
    events: tuple[Event, ...]
    audioset_top5: tuple[AudioSetClass, ...]
    duration_s: float
    model_version: str
    model_sha256: str
    warnings: tuple[str, ...] = ()
    event_count: int | None = None
    embeddings: tuple[EventEmbedding, ...] = ()
    all_embedded: bool = True
    distance: float | None = field(default=None, compare=False)

    @property
    def confidence(self) -> float:
        """Of the label: on which alerts and `uncertain` are decided.

        It is that of a threat's best event, which no other label lowers: `probabilities` add up to
        1, so in a clip with a siren and shots neither is near 1 there.
        """
        own = [event.confidence for event in self.events if event.label == self.label]
        return max(own, default=self.probabilities[self.label])


@dataclass(frozen=True)
class Rejection:
    """Why a clip cannot be classified.

    Attributes:
        code: stable machine-readable word, such as ``not_audio``.
        detail: what is wrong and what is accepted, for a person.
    """

    code: str
    detail: str


@dataclass(frozen=True)
class Feedback:
    """A person's label for a result.

    Attributes:
        label: that the person gives the clip.
        confirmed: it is the label of the classification; False for a correction.
        comment: may be empty.
        by: subject of the person's token.
        at: when it was given.
    """

    label: Label
    confirmed: bool
    comment: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Result:
    """A clip's row in the results table.

    Attributes:
        clip_id: 32 hexadecimal digits; see `earshot.uploads.objects.object_clip_id`.
        source: camera or site.
        timestamp: when the clip was classified or rejected.
        outcome: of that.
        recorded_at: when the recording began; None if the uploader gave no time.
        location: of the clip; None if it is not kept.
        verified_label: that the latest feedback gave; None without any feedback.
        feedback: oldest first.
        alerted_at: when an alert about this result was sent; None if none was.
        muted_by: of each label whose alert was muted, the clip whose mute it was.
        clip_url: temporary address of the clip; only in the answer to a request for one result.
    """

    clip_id: str
    source: str
    timestamp: datetime
    outcome: Classification | Rejection
    recorded_at: datetime | None = None
    location: Location | None = None
    verified_label: Label | None = None
    feedback: tuple[Feedback, ...] = ()
    alerted_at: datetime | None = None
    muted_by: Mapping[Label, str] = field(default_factory=dict)
    clip_url: str | None = None

    @property
    def classification(self) -> Classification | None:
        """The classification; None for a rejected clip."""
        return self.outcome if isinstance(self.outcome, Classification) else None

    @property
    def time(self) -> datetime:
        """When the clip counts; see `time_of`."""
        return time_of(self.recorded_at, self.timestamp)


def time_of(recorded_at: datetime | None, timestamp: datetime) -> datetime:
    """When a clip counts: when it was recorded, or when it was classified.

    Args:
        recorded_at: None if it is not known. A time that is later than `timestamp`, or more than
            `MAX_LATE` before it, is not counted by.
        timestamp: when the clip was classified or rejected.
    """
    if recorded_at is None or not timedelta(0) <= timestamp - recorded_at <= MAX_LATE:
        return timestamp
    return recorded_at


@dataclass(frozen=True)
class Origin:
    """Where a clip came from.

    Attributes:
        clip_id: the same for each delivery of the same clip.
        source: camera or site.
        location: None if the clip is not kept.
        recorded_at: None if the uploader gave no time.
        warnings: metadata that was ignored, for a person.
    """

    clip_id: str
    source: str
    location: Location | None = None
    recorded_at: datetime | None = None
    warnings: tuple[str, ...] = ()

    def with_metadata(self, metadata: ClipMetadata) -> Origin:
        """With the uploader's metadata, whose source goes before the key's."""
        return replace(
            self,
            source=metadata.source or self.source,
            recorded_at=metadata.recorded_at,
            warnings=metadata.warnings,
        )


def classified(origin: Origin, classification: Classification, now: datetime) -> Result:
    """Result of a clip that was classified, with all numbers rounded to four decimals.

    It has at most `MAX_EVENTS` events, so that it can be stored however long the clip is.
    """
    events = merge_closest(classification.events, MAX_EVENTS)
    merged = len(events) < len(classification.events)
    return _result(
        origin,
        replace(
            classification,
            probabilities={k: _rounded(v) for k, v in classification.probabilities.items()},
            events=tuple(
                Event(e.label, _rounded(e.start_s), _rounded(e.end_s), _rounded(e.confidence))
                for e in events
            ),
            event_count=len(classification.events) if merged else classification.event_count,
            audioset_top5=tuple(
                AudioSetClass(c.name, _rounded(c.score)) for c in classification.audioset_top5
            ),
            duration_s=max(_SHORTEST_S, _rounded(classification.duration_s)),
            warnings=(*origin.warnings, *classification.warnings),
        ),
        now,
    )


def rejected(origin: Origin, error: RejectedClipError, now: datetime) -> Result:
    """Result of a clip that cannot be classified, with the reason."""
    return _result(origin, Rejection(error.code, error.detail), now)


def _result(origin: Origin, outcome: Classification | Rejection, now: datetime) -> Result:
    return Result(
        clip_id=origin.clip_id,
        source=origin.source,
        timestamp=whole_milliseconds(now),
        outcome=outcome,
        recorded_at=origin.recorded_at,
        location=origin.location,
    )


def _rounded(value: float) -> float:
    """What is stored and what is sent are the same digits."""
    return round(value, 4)
