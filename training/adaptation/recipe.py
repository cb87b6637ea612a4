"""What the head is trained on: clips, and variants of them as other microphones would hear them.

Variants of a clip stay in its group, so that none of them is ever on the other side of a split.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from earshot.audio.clip import Clip, full_scale_gain
from earshot.audio.log_mel import Floats
from earshot.labels import LABELS, Label
from earshot.yamnet.embedding import EmbeddedPatches, embed_whole
from earshot.yamnet.flatbuffer import Yamnet
from training.adaptation.taps import Halves, TapFiles, TappedYamnet
from training.data.augment import (
    NOISY,
    AugmentConfig,
    augment,
    disturb,
    empty_clips,
    event_in_background,
    long_crop,
    short_crop,
    vary_speed,
)
from training.data.feature_set import FeatureSet
from training.data.labeled_clips import LabeledClip

# Share of its weight that a broadened clip keeps. There are many casual ones, of few kinds.
OPEN_AUDIO_WEIGHT = 0.7
OPEN_AUDIO_CASUAL_WEIGHT = 0.35 * OPEN_AUDIO_WEIGHT
N_NOTHING = 30
_NOTHING = "nothing"
TRAINING = "training"  # the name of its file of taps; held-out sets have names of their own
N_FOLDS = 5
# A serving clip stands at full scale; training is not to rely on that to the decibel.
LEVEL_JITTER_DB = (-12.0, 0.0)
# White noise that is louder than the quantisation noise of 98 % of SESA's clips at full scale. That
# is as loud as a clip was recorded softly, and so tells something of its label.
EQUALISING_NOISE_DB = -34.0


class Variant(NamedTuple):
    """A clip as it is trained on.

    Attributes:
        waveform: to be heard.
        clean: the same stretch at the same speed before it was disturbed; the waveform itself
            where nothing was.
    """

    waveform: Floats
    clean: Floats


class Row(NamedTuple):
    """An embedded clip or variant on its way into a feature set, and its taps where wanted."""

    patches: EmbeddedPatches
    taps: Halves | None
    label: Label
    group: str
    weight: float


@dataclass(frozen=True)
class Variants:
    """How many variants of each clip are made.

    Attributes:
        augmented: as through another microphone, room and codec; every fourth a short crop.
        noisy: in noise.
        events: its loudest second in a casual recording.
    """

    augmented: int
    noisy: int
    events: int


OF_SESA = Variants(augmented=8, noisy=8, events=4)
OF_OPEN_AUDIO_THREATS = Variants(augmented=8, noisy=6, events=4)
OF_OPEN_AUDIO_CASUAL = Variants(augmented=3, noisy=2, events=0)


@dataclass(frozen=True)
class Source:
    """Clips of one origin, and how each is to be varied and weighted.

    Attributes:
        name: of the origin.
        clips: all of them.
        variants, weights: of a clip with this label.
        hold_out_varied: choose thresholds and temperature on varied clips of it too.
    """

    name: str
    clips: Sequence[LabeledClip]
    variants: Mapping[Label, Variants]
    weights: Mapping[Label, float]
    hold_out_varied: bool


@dataclass(frozen=True)
class TrainingData:
    """What a head is fitted on, and what its thresholds and temperature are chosen on.

    Attributes:
        training: clips and variants.
        held_out: by name; used only out of fold.
        fold_of: fold of each group.
    """

    training: FeatureSet
    held_out: dict[str, FeatureSet]
    fold_of: dict[str, int]


def sesa(clips: Sequence[LabeledClip]) -> Source:
    """The labelled recordings that the head is mainly for."""
    return Source(
        "sesa",
        clips,
        dict.fromkeys(LABELS, OF_SESA),
        dict.fromkeys(LABELS, 1.0),
        hold_out_varied=True,
    )


def broadened(clips: Sequence[LabeledClip]) -> Source:
    """Sounds from elsewhere, for their other microphones."""
    return Source(
        "broadened",
        clips,
        dict.fromkeys(LABELS, OF_OPEN_AUDIO_THREATS) | {Label.CASUAL: OF_OPEN_AUDIO_CASUAL},
        dict.fromkeys(LABELS, OPEN_AUDIO_WEIGHT) | {Label.CASUAL: OPEN_AUDIO_CASUAL_WEIGHT},
        hold_out_varied=False,
    )


def build(
    sources: Sequence[Source], yamnet_dir: Path, seed: int, tap_files: TapFiles | None = None
) -> TrainingData:
    """Load, vary and embed all clips on all cores, with a progress bar.

    The casual clips that are mixed into others are of the first source. A clip only gets those
    of its own fold, so that a fold that is held out is not heard behind the clips of another.

    Args:
        sources: of clips.
        yamnet_dir: of the YAMNet to hear them with.
        seed: of folds and variants; the same seed gives the same ones.
        tap_files: to write taps to, if that YAMNet is a tapped one. A disturbed variant then has
            the scores of the clip before: what its taps are to be trained to say.
    """
    tapped = tap_files is not None
    fold_of = assign_folds(sources, seed)
    casual = [
        (group_of(sources[0], clip), load(clip))
        for clip in sources[0].clips
        if clip.label is Label.CASUAL
    ]

    def kept(name: str, rows: Sequence[Row]) -> list[Row]:
        """The rows, their taps written to the set's file."""
        for row in rows:
            if tap_files and row.taps is not None:
                tap_files.append(name, row.taps)
        return [row._replace(taps=None) for row in rows]

    hear = hearing(yamnet_dir, tapped)
    training = [_feature_set(kept(TRAINING, _nothing(hear, np.random.default_rng(seed))))]
    held_out: dict[str, FeatureSet] = {}
    with ProcessPoolExecutor(
        # Not by forking: TensorFlow's threads do not survive it.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_embedding,
        initargs=(_Embedder(sources, fold_of, casual, yamnet_dir, tapped, seed),),
    ) as pool:
        for number, source in enumerate(sources):
            rows: dict[str, list[Row]] = {}
            clips = [(number, n) for n in range(len(source.clips))]
            for of_clip in tqdm(
                pool.map(_embed_clip, clips, chunksize=4),
                desc=f"embedding {source.name}",
                total=len(clips),
                unit="clip",
            ):
                for name, of_set in of_clip.items():
                    rows.setdefault(name, []).extend(kept(name, of_set))
            training.append(_feature_set(rows.pop(TRAINING)))
            held_out |= {name: _feature_set(of_set) for name, of_set in rows.items()}
    return TrainingData(FeatureSet.join(training), held_out, fold_of)


