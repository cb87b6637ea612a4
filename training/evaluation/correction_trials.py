"""`make correction-trials`: what retrainings learn of corrected false alarms, and what that costs.

A trial takes a few segments of one stream of everyday sound that the released version labels a
threat, corrects them, and fits a candidate as a retraining does. Counted is what the candidate gets
right of the corrected segments; of the same sounds altered, as in docs/muting.md; of other
segments of the same recordings; and of other false alarms of the stream. Beside them, what the
candidate does to labeled clips and to all of the everyday sound, and whether the gate lets it pass.
docs/retraining.md has the output.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label
from earshot.model.head import Head
from earshot.model.loading import load_model
from earshot.model.versions import yamnet_folder
from earshot.retraining.gate import Decision, decide
from earshot.retraining.plan import Batch, LabeledObject
from earshot.yamnet.flatbuffer import Yamnet
from training.data.clip_features import ClipFeatures, concatenate, read_npz
from training.data.grouping import split
from training.data.held_out import HELD_OUT_NAME, HeldOut
from training.evaluation.comparison import compare
from training.evaluation.correction_sounds import (
    Sounds,
    everyday,
    features_of,
    features_of_folder,
)
from training.evaluation.metrics import macro_f1
from training.evaluation.mute_sounds import altered
from training.evaluation.predictions import Predictions
from training.evaluation.progress import progress
from training.head.export import DATASET_NAME, KERAS_NAME, REPLAY_NAME, read_network
from training.head.incremental import Parent, clip_probabilities
from training.steps.embed import embed_batch
from training.steps.train import fit_candidate
from training.yamnet import MODEL_DIR, MODELS

AUGMENTATIONS = ("noise", "background")  # the defaults of a retraining
_CASUAL = Label.CASUAL.class_id


class Candidate(NamedTuple):
    """What a retraining fits, and what the gate decides on the held-out clips of the version."""

    head: Head
    decision: Decision


class Counts(dict[str, NDArray[np.int64]]):
    """For each kind of sound, how many are right and how many there are."""

    def add(self, kind: str, right: NDArray[np.bool_]) -> None:
        counted = np.array([right.sum(), len(right)], np.int64)
        self[kind] = counted + self.get(kind, 0)


def probabilities(head: Head, clips: ClipFeatures) -> NDArray[np.float64]:
    """``(clips, 4)``, as the service has them."""
    return clip_probabilities(head, clips.feature_set(["" for _ in clips.clips]))


def alerts(head: Head, found: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which clips are labeled a threat at its alert threshold or above, ``(clips,)``."""
    guesses = found.argmax(axis=1)
    enough = found.max(axis=1) >= np.array(head.alert_thresholds)[guesses]
    return np.asarray((guesses != _CASUAL) & enough, np.bool_)


