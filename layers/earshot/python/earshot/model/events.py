"""From patch logits to what a clip holds: one label, and the events that bear it out.

Label and events come from the same patch logits, so they never contradict each other: a clip
with an event is not casual, and a clip that is not casual has an event of its label.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.log_mel import PATCH_S
from earshot.events import Event
from earshot.labels import LABELS, Label
from earshot.model.head import Floats, Head, Logits

_CASUAL = Label.CASUAL.class_id


class Verdict(NamedTuple):
    """What a clip holds.

    Attributes:
        label: the most probable one.
        probabilities: ``(4,)``, calibrated.
        uncertain: the confidence is low, or the experts disagree and it is not high.
        events: in order of time; none in a casual clip.
    """

    label: Label
    probabilities: Floats
    uncertain: bool
    events: tuple[Event, ...]


def judge(head: Head, logits: Logits, starts: NDArray[np.float64]) -> Verdict:
    """Judge a clip.

    Args:
        head: its thresholds and calibration.
        logits: of all the clip's ``n`` patches.
        starts: ``(n,)`` seconds from the clip's start.
    """
    probabilities = head.probabilities(clip_logits(head, logits))
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    experts_disagree = len(set(logits.together.argmax(axis=1).tolist())) > 1
    bar = (1 + head.uncertain_below) / 2 if experts_disagree else head.uncertain_below
    return Verdict(
        label=LABELS[best],
        probabilities=probabilities,
        uncertain=confidence < bar,
        events=()
        if best == _CASUAL
        else find_events(head, event_logits(head, logits), starts, best),
    )


def event_logits(head: Head, logits: Logits) -> Floats:
    """Logits ``(n, 4)`` of patches in which events are sought.

    They are the experts' logits, summed, of a patch and that neighbour which bears it out better:
    patches overlap by half, so that what is heard in one is heard in the next or the last as well,
    and what a single patch hears is mostly chance. In a clip that is casual on the whole, a share
    of the clip's median is taken off: what makes an event there is that it stands out, and a
    recording whose every patch is a little like a gunshot holds none.
    """
    combined = with_neighbours(logits.patches.sum(axis=1))
    if not casual_on_the_whole(logits):
        return combined
    return combined - np.float32(head.event_contrast) * np.median(combined, axis=0)


def with_neighbours(patches: Floats) -> Floats:
    """Mean of each patch's logits ``(n, 4)`` and its neighbour's, whichever's are the higher."""
    if len(patches) == 1:
        return patches
    pairs = np.float32(0.5) * (patches[1:] + patches[:-1])
    before, after = np.concatenate([pairs[:1], pairs]), np.concatenate([pairs, pairs[-1:]])
    higher: Floats = np.maximum(before, after)
    return higher


def clip_logits(head: Head, logits: Logits) -> Floats:
    """Logits ``(4,)`` of a clip, in which a long casual recording does not bury a short event.

    They are the experts' logits of all patches together, summed; but where those say casual, each
    label with a patch above its event threshold gets what that patch has above the threshold. That
    is positive: the clip is casual no longer.
    """
    together: Floats = logits.together.sum(axis=0)
    if not casual_on_the_whole(logits):
        return together
    excess = event_logits(head, logits).max(axis=0) - head.event_thresholds
    excess[_CASUAL] = 0
    return np.where(excess > 0, excess, together)


def casual_on_the_whole(logits: Logits) -> bool:
    """Whether a clip is casual, unless a single patch says otherwise."""
    return bool(logits.together.sum(axis=0).argmax() == _CASUAL)


def find_events(
    head: Head, combined: Floats, starts: NDArray[np.float64], clip_label: int
) -> tuple[Event, ...]:
    """Events of a clip that is not casual, in order of time.

    An event opens at a patch above its label's threshold and reaches to both sides while patches
    stay above its release (hysteresis). A patch opens for its strongest label alone. The clip's
    own label always has an event: failing all else, around its best patch.
    """
    confidences = head.probabilities(combined)
    strongest = combined.argmax(axis=1)
    events = []
    for k, label in enumerate(LABELS):
        if k == _CASUAL:
            continue
        release = float(head.event_releases[k])
        opens = (combined[:, k] > head.event_thresholds[k]) & (strongest == k)
        if k == clip_label and not opens.any():
            opens = np.arange(len(combined)) == combined[:, k].argmax()
            release = min(release, float(combined[:, k].max()))
        held = opens | ((combined[:, k] >= release) & (strongest == k))
        for first, last in _runs(held):
            if opens[first : last + 1].any():
                end_s = float(starts[last]) + PATCH_S
                confidence = float(confidences[first : last + 1, k].max())
                events.append(Event(label, float(starts[first]), end_s, confidence))
    return tuple(sorted(events, key=lambda event: event.start_s))


def _runs(held: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]
