"""Embed a batch of labeled clips and their augmented copies."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from earshot.audio.clip import Clip, full_scale_gain
from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.errors import RejectedClipError
from earshot.model.versions import sha256_hex
from earshot.retraining.plan import Batch, LabeledObject
from earshot.yamnet.embedding import EmbeddedPatches, embed_whole
from earshot.yamnet.flatbuffer import Yamnet
from training.data.augmented_copies import copy_of
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate, of_clip
from training.steps.soundness import only_finite

# In a longer clip the label holds for too small a part of it.
MAX_DURATION_S = 600.0
# A sound that was corrected begins elsewhere in a patch when it comes back: copies of the clip that
# begin a third and two thirds of a patch's hop later are learned with it.
LATER, LATER_S = "a later start", (0.16, 0.32)


@dataclass(frozen=True)
class Background:
    """A casual clip to mix under others.

    Attributes:
        sha256: of its file.
        waveform: ``(samples,)`` at 16 kHz.
    """

    sha256: str
    waveform: Floats


@dataclass(frozen=True)
class EmbeddedBatch:
    """Features of a batch.

    Attributes:
        features: of the clips that could be decoded, and of their augmented copies.
        rejected: key and reason of each other clip and copy.
    """

    features: ClipFeatures
    rejected: tuple[tuple[str, str], ...]


def embed_batch(
    batch: Batch,
    read: Callable[[LabeledObject], bytes],
    yamnet: Yamnet,
    augmentations: Sequence[str],
    seed: int,
) -> EmbeddedBatch:
    """Embed a batch; what cannot be decoded or has no finite features is left out, with the reason.

    Args:
        batch: of the plan.
        read: returns a clip's content; raises `RejectedClipError` if the object is gone.
        yamnet: to embed with.
        augmentations: kinds of copies to make of each clip that is not held out.
        seed: of the augmentation; the same seed gives the same copies.

    Raises:
        UnavailableError: clips could not be read.
    """
    backgrounds = list(_backgrounds(batch, read)) if "background" in augmentations else []
    embedded: list[ClipFeatures] = []
    rejected: list[tuple[str, str]] = []  # also copies that are left out
    for clip in batch.clips:
        try:
            content = read(clip)
            copies = () if clip.held_out else augmentations
            found = _embed(
                clip,
                content,
                yamnet,
                augmentations=copies,
                seed=seed,
                backgrounds=backgrounds,
            )
            finite, of_no_number = only_finite(concatenate(found))
            embedded.append(finite)
            rejected += of_no_number
        except RejectedClipError as error:
            rejected.append((clip.key, error.detail))
    return EmbeddedBatch(concatenate(embedded), tuple(rejected))


def _embed(
    clip: LabeledObject,
    content: bytes,
    yamnet: Yamnet,
    *,
    augmentations: Sequence[str],
    seed: int,
    backgrounds: Sequence[Background],
) -> list[ClipFeatures]:
    digest = sha256_hex(content)
    with Clip(io.BytesIO(content)) as opened:
        waveform = _waveform(opened)

    def features(patches: EmbeddedPatches, kind: str | None, under: str | None) -> ClipFeatures:
        record = ClipRecord(
            sha256=digest,
            label=clip.label,
            key=clip.key,
            version_id=clip.version_id,
            held_out=clip.held_out,
            corrected=clip.corrected,
            augmentation=kind,
            background=under,
            n_patches=len(patches.starts),
            duration_s=round(len(waveform) / SAMPLE_RATE, 3),
        )
        return of_clip(record, patches)

    found = [features(embed_whole([waveform], yamnet), None, None)]
    if clip.corrected and not clip.held_out:
        for seconds in LATER_S:
            silence = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
            later = np.concatenate([silence, waveform])[: len(waveform)]
            found.append(features(embed_whole([later], yamnet), LATER, None))
    for kind in augmentations:
        rng = np.random.default_rng([seed, *sha256(f"{digest} {kind}".encode()).digest()])
        others = [background for background in backgrounds if background.sha256 != digest]
        bed = others[int(rng.integers(len(others)))] if kind == "background" and others else None
        if kind == "background" and bed is None:
            continue  # no casual clip to mix in
        copy = copy_of(waveform, kind, rng, bed.waveform if bed else None)
        copy *= full_scale_gain(float(np.abs(copy).max(initial=0)))  # as in serving
        found.append(features(embed_whole([copy], yamnet), kind, bed.sha256 if bed else None))
    return found


def _backgrounds(batch: Batch, read: Callable[[LabeledObject], bytes]) -> Iterator[Background]:
    for clip in batch.backgrounds:
        try:
            content = read(clip)
            with Clip(io.BytesIO(content)) as opened:
                yield Background(sha256_hex(content), _waveform(opened))
        except RejectedClipError:
            continue  # it is also in a batch of its own, which reports it


def _waveform(clip: Clip) -> Floats:
    blocks: list[Floats] = []
    for block in clip.waveform_blocks():
        blocks.append(block)
        if sum(map(len, blocks)) > MAX_DURATION_S * SAMPLE_RATE:
            raise RejectedClipError(
                "too_long",
                f"The clip lasts over {MAX_DURATION_S:.0f} s; cut it to the sound that is labeled.",
            )
    return np.concatenate(blocks)