@dataclass(frozen=True)
class _Embedder:
    """What each process needs to vary and embed any clip.

    Attributes:
        casual: ``(group, waveform)`` of recordings to mix into others.
        tapped: hear with a tapped YAMNet, and hand on its taps.
    """

    sources: Sequence[Source]
    fold_of: dict[str, int]
    casual: Sequence[tuple[str, Floats]]
    yamnet_dir: Path
    tapped: bool
    seed: int

    def rows(self, hear: Hear, number: int, n: int) -> dict[str, list[Row]]:
        """Rows of clip `n` of source `number`, for training and for each held-out set.

        Each clip has a random generator of its own, so that they may be done in any order.
        """
        source = self.sources[number]
        clip, rng = source.clips[n], np.random.default_rng([self.seed, number, n])
        waveform, group = load(clip), group_of(source, clip)
        backgrounds = [
            other
            for of, other in self.casual
            if of != group and self.fold_of[of] == self.fold_of[group]
        ]
        weight, variants = source.weights[clip.label], source.variants[clip.label]

        def row(of: Variant, of_weight: float) -> Row:
            return Row(*hear(of), clip.label, group, of_weight)

        varied = vary(waveform, backgrounds, variants, rng)
        rows = {TRAINING: [row(variant, weight) for variant in varied]}
        held = held_out_variants(waveform, backgrounds, rng) if source.hold_out_varied else {}
        held = {"clean": waveform, **held}
        return rows | {
            f"{source.name} {name}": [row(Variant(of, of), 1.0)] for name, of in held.items()
        }


# What YAMNet says of a variant, and the taps of its patches where it is a tapped one.
Hear = Callable[[Variant], tuple[EmbeddedPatches, Halves | None]]


def hearing(yamnet_dir: Path, tapped: bool) -> Hear:
    """What hears variants with a YAMNet.

    A tapped one gives a disturbed variant the scores of the clip before it was disturbed.
    """
    if not tapped:
        yamnet = Yamnet(yamnet_dir)
        return lambda variant: (embed_whole([variant.waveform], yamnet), None)
    tapped_yamnet = TappedYamnet(yamnet_dir)

    def hear(variant: Variant) -> tuple[EmbeddedPatches, Halves]:
        heard, taps = embed_whole([variant.waveform], tapped_yamnet), tapped_yamnet.take()
        if variant.clean is not variant.waveform:
            of_clean = embed_whole([at_full_scale(variant.clean)], tapped_yamnet)
            tapped_yamnet.take()  # nothing is to be learnt from these
            heard = heard._replace(scores=of_clean.scores)
        return heard, taps

    return hear


_of_process: tuple[_Embedder, Hear]


