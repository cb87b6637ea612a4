"""`make mute-distance`: how alike two sounds have to be for the one to be muted by the other.

Printed is, for several ways to compare events, the share of repeats of a false alarm that its mute
mutes, where at most one alert of a threat in 200 is muted; and the curve of the way that is used.
docs/muting.md says what the sounds are, and holds the output.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from earshot.alerts.mutes import GREATEST_DISTANCE
from earshot.audio.log_mel import Floats
from earshot.labels import Label
from earshot.model.head import normalized
from earshot.model.loading import load_model
from earshot.model.versions import yamnet_folder
from earshot.yamnet.flatbuffer import Yamnet
from training.data.labeled_clips import LabeledClip, decodable_clips
from training.evaluation.ambient import ambient_recordings
from training.evaluation.mute_sounds import (
    ALTERATIONS,
    OTHER,
    AlarmEvent,
    Detector,
    FalseAlarm,
    Repeat,
    ThreatAlarm,
    false_alarms,
    repeats,
    threats,
)
from training.yamnet import MODEL_DIR, MODELS

TOLERATED = 1 / 200  # of the alerts of threats
MUTES = (1, 5, 20)  # of a source
DRAWS = 20  # of mutes for each threat
_DISTANCES = (3.0, 3.4, 3.6, 4.0, 4.2, 4.4, 4.6, 5.0)

Compare = Callable[[Sequence[AlarmEvent], Sequence[AlarmEvent]], Floats]


@dataclass(frozen=True)
class Sounds:
    """What is compared."""

    alarms: list[FalseAlarm]
    repeats: list[Repeat]
    threats: list[ThreatAlarm]


class Likeness:
    """How alike the events of sounds and the events of false alarms are, in one way of comparing.

    Args:
        alarms: that mutes are made of.
        compare: likeness ``(a, b)`` of events, more for those more alike.
    """

    def __init__(self, alarms: Sequence[FalseAlarm], compare: Compare) -> None:
        self._events = [event for alarm in alarms for event in alarm.events]
        self._ends = np.cumsum([len(alarm.events) for alarm in alarms])
        self._compare = compare

    def of(self, events: Sequence[AlarmEvent]) -> Floats:
        """``(events, alarms)``: of each event and the event of its label in each alarm that is
        most like it; minus infinity where there is none."""
        found = np.array(self._compare(events, self._events), np.float32)
        labels = np.array([event.label.class_id for event in self._events])
        own = np.array([event.label.class_id for event in events])
        found[own[:, None] != labels[None, :]] = -np.inf
        starts = np.concatenate([[0], self._ends[:-1]])
        return np.maximum.reduceat(found, starts, axis=1)

    def of_each(self, sounds: Sequence[Sequence[AlarmEvent]]) -> list[Floats]:
        """The same of several sounds, each of one event or more."""
        together = self.of([event for events in sounds for event in events])
        return np.split(together, np.cumsum([len(events) for events in sounds])[:-1])


def of_repeats(likeness: Likeness, found: Sequence[Repeat]) -> Floats:
    """Threshold up to which each repeat is muted altogether by the mute of its false alarm."""
    each = likeness.of_each([one.events for one in found])
    least = [alike[:, one.of].min() for one, alike in zip(found, each, strict=True)]
    return np.array(least, np.float32)


def of_threats(
    likeness: Likeness, found: Sequence[ThreatAlarm], n_alarms: int, n_mutes: int
) -> NDArray[np.float32]:
    """Threshold ``(threats, draws)`` up to which an alert of a threat is muted.

    One label that is muted counts. The mutes are drawn from all false alarms; of a threat that is
    mixed into one, that one is among them.
    """
    rng = np.random.default_rng(n_mutes)
    rows = []
    each = likeness.of_each([one.events for one in found])
    for one, alike in zip(found, each, strict=True):
        labels = np.array([event.label.class_id for event in one.events])
        row = []
        for _ in range(DRAWS):
            drawn = rng.choice(n_alarms, n_mutes, replace=False)
            if one.of is not None:
                drawn[0] = one.of
            best = alike[:, drawn].max(axis=1)
            row.append(max(best[labels == label].min() for label in set(labels.tolist())))
        rows.append(row)
    return np.array(rows, np.float32)


def ways(detector: Detector, alarms: Sequence[FalseAlarm]) -> dict[str, Compare]:
    """Ways to compare events; the first is the one that alert uses."""
    head = detector.head
    center = np.mean([_unit(e.best[None])[0] for a in alarms for e in a.events], axis=0)

    def best(events: Iterable[AlarmEvent]) -> Floats:
        return np.stack([event.best for event in events])

    def mean(events: Iterable[AlarmEvent]) -> Floats:
        return _unit(np.stack([event.mean for event in events]))

    def centered(events: Iterable[AlarmEvent]) -> Floats:
        return _unit(_unit(best(events)) - center)

    def hidden(events: Iterable[AlarmEvent]) -> Floats:
        return _unit(np.maximum(normalized(best(events)) @ head.kernel_0 + head.bias_0, 0))

    def to_around(compare: Callable[[Floats, Floats], Floats]) -> Compare:
        """Of the best patch of each of `a`, and that patch around the best of `b` most like it."""

        def compared(a: Sequence[AlarmEvent], b: Sequence[AlarmEvent]) -> Floats:
            around = np.concatenate([event.around for event in b])
            starts = np.cumsum([0, *(len(event.around) for event in b[:-1])])
            return np.maximum.reduceat(compare(best(a), around), starts, axis=1)

        return compared

    return {
        "distance of a best patch and those around a best": to_around(
            lambda a, b: -_distances(a, b)
        ),
        "distance of best patches": lambda a, b: -_distances(best(a), best(b)),
        "the first, relative to the lengths of both": to_around(
            lambda a, b: -_distances(a, b) / np.sqrt(_lengths(a)[:, None] * _lengths(b)[None, :])
        ),
        "cosine of a best patch and those around a best": to_around(
            lambda a, b: _unit(a) @ _unit(b).T
        ),
        "cosine of means of patches": lambda a, b: mean(a) @ mean(b).T,
        "cosine, centered": lambda a, b: centered(a) @ centered(b).T,
        "cosine of the head's hidden units": lambda a, b: hidden(a) @ hidden(b).T,
    }


def tolerable(thresholds: Iterable[Floats]) -> float:
    """The least threshold at which no more than `TOLERATED` of each are muted."""
    return max(float(np.quantile(one, 1 - TOLERATED)) for one in thresholds)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / _lengths(vectors)[:, None], np.float32)


def _lengths(vectors: Floats) -> Floats:
    return np.asarray(np.maximum(np.linalg.norm(vectors, axis=1), 1e-9), np.float32)


def _distances(a: Floats, b: Floats) -> Floats:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def report(sounds: Sounds, detector: Detector) -> list[Table | str]:
    """Tables of all ways, and of the thresholds of the first."""
    plain = [one for one in sounds.threats if one.of is None]
    mixed = [one for one in sounds.threats if one.of is not None]
    kinds = {kind: [r for r in sounds.repeats if r.kind == kind] for kind in (*ALTERATIONS, OTHER)}
    altered = [r for r in sounds.repeats if r.kind != OTHER]
    n = len(sounds.alarms)
    lines: list[Table | str] = [
        f"{n} false alarms; {len(altered)} altered repeats and {len(kinds[OTHER])} other segments "
        f"that raise an alarm; alerts of {len(plain)} threats, and of {len(mixed)} threats mixed "
        "into false alarms."
    ]
    table = Table("compared by", f"threshold for {TOLERATED:.1%}, 5 mutes", "altered", OTHER)
    for name, compare in ways(detector, sounds.alarms).items():
        likeness = Likeness(sounds.alarms, compare)
        line = tolerable(of_threats(likeness, some, n, 5) for some in (plain, mixed))
        shares = [(of_repeats(likeness, some) >= line).mean() for some in (altered, kinds[OTHER])]
        table.add_row(name, f"{line:.3f}", *(f"{share:.1%}" for share in shares))
    lines.append(table)

    name, compare = next(iter(ways(detector, sounds.alarms).items()))
    likeness = Likeness(sounds.alarms, compare)
    repeated = {kind: of_repeats(likeness, some) for kind, some in kinds.items()}
    columns = ["altered", *(f"{kind} ({len(some)})" for kind, some in kinds.items())]
    curve = Table("distance", *columns, title=f"Repeats muted, by {name}")
    wrong = Table(
        "distance",
        *(f"{n_mutes} mutes" for n_mutes in MUTES),
        *(f"mixed, {n_mutes} mutes" for n_mutes in MUTES),
        title="Alerts of threats muted by mistake",
    )
    muted = [of_threats(likeness, some, n, k) for some in (plain, mixed) for k in MUTES]
    everything = np.concatenate([repeated[kind] for kind in ALTERATIONS])
    for distance in sorted({*_DISTANCES, GREATEST_DISTANCE}):
        first = f"{distance:.1f}{' *' if distance == GREATEST_DISTANCE else ''}"
        each = (everything, *repeated.values())
        curve.add_row(first, *(f"{(some >= -distance).mean():.1%}" for some in each))
        wrong.add_row(first, *(f"{(some >= -distance).mean():.2%}" for some in muted))
    return [*lines, curve, wrong, "* in use"]


def threat_clips(folders: Sequence[Path]) -> list[LabeledClip]:
    """Clips of threats in several folders."""
    return [
        clip
        for folder in folders
        for clip in decodable_clips(folder)
        if clip.label is not Label.CASUAL
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.mute_distance", description=__doc__
    )
    parser.add_argument("--ambient", type=Path, nargs="+", required=True, help="everyday sound")
    parser.add_argument("--threats", type=Path, nargs="+", required=True, help="labeled clips")
    parser.add_argument("--model", type=Path, default=MODELS / "v1")
    parser.add_argument("--lower", type=float, default=2.0, help="thresholds by so many logits")
    parser.add_argument("--alarms", type=int, default=300)
    parser.add_argument("--backgrounds", type=int, default=2, help="that each threat is mixed into")
    arguments = parser.parse_args()
    yamnet = Yamnet(yamnet_folder(arguments.model, MODEL_DIR))
    model = load_model(lambda name: (arguments.model / name).read_bytes(), yamnet.weights_sha256)
    detector = Detector(yamnet, model.head)
    lowered = detector.lowered(arguments.lower)
    rng = np.random.default_rng(0)
    recordings = [
        recording
        for folder in arguments.ambient
        for recording in ambient_recordings(folder)
        if recording.label is Label.CASUAL
    ]
    alarms = list(false_alarms(lowered, recordings, arguments.alarms))
    if len(alarms) < max(MUTES):
        parser.error(f"{len(alarms)} false alarms are too few; lower the thresholds further")
    sounds = Sounds(
        alarms,
        list(repeats(lowered, alarms, rng)),
        list(
            threats(detector, threat_clips(arguments.threats), alarms, arguments.backgrounds, rng)
        ),
    )
    console = Console(width=120)
    for line in report(sounds, detector):
        console.print(line, highlight=False)


if __name__ == "__main__":
    main()
