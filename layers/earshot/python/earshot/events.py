"""Events: the stretches of a clip in which a label was detected.

Apart from `earshot.model.events`, which finds them, so that functions which only read results need
no numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from earshot.labels import Label

EMBEDDING_BYTES = 4 + 1024  # of a patch in `EventEmbedding`


class Event(NamedTuple):
    """A stretch of a clip in which a threat was detected.

    Attributes:
        label: that was detected.
        start_s, end_s: seconds from the start of the clip; a single patch lasts 0.96 s.
        confidence: calibrated probability of the label in the stretch's best patch.
    """

    label: Label
    start_s: float
    end_s: float
    confidence: float


class EventEmbedding(NamedTuple):
    """What an event sounds like to YAMNet, to compare it with other events.

    Attributes:
        label: of the event.
        yamnet: the first digits of its weights' SHA-256: embeddings of two YAMNets cannot be
            compared.
        patches: of its best patch, then of those before and after it that are there; each the
            scale as a little-endian float32, and then ``(1024,)`` signed bytes to multiply with it.
    """

    label: Label
    yamnet: str
    patches: tuple[bytes, ...]


def merge_closest(events: Sequence[Event], limit: int) -> tuple[Event, ...]:
    """At most so many events: those of one label with the shortest gaps between them are merged.

    Args:
        events: in order of time.
        limit: at least the number of labels.

    Returns:
        Events in order of time. A merged one reaches from the first start to the last end, and has
        the highest confidence.
    """
    before: dict[Label, Event] = {}
    gaps = []
    for index, event in enumerate(events):
        if event.label in before:
            gaps.append((event.start_s - before[event.label].end_s, index))
        before[event.label] = event
    joined = {index for _, index in sorted(gaps)[: max(len(events) - limit, 0)]}
    merged: list[Event] = []
    latest: dict[Label, int] = {}
    for index, event in enumerate(events):
        if index in joined:
            first = merged[latest[event.label]]
            merged[latest[event.label]] = Event(
                event.label,
                first.start_s,
                max(first.end_s, event.end_s),
                max(first.confidence, event.confidence),
            )
        else:
            latest[event.label] = len(merged)
            merged.append(event)
    return tuple(merged)
