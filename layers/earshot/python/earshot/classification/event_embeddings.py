"""Embeddings of the events that would raise an alert: what a mute compares."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from earshot.audio.log_mel import FRAME_S, PATCH_HOP_FRAMES, PATCH_S
from earshot.events import Event, EventEmbedding
from earshot.labels import LABELS, Label
from earshot.model.head import Floats, Head

# Of a clip: one is 4 kB as it is stored.
MAX_EMBEDDINGS = 6
YAMNET_DIGITS = 16
_CASUAL = Label.CASUAL.class_id
_SAME_TIME_S = 1e-3
PATCH_HOP_S = PATCH_HOP_FRAMES * FRAME_S


class EventPatches:
    """The patches of a clip that events are made of, as they come: few, where little happens.

    An event's own patches are more likely its label than casual (`earshot.model.events`), so all
    others can be left, but for those beside them.
    """

    def __init__(self) -> None:
        self._starts: list[NDArray[np.float64]] = []
        self._logits: list[Floats] = []
        self._values: list[NDArray[np.uint8]] = []

    def add(self, starts: NDArray[np.float64], embeddings: Floats, logits: Floats) -> None:
        """Keep what may be part of an event.

        Args:
            starts: ``(n,)`` seconds.
            embeddings: ``(n, 1024)``.
            logits: ``(n, 4)`` of each patch alone.
        """
        own = np.delete(logits, _CASUAL, axis=1).max(axis=1) > 0
        near = own.copy()
        near[1:] |= own[:-1]
        near[:-1] |= own[1:]
        rows = np.flatnonzero(near)
        if len(rows):
            self._starts.append(starts[rows])
            self._logits.append(logits[rows])
            self._values.append(as_bytes(embeddings[rows]))

    def embeddings(self, events: Iterable[Event], yamnet: str) -> list[EventEmbedding]:
        """Embedding of each event; an event without any patch has none.

        The patches beside the best one hold the same sound, as YAMNet gets it half a patch earlier
        or later: the next time, it may begin there.
        """
        if not self._starts:
            return []
        starts = np.concatenate(self._starts)
        logits, values = np.concatenate(self._logits), np.concatenate(self._values)
        found = []
        for event in events:
            last_s = max(event.start_s, event.end_s - PATCH_S)
            within = (starts >= event.start_s - _SAME_TIME_S) & (starts <= last_s + _SAME_TIME_S)
            score = np.where(within, logits[:, LABELS.index(event.label)], -np.inf)
            if within.any():
                best = int(score.argmax())
                beside = np.flatnonzero(
                    np.abs(np.abs(starts - starts[best]) - PATCH_HOP_S) < _SAME_TIME_S
                )
                patches = tuple(values[row].tobytes() for row in (best, *beside))
                found.append(EventEmbedding(event.label, yamnet[:YAMNET_DIGITS], patches))
        return found


def alerting(events: Iterable[Event], head: Head, *, uncertain: bool) -> list[Event]:
    """Events that would raise an alert, the most confident first; all, if the clip is uncertain."""
    return sorted(
        (e for e in events if uncertain or e.confidence >= head.alert_thresholds[e.label.class_id]),
        key=lambda event: -event.confidence,
    )


def as_bytes(embeddings: Floats) -> NDArray[np.uint8]:
    """Embeddings ``(n, 1024)`` at a byte a value, ``(n, 1028)`` as `EventEmbedding` has them."""
    largest = np.maximum(np.abs(embeddings).max(axis=1, keepdims=True), np.float32(1e-9))
    scales = np.ascontiguousarray(largest / np.float32(127), dtype="<f4")
    values = np.rint(embeddings / scales).astype(np.int8)
    return np.concatenate([scales.view(np.uint8), values.view(np.uint8)], axis=1)
