"""What a first version leaves to its retrainings to replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.labels import Label
from earshot.model.events import event_scores
from earshot.model.head import Head
from earshot.model.versions import sha256_hex
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import Yamnet
from training.adaptation.sources import Source, load
from training.adaptation.variants import held_out_variants
from training.data.clip_features import ClipFeatures, ClipRecord, of_clip
from training.data.labeled_clips import LabeledClip
from training.head.fitting import logits_by_clip

# A threat through another microphone and in noise scores near the line: without these, what is
# corrected elsewhere costs recall there. Of each, the two patches that score highest.
VARIANTS = ("augmented", "noisy")
PATCHES_A_VARIANT = 2
_LONGEST_S = 20
_N_BACKGROUNDS, _BACKGROUNDS_A_CLIP = 100, 6


def varied_threats(
    sources: Sequence[Source], yamnet: Yamnet, head: Head, seed: int
) -> Iterator[ClipFeatures]:
    """Features of variants of all threats that a version has learned from.

    Args:
        sources: of the clips.
        yamnet: to embed them with.
        head: whose scores say which patches to keep.
        seed: of all chance.
    """
    backgrounds = _backgrounds(sources)
    threats = [
        (source.name, clip)
        for source in sources
        for clip in source.clips
        if clip.label is not Label.CASUAL
    ]
    for n, (name, clip) in enumerate(tqdm(threats, desc="variants of threats", unit="clip")):
        rng = np.random.default_rng([seed, n])
        chosen = rng.permutation(len(backgrounds))[:_BACKGROUNDS_A_CLIP]
        waveform = load(clip)[: _LONGEST_S * SAMPLE_RATE]
        variants = held_out_variants(waveform, [backgrounds[i] for i in chosen], rng)
        digest = sha256_hex(clip.path.read_bytes())
        for k, kind in enumerate(VARIANTS, 2):
            record = ClipRecord(
                sha256=sha256_hex(f"{digest} {kind}".encode()),
                label=clip.label,
                # A copy mark: it is of the same recording group.
                key=f"{name}/{clip.label}/{clip.path.stem} ({k}).wav",
                n_patches=0,
                duration_s=round(len(variants[kind]) / SAMPLE_RATE, 3),
            )
            yield about_the_highest(
                embedded(variants[kind], record, yamnet), head, PATCHES_A_VARIANT
            )


def embedded(waveform: Floats, record: ClipRecord, yamnet: Yamnet) -> ClipFeatures:
    """Features of a waveform; the record's number of patches is set."""
    patches = embed_whole([waveform], yamnet)
    return of_clip(replace(record, n_patches=len(patches.starts)), patches)


def threat_scores(head: Head, one: ClipFeatures) -> Floats:
    """Event scores ``(patches, 3)`` of one clip's patches for the threats."""
    (logits,) = logits_by_clip(head, one.feature_set(["?"]))
    return event_scores(head, logits)[:, 1:]


def about_the_highest(one: ClipFeatures, head: Head, n_patches: int) -> ClipFeatures:
    """The patches about the one that scores its label highest; of a casual clip, any threat."""
    (record,) = one.clips
    scores = threat_scores(head, one)
    of_label = (
        scores.max(axis=1) if record.label is Label.CASUAL else scores[:, record.label.class_id - 1]
    )
    n = min(n_patches, len(scores))
    begin = int(np.clip(of_label.argmax() - n // 2, 0, len(scores) - n))
    kept = slice(begin, begin + n)
    return ClipFeatures((replace(record, n_patches=n),), one.embeddings[kept], one.scores[kept])


def _backgrounds(sources: Sequence[Source]) -> list[Floats]:
    casual: list[LabeledClip] = [
        clip
        for source in sources
        if source.backgrounds and not source.hours
        for clip in source.clips
        if clip.label is Label.CASUAL
    ]
    return [load(clip) for clip in casual[:: max(1, len(casual) // _N_BACKGROUNDS)]]
