"""What YAMNet's tail and the head are trained on: clips of all sources, and variants of them.

Variants of a clip stay in its group, so that none of them is ever on the other side of a split.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from earshot.audio.log_mel import PATCH_S, SAMPLE_RATE, Floats
from earshot.labels import Label
from earshot.yamnet.embedding import EmbeddedPatches, embed_whole
from training.adaptation.sources import (
    NOTHING,
    Source,
    assign_folds,
    group_of,
    load,
    noise_counts,
    source_weights,
)
from training.adaptation.taps import Halves, TapFiles, TappedYamnet
from training.adaptation.variants import (
    Variant,
    Variants,
    at_varied_level,
    held_out_variants,
    rotors,
    segments,
    steady_noise,
    vary,
)
from training.data.augment import empty_clips, long_crop
from training.data.feature_set import UNKNOWN, FeatureSet
from training.data.labeled_clips import LabeledClip

TRAINING = "training"  # the name of its file of taps; held-out sets have names of their own
HOURS = "everyday hours"
# An event is in a patch that holds this much of it, or half of it.
_EVENT_S = 0.25

NO_VARIANTS = Variants()
# Of everyday sound, variants are made of clips up to this length: knocks, barks, words.
LONGEST_VARIED_S = 12.0
_LONGEST_BACKGROUND_S, _BACKGROUNDS_A_CLIP = 40.0, 8


class Row(NamedTuple):
    """An embedded clip or variant on its way into a feature set, and its taps where wanted."""

    patches: EmbeddedPatches
    taps: Halves | None
    label: Label
    group: str
    known: NDArray[np.int8]


@dataclass(frozen=True)
class TrainingData:
    """What a head is fitted on, and what its thresholds and temperature are chosen on.

    Attributes:
        training: clips and variants.
        held_out: by name; used only out of fold.
        hours: ``(training clips,)`` which are segments of everyday sound as it is.
        kinds: ``(training clips,)`` of everyday sound.
        fold_of: fold of each group.
    """

    training: FeatureSet
    held_out: dict[str, FeatureSet]
    hours: NDArray[np.bool_]
    kinds: NDArray[np.str_]
    fold_of: dict[str, int]


def build(
    sources: Sequence[Source], yamnet_dir: Path, seed: int, tap_files: TapFiles, hold_out: bool
) -> TrainingData:
    """Load, vary and embed all clips on all cores, with a progress bar.

    A clip only gets casual recordings of its own fold mixed in, so that a fold that is held out is
    not behind the clips of another.

    Args:
        sources: of clips.
        yamnet_dir: of the tapped YAMNet to embed them with.
        seed: of folds and variants; the same seed gives the same ones.
        tap_files: to write taps to.
        hold_out: embed held-out sets, too; only a cross-validation needs them.
    """
    fold_of = assign_folds(sources, seed)
    training = _Collected(TRAINING, tap_files)
    held_out: dict[str, _Collected] = {}
    own_yamnet = embedder_of(yamnet_dir)
    for row in _nothing_and_noise(own_yamnet, noise_counts(sources), np.random.default_rng(seed)):
        training.add(row, hours=False, kind="")
    with ProcessPoolExecutor(
        # Not by forking: TensorFlow's threads do not survive it.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_embedding,
        initargs=(_Embedder(sources, _backgrounds(sources), fold_of, yamnet_dir, seed, hold_out),),
    ) as pool:
        for number, source in enumerate(sources):
            clips = [(number, n) for n in range(len(source.clips))]
            for (_, n), of_clip in zip(
                clips,
                tqdm(
                    pool.map(_embed_clip, clips, chunksize=4),
                    desc=f"embedding {source.name}",
                    total=len(clips),
                    unit="clip",
                ),
                strict=True,
            ):
                for name, row in of_clip:
                    if name in (TRAINING, HOURS):
                        training.add(row, hours=name == HOURS, kind=source.clips[n].kind)
                    else:
                        held_out.setdefault(name, _Collected(name, tap_files)).add(row)
    shares = {source.name: source.share for source in sources}
    return TrainingData(
        training.feature_set(shares),
        {name: of_set.feature_set(shares) for name, of_set in held_out.items()},
        np.array(training.hours, bool),
        np.array(training.kinds),
        fold_of,
    )


def _backgrounds(sources: Sequence[Source]) -> list[tuple[str, LabeledClip]]:
    return [
        (group_of(source, clip), clip)
        for source in sources
        if source.backgrounds
        for clip in source.clips
        if clip.label is Label.CASUAL and soundfile.info(clip.path).duration < _LONGEST_BACKGROUND_S
    ]


class _Collected:
    """Rows of a set, without their taps, which are on disk."""

    def __init__(self, name: str, tap_files: TapFiles) -> None:
        self._name, self._tap_files = name, tap_files
        self._rows: list[Row] = []
        self.hours: list[bool] = []
        self.kinds: list[str] = []

    def add(self, row: Row, *, hours: bool = False, kind: str = "") -> None:
        if row.taps is not None:
            self._tap_files.append(self._name, row.taps)
        # Embeddings of the published network are of no use: those of the adapted one take their
        # place. A column says how many patches there are.
        kept = row.patches._replace(
            embeddings=row.patches.embeddings[:, :1].astype(np.float16),
            scores=row.patches.scores.astype(np.float16),
        )
        self._rows.append(row._replace(patches=kept, taps=None))
        self.hours.append(hours)
        self.kinds.append(kind)

    def feature_set(self, shares: Mapping[str, float]) -> FeatureSet:
        labels = [row.label for row in self._rows]
        groups = [row.group for row in self._rows]
        return FeatureSet(
            embeddings=np.concatenate([row.patches.embeddings for row in self._rows]),
            scores=np.concatenate([row.patches.scores for row in self._rows]),
            lengths=np.array([len(row.patches.starts) for row in self._rows], np.int64),
            labels=np.array([label.class_id for label in labels], np.int64),
            weights=source_weights(labels, groups, shares),
            groups=np.array(groups),
            known=np.concatenate([row.known for row in self._rows]),
        )


@dataclass(frozen=True)
class _Embedder:
    """What each process needs to vary and embed any clip.

    Attributes:
        casual: ``(group, clip)`` of recordings to mix into others.
    """

    sources: Sequence[Source]
    casual: Sequence[tuple[str, LabeledClip]]
    fold_of: dict[str, int]
    yamnet_dir: Path
    seed: int
    hold_out: bool

    def rows(self, embed: Embed, number: int, n: int) -> Iterator[tuple[str, Row]]:
        """Rows of clip `n` of source `number`, each with the name of its set.

        Each clip has a random generator of its own, so that they may be done in any order.
        """
        source = self.sources[number]
        clip, rng = source.clips[n], np.random.default_rng([self.seed, number, n])
        waveform, group = load(clip), group_of(source, clip)
        variants = source.variants[clip.label]
        if source.hours and clip.label is Label.CASUAL:
            for segment in segments(waveform):
                yield HOURS, row_of(Variant(segment), clip.label, group, embed)
            if len(waveform) > LONGEST_VARIED_S * SAMPLE_RATE:
                variants = NO_VARIANTS
        else:
            yield TRAINING, row_of(Variant(long_crop(waveform, rng)), clip.label, group, embed)
        backgrounds = [_load_background(of) for of in self._backgrounds(group, rng)]
        for variant in vary(waveform, backgrounds, variants, rng):
            yield TRAINING, row_of(variant, clip.label, group, embed)
        if not self.hold_out or (source.hours and clip.label is Label.CASUAL):
            return
        held = held_out_variants(waveform, backgrounds, rng) if source.hold_out_varied else {}
        for name, of in ({"clean": waveform} | held).items():
            yield f"{source.name} {name}", row_of(Variant(of), clip.label, group, embed)

    def _backgrounds(self, group: str, rng: np.random.Generator) -> list[LabeledClip]:
        """Some casual recordings of the clip's fold that are not its own group."""
        fold = self.fold_of[group]
        fitting = [clip for of, clip in self.casual if of != group and self.fold_of[of] == fold]
        return [fitting[i] for i in rng.permutation(len(fitting))[:_BACKGROUNDS_A_CLIP]]