def _begin_embedding(embedder: _Embedder) -> None:
    global _of_process  # noqa: PLW0603  # a process pool leaves no other way to keep YAMNet
    threadpool_limits(1)  # there is a process for each core; BLAS threads would wait in a spin
    _of_process = embedder, hearing(embedder.yamnet_dir, embedder.tapped)


def _embed_clip(clip: tuple[int, int]) -> dict[str, list[Row]]:
    embedder, hear = _of_process
    return embedder.rows(hear, *clip)


def group_of(source: Source, clip: LabeledClip) -> str:
    """Name of a clip's group among all sources."""
    return f"{source.name}/{clip.group}"


def assign_folds(sources: Sequence[Source], seed: int) -> dict[str, int]:
    """Fold of each group: each source's labels are spread evenly, and no group is in two folds.

    A source without `N_FOLDS` clips of any label is spread over as many as it has.
    """
    folds = {f"{_NOTHING}/{n}": n % N_FOLDS for n in range(N_NOTHING)}
    for source in sources:
        groups = np.array([group_of(source, clip) for clip in source.clips])
        labels = np.array([clip.label.class_id for clip in source.clips])
        n_folds = min(N_FOLDS, int(np.bincount(labels).max()))
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        for fold, (_, held) in enumerate(splitter.split(groups, labels, groups)):
            folds |= dict.fromkeys(np.unique(groups[held]).tolist(), fold)
    return folds


def load(clip: LabeledClip) -> Floats:
    """Waveform of a clip, as serving hears it.

    Raises:
        RejectedClipError: it cannot be heard.
    """
    with clip.path.open("rb") as file, Clip(file) as opened:
        return np.concatenate(list(opened.waveform_blocks()))


def vary(
    waveform: Floats, backgrounds: Sequence[Floats], variants: Variants, rng: np.random.Generator
) -> Iterator[Variant]:
    """The waveform itself, then its variants at levels that vary too."""

    def disturbed(cropped: Floats, config: AugmentConfig) -> Variant:
        clean = vary_speed(cropped, rng, config)
        return Variant(at_varied_level(disturb(clean, backgrounds, rng, config), rng), clean)

    yield Variant(waveform, waveform)
    for n in range(variants.augmented):
        cropped = short_crop(waveform, rng) if n % 4 == 3 else long_crop(waveform, rng)
        yield disturbed(cropped, AugmentConfig())
    for _ in range(variants.noisy):
        yield disturbed(long_crop(waveform, rng), NOISY)
    for _ in range(variants.events if backgrounds else 0):
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        event = at_varied_level(event_in_background(waveform, background, rng), rng)
        yield Variant(event, event)


def held_out_variants(
    waveform: Floats, backgrounds: Sequence[Floats], rng: np.random.Generator
) -> dict[str, Floats]:
    """Variants that nothing is fitted on.

    One through another microphone, one in noise, and the whole clip with its noise floor made like
    that of any other: see `EQUALISING_NOISE_DB`.
    """
    augmented = augment(long_crop(waveform, rng), backgrounds, rng)
    noisy = augment(long_crop(waveform, rng), backgrounds, rng, NOISY)
    return {
        "augmented": at_varied_level(augmented, rng),
        "noisy": at_varied_level(noisy, rng),
        "equalised": noise_equalised(waveform, rng),
    }


def noise_equalised(waveform: Floats, rng: np.random.Generator) -> Floats:
    """The clip at full scale, with white noise of one loudness that covers its own floor."""
    amplitude = 10 ** (EQUALISING_NOISE_DB / 20)
    noise = amplitude * rng.standard_normal(len(waveform), dtype=np.float32)
    return at_full_scale(at_full_scale(waveform) + noise)


def at_full_scale(waveform: Floats) -> Floats:
    """A waveform that was altered, as `Clip` would give it."""
    return waveform * full_scale_gain(float(np.abs(waveform).max(initial=0)))


def at_varied_level(waveform: Floats, rng: np.random.Generator) -> Floats:
    """The waveform up to 12 dB below full scale."""
    return at_full_scale(waveform) * np.float32(10 ** (rng.uniform(*LEVEL_JITTER_DB) / 20))


def _nothing(hear: Hear, rng: np.random.Generator) -> list[Row]:
    clips = [at_varied_level(waveform, rng) for waveform in empty_clips(N_NOTHING, rng)]
    return [
        Row(*hear(Variant(clip, clip)), Label.CASUAL, f"{_NOTHING}/{n}", 1.0)
        for n, clip in enumerate(clips)
    ]


def _feature_set(rows: Sequence[Row]) -> FeatureSet:
    patches, _, labels, groups, weights = zip(*rows, strict=True)
    return FeatureSet.of(patches, labels, groups, weights)