class Trials:
    """Corrections of false alarms of a released version.

    Args:
        version: folder of the version, with the network and the clips to replay.
        yamnet: that it was trained with.
        sounds: to take false alarms from, and to measure on.
    """

    def __init__(self, version: Path, yamnet: Yamnet, sounds: Sounds) -> None:
        model = load_model(lambda name: (version / name).read_bytes(), yamnet.weights_sha256)
        dataset = json.loads((version / DATASET_NAME).read_bytes())
        replay, _ = read_npz((version / REPLAY_NAME).read_bytes())
        self._replay = replay
        learned = {entry["sha256"]: Label(entry["label"]) for entry in dataset["learnt_from"]}
        learned |= {clip.sha256: clip.label for clip in replay.clips}
        network = read_network((version / KERAS_NAME).read_bytes())
        self._parent = Parent(version.name, model.head, network, learned)
        self._held_before = HeldOut.from_npz((version / HELD_OUT_NAME).read_bytes())
        self._yamnet = yamnet
        self._sounds = sounds
        self._before = probabilities(model.head, sounds.features)
        self.false_alarms = np.flatnonzero(self._before.argmax(axis=1) != _CASUAL)
        self.before = self._figures(model.head)

    def drawn(self, n_trials: int, n_corrected: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Numbers of the segments that are corrected in each trial, each of another stream.

        Streams with the most false alarms come first; only those count that have more than are
        corrected. When all had their turn, they come again.
        """
        rng = np.random.default_rng(seed)
        by_stream: dict[Path, list[int]] = {}
        for n in self.false_alarms.tolist():
            by_stream.setdefault(self._sounds.segments[n].stream.path, []).append(n)
        usable = sorted((of for of in by_stream.values() if len(of) > n_corrected), key=len)[::-1]
        for trial in range(n_trials if usable else 0):
            yield rng.choice(usable[trial % len(usable)], n_corrected, replace=False)

    def learn(self, corrected: Sequence[int], seed: int) -> Candidate:
        """The candidate that a retraining fits when these segments were corrected."""
        contents = {}
        for n in corrected:
            segment = self._sounds.segments[n]
            file = io.BytesIO()
            soundfile.write(file, segment.read(), SAMPLE_RATE, format="WAV", subtype="PCM_16")
            contents[f"training/casual/corrections/{segment.name}.wav"] = file.getvalue()
        clips = tuple(
            LabeledObject(key, "", len(content), Label.CASUAL, held_out=False, corrected=True)
            for key, content in contents.items()
        )
        batch = Batch(0, clips, backgrounds=clips)
        new = embed_batch(
            batch, lambda clip: contents[clip.key], self._yamnet, AUGMENTATIONS, seed
        ).features
        parts = split(
            new, self._replay, self._held_before.features, frozenset(self._parent.learned)
        )
        held_out = HeldOut.of_split(parts, self._held_before.everyday_hours)
        with tempfile.TemporaryDirectory() as folder:
            fitted = fit_candidate(
                parts, held_out, Path(folder), yamnet=self._yamnet, parent=self._parent,
                seed=seed, rejected=[],
            )  # fmt: skip
        figures = compare(fitted.head, self._parent.head, held_out).figures
        decision = decide(
            figures["candidate"], figures["champion"], figures["differences"], carried={}
        )
        return Candidate(fitted.head, decision)

    def measure(self, head: Head, corrected: Sequence[int], seed: int, counts: Counts) -> Any:
        """Count what a candidate gets right, and give its figures on all other sounds."""
        segments = self._sounds.segments
        right = probabilities(head, self._sounds.features).argmax(axis=1) == _CASUAL
        chosen = np.array(sorted(corrected))
        others = np.setdiff1d(self.false_alarms, chosen)
        stream = segments[chosen[0]].stream
        recordings = {segments[n].recording for n in chosen}
        same = np.array([segments[n].recording in recordings for n in others], bool)
        near = np.array([segments[n].stream is stream for n in others], bool) & ~same
        counts.add("corrected", right[chosen])
        for kind, clips in self._altered(chosen, seed).items():
            wrong = probabilities(self._parent.head, clips).argmax(axis=1) != _CASUAL
            counts.add(kind, probabilities(head, clips).argmax(axis=1)[wrong] == _CASUAL)
        counts.add("other segments of the same recordings", right[others[same]])
        counts.add("other recordings of the stream", right[others[near]])
        return self._figures(head, np.setdiff1d(np.arange(len(segments)), chosen))

    def _altered(self, chosen: NDArray[np.int64], seed: int) -> dict[str, ClipFeatures]:
        rng = np.random.default_rng(seed)
        found: dict[str, list[ClipFeatures]] = {}
        for n in chosen.tolist():
            for kind, waveform in altered(self._sounds.segments[n].read(), rng):
                if len(waveform) >= SAMPLE_RATE:
                    name = f"{n} {kind}"
                    clip = features_of(waveform, name, Label.CASUAL, self._yamnet)
                    found.setdefault(kind, []).append(clip)
        return {kind: concatenate(clips) for kind, clips in found.items()}

    def _figures(self, head: Head, rows: NDArray[np.int64] | None = None) -> dict[str, float]:
        """Macro F1 of labeled clips, and false labels and alerts per hour of everyday sound."""
        found = probabilities(head, self._sounds.features)
        rows = np.arange(len(found)) if rows is None else rows
        hours = sum(self._sounds.segments[n].duration_s for n in rows) / 3600
        figures = {
            f"macro F1: {name}": macro_f1(
                Predictions(clips.class_ids, probabilities(head, clips), np.arange(len(clips)))
            )
            for name, clips in self._sounds.labeled.items()
        }
        figures["labeled a threat per hour"] = float(
            (found[rows].argmax(axis=1) != _CASUAL).sum() / hours
        )
        figures["alerts per hour"] = float(alerts(head, found[rows]).sum() / hours)
        return figures


def report(
    counts: Counts,
    before: dict[str, float],
    after: Sequence[dict[str, float]],
    promoted: Sequence[bool],
) -> Table:
    """What is right of each kind of sound, and the figures before and after.

    Args:
        counts: of all trials.
        before: figures of the released version.
        after: figures of each trial's candidate.
        promoted: whether the gate lets it pass.
    """
    table = Table("", "before", "after, mean", "least", "most", "mean of those promoted")
    for kind, (right, n) in counts.items():
        table.add_row(f"right: {kind}", f"0 of {n}", f"{right} ({right / max(n, 1):.0%})")
    for name, value in before.items():
        each = np.array([figures[name] for figures in after])
        cells = [f"{one:.3f}" for one in (value, each.mean(), each.min(), each.max())]
        passed = each[list(promoted)]
        table.add_row(name, *cells, f"{passed.mean():.3f}" if len(passed) else "none")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.correction_trials", description=__doc__
    )
    parser.add_argument("--ambient", type=Path, nargs="+", required=True, help="everyday sound")
    parser.add_argument("--labeled", type=Path, nargs="+", required=True, help="labeled clips")
    parser.add_argument("--model", type=Path, default=MODELS / "v1")
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--corrected", type=int, default=5, help="segments in each trial")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    yamnet = Yamnet(yamnet_folder(arguments.model, MODEL_DIR))
    segments, features = everyday(arguments.ambient, yamnet)
    labeled = {
        f"{folder.parent.name}/{folder.name}": features_of_folder(folder, yamnet)
        for folder in arguments.labeled
    }
    trials = Trials(arguments.model, yamnet, Sounds(segments, features, labeled))
    drawn = list(trials.drawn(arguments.trials, arguments.corrected, arguments.seed))
    if not drawn:
        parser.error(f"{len(trials.false_alarms)} false alarms are too few; add everyday sound")
    counts, after, decisions = Counts(), [], []
    for corrected in progress(drawn, "trials"):
        candidate = trials.learn(corrected.tolist(), arguments.seed)
        after.append(trials.measure(candidate.head, corrected.tolist(), arguments.seed, counts))
        decisions.append(candidate.decision)
    console = Console(width=120)
    console.print(f"{len(trials.false_alarms)} of {len(segments)} segments are labeled a threat.")
    promoted = [decision.promote for decision in decisions]
    console.print(report(counts, trials.before, after, promoted), highlight=False)
    console.print(f"The gate lets {sum(promoted)} of {len(promoted)} candidates pass.")
    for n, decision in enumerate(decisions, 1):
        for reason in decision.reasons:
            console.print(f"Trial {n} is rejected: {reason}", highlight=False)


if __name__ == "__main__":
    main()
