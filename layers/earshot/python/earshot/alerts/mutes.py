"""Mutes: sounds of a source that raise no alert, because a person called one like them casual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf, sqrt
from operator import mul
from struct import Struct
from typing import Any

from earshot.events import EMBEDDING_BYTES, EventEmbedding
from earshot.labels import Label
from earshot.results.result import Classification
from earshot.times import format_time

# Euclidean distance of embeddings up to which an event sounds like a muted one. docs/muting.md has
# the figures that it is chosen by; `make mute-distance` measures them.
GREATEST_DISTANCE = 3.8
_SCALE = Struct("<f")
# Of a source; more are refused, and the work for one result is bounded.
MAX_MUTES = 20


@dataclass(frozen=True)
class ListedMute:
    """A mute without its embeddings.

    Attributes:
        clip_id: the clip that a person corrected to casual.
        source: whose sound it is; no other source is muted.
        labels: whose alerts it mutes.
        by: subject of the person's token.
        at: when it was muted.
        expires_at: until when.
    """

    clip_id: str
    source: str
    labels: tuple[Label, ...]
    by: str
    at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Mute:
    """A sound of a source that raises no alert.

    Attributes:
        source, clip_id, by, at, expires_at: as of `ListedMute`.
        embeddings: of its events, each with the label that is muted.
    """

    source: str
    clip_id: str
    embeddings: tuple[EventEmbedding, ...]
    by: str
    at: datetime
    expires_at: datetime

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels whose alerts it mutes."""
        return tuple(dict.fromkeys(one.label for one in self.embeddings))


def mute_to_json(mute: Mute | ListedMute) -> dict[str, Any]:
    """JSON object of a mute, without embeddings."""
    return {
        "clip_id": mute.clip_id,
        "source": mute.source,
        "labels": [str(label) for label in mute.labels],
        "by": mute.by,
        "at": format_time(mute.at),
        "expires_at": format_time(mute.expires_at),
    }


def muted_labels(
    classification: Classification, labels: Iterable[Label], mutes: Sequence[Mute]
) -> Mapping[Label, str]:
    """Which labels of a clip are muted, and the clip id of a mute of each.

    A label is muted if each of its events that would raise an alert sounds like a muted event of
    that label: if its best patch is like one around the best of that. A clip whose events have not
    all an embedding is not muted.

    Args:
        classification: of the clip.
        labels: that would raise an alert.
        mutes: of the clip's source that have not expired.
    """
    if not classification.all_embedded:
        return {}
    muted = {}
    for label in labels:
        events = [event for event in classification.embeddings if event.label == label]
        by = [next((m.clip_id for m in mutes if _sounds_like(event, m)), None) for event in events]
        if by and all(by):
            muted[label] = str(by[0])
    return muted


def distance(one: bytes, other: bytes) -> float:
    """Euclidean distance of two embeddings, as `EventEmbedding` has them.

    Infinite unless both are such: those that are stored without a scale are like none.

    In plain Python: alert would take longer to import numpy than to compare a hundred of these.
    """
    if len(one) != EMBEDDING_BYTES or len(other) != EMBEDDING_BYTES:
        return inf
    (scale_a,), (scale_b,) = _SCALE.unpack_from(one), _SCALE.unpack_from(other)
    a, b = (memoryview(patch)[_SCALE.size :].cast("b") for patch in (one, other))
    squares = scale_a**2 * sum(map(mul, a, a)) + scale_b**2 * sum(map(mul, b, b))
    return sqrt(max(0.0, squares - 2 * scale_a * scale_b * sum(map(mul, a, b))))


def _sounds_like(event: EventEmbedding, mute: Mute) -> bool:
    return any(
        muted.label == event.label
        and muted.yamnet == event.yamnet
        and any(distance(patch, event.patches[0]) <= GREATEST_DISTANCE for patch in muted.patches)
        for muted in mute.embeddings
    )
