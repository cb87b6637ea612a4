"""Sources of clips: how each is varied, how often it is drawn, and which clips go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from earshot.audio.clip import Clip
from earshot.audio.log_mel import Floats
from earshot.labels import LABELS, Label
from training.adaptation.variants import Variants
from training.data.labeled_clips import LabeledClip

N_NOTHING, N_NOISE, N_ROTORS = 30, 300, 150
NOTHING = "nothing"
NOTHING_SHARE = 0.5  # as a source has it; see `Source`
N_FOLDS = 3
# From so many clips on, all of the noise is learned from, and in as many batches as at the release.
ENOUGH_CLIPS = 400

OF_THREATS = Variants(augmented=4, noisy=3, short=4, events=3, mixed=5, floors=1)
OF_SESA_CASUAL = Variants(augmented=5, short=3, mixed=2, floors=4)
OF_OPEN_CASUAL = Variants(augmented=1, short=1, mixed=1, floors=2)
OF_EVERYDAY = Variants(augmented=1, short=1, mixed=2, floors=2, repeated=1)


@dataclass(frozen=True)
class Source:
    """Clips of one origin, and how each is to be varied.

    Attributes:
        name: of the origin.
        clips: all of them.
        variants: of a clip with this label.
        share: of its groups, beside those of other sources, in how often they are drawn.
        backgrounds: others' events may be mixed into its casual clips.
        hold_out_varied: calibrate on varied clips of it too.
        hours: its casual clips are long recordings of everyday sound, on which false alarms are
            counted.
    """

    name: str
    clips: Sequence[LabeledClip]
    variants: Mapping[Label, Variants]
    share: float
    backgrounds: bool = False
    hold_out_varied: bool = False
    hours: bool = False


def sesa(clips: Sequence[LabeledClip]) -> Source:
    """The labeled recordings that the head is mainly for."""
    variants = dict.fromkeys(LABELS, OF_THREATS) | {Label.CASUAL: OF_SESA_CASUAL}
    return Source("sesa", clips, variants, share=2.0, backgrounds=True, hold_out_varied=True)


def broadened(clips: Sequence[LabeledClip]) -> Source:
    """Sounds of games and synthesized alarms, for their other microphones."""
    variants = dict.fromkeys(LABELS, OF_THREATS) | {Label.CASUAL: OF_OPEN_CASUAL}
    return Source("broadened", clips, variants, share=2.0)


def everyday(clips: Sequence[LabeledClip]) -> Source:
    """Hours of music, speech, games and household sound from packages, and some threats."""
    variants = dict.fromkeys(LABELS, OF_THREATS) | {Label.CASUAL: OF_EVERYDAY}
    return Source("everyday", clips, variants, share=2.5, backgrounds=True, hours=True)


def field_recordings(clips: Sequence[LabeledClip]) -> Source:
    """Everyday sound that many people recorded, each with a microphone of their own."""
    variants = dict.fromkeys(LABELS, OF_THREATS) | {Label.CASUAL: OF_EVERYDAY}
    return Source("recordings", clips, variants, share=2.0, backgrounds=True, hours=True)


def source_weights(
    labels: Sequence[Label], groups: Sequence[str], shares: Mapping[str, float]
) -> Floats:
    """How often each clip is drawn, ``(clips,)``, beside others of its label.

    A source is drawn as the square root of its groups, times its share; its clips alike.
    """
    keys = np.array(
        [f"{label}/{g.split('/', 1)[0]}" for label, g in zip(labels, groups, strict=True)]
    )
    weights = np.zeros(len(keys), np.float32)
    for key in np.unique(keys):
        of_key = keys == key
        n_groups = len({groups[int(i)] for i in np.flatnonzero(of_key)})
        share = shares.get(str(key).split("/", 1)[1], NOTHING_SHARE)
        weights[of_key] = share * np.sqrt(n_groups) / of_key.sum()
    return weights


def share_of_enough(sources: Sequence[Source]) -> float:
    """How much of what enough clips take so few do: 1 from `ENOUGH_CLIPS` on."""
    return min(1.0, sum(len(source.clips) for source in sources) / ENOUGH_CLIPS)


def noise_counts(sources: Sequence[Source]) -> tuple[int, int, int]:
    """How many clips of nothing, of noise and of rotors are learned from beside these clips."""
    share = share_of_enough(sources)
    return ceil(share * N_NOTHING), ceil(share * N_NOISE), ceil(share * N_ROTORS)


def group_of(source: Source, clip: LabeledClip) -> str:
    """Name of a clip's group among all sources."""
    return f"{source.name}/{clip.group}"


def assign_folds(sources: Sequence[Source], seed: int) -> dict[str, int]:
    """Fold of each group: each source's labels are spread evenly, and no group is in two folds.

    A source without `N_FOLDS` clips of any label is spread over as many as it has.
    """
    folds = {f"{NOTHING}/{n}": n % N_FOLDS for n in range(N_NOTHING + N_NOISE + N_ROTORS)}
    for source in sources:
        groups = np.array([group_of(source, clip) for clip in source.clips])
        labels = np.array([clip.label.class_id for clip in source.clips])
        n_folds = min(N_FOLDS, int(np.bincount(labels).max()))
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        for fold, (_, held) in enumerate(splitter.split(groups, labels, groups)):
            folds |= dict.fromkeys(np.unique(groups[held]).tolist(), fold)
    return folds


def load(clip: LabeledClip) -> Floats:
    """Waveform of a clip, as serving has it.

    Raises:
        RejectedClipError: it cannot be classified.
    """
    with clip.path.open("rb") as file, Clip(file) as opened:
        return np.concatenate(list(opened.waveform_blocks()))