def row_of(variant: Variant, label: Label, group: str, embed: Embed) -> Row:
    """A variant, embedded, and what is known of its patches."""
    patches, taps = embed(variant.waveform)
    return Row(patches, taps, label, group, known_patches(variant, label, patches.starts))


def known_patches(variant: Variant, label: Label, starts: NDArray[np.float64]) -> NDArray[np.int8]:
    """For each patch: 1 it holds the event, 0 it is casual, or `UNKNOWN`."""
    if label is Label.CASUAL:
        return np.zeros(len(starts), np.int8)
    if variant.event_s is None:
        return np.full(len(starts), 1 if len(starts) <= 2 else UNKNOWN, np.int8)
    begin, end = variant.event_s
    shared = np.minimum(starts + PATCH_S, end) - np.maximum(starts, begin)
    holds = shared >= min(_EVENT_S, (end - begin) / 2)
    beside = np.convolve(holds, [1, 1, 1], "same") > 0  # its echo may reach there
    return np.where(holds, 1, np.where(beside, UNKNOWN, 0)).astype(np.int8)


# What a tapped YAMNet gives of a waveform, and the taps of its patches.
Embed = Callable[[Floats], tuple[EmbeddedPatches, Halves]]


def embedder_of(yamnet_dir: Path) -> Embed:
    """What embeds waveforms with a tapped YAMNet."""
    yamnet = TappedYamnet(yamnet_dir)
    return lambda waveform: (embed_whole([waveform], yamnet), yamnet.take())


_of_process: tuple[_Embedder, Embed]


def _begin_embedding(embedder: _Embedder) -> None:
    global _of_process  # noqa: PLW0603  # a process pool leaves no other way to keep YAMNet
    threadpool_limits(1)  # there is a process for each core; BLAS threads would wait in a spin
    _of_process = embedder, embedder_of(embedder.yamnet_dir)


def _embed_clip(clip: tuple[int, int]) -> list[tuple[str, Row]]:
    embedder, embed = _of_process
    return list(embedder.rows(embed, *clip))


@lru_cache(maxsize=1000)
def _load_background(clip: LabeledClip) -> Floats:
    return load(clip)


def _nothing_and_noise(
    embed: Embed, counts: tuple[int, int, int], rng: np.random.Generator
) -> Iterator[Row]:
    n_nothing, n_noise, n_rotors = counts
    noise = [steady_noise(rng) for _ in range(n_noise)] + [rotors(rng) for _ in range(n_rotors)]
    for n, clip in enumerate(empty_clips(n_nothing, rng) + noise):
        waveform = at_varied_level(clip, rng) if n < n_nothing else clip
        yield row_of(Variant(waveform), Label.CASUAL, f"{NOTHING}/{n}", embed)
