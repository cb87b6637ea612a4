"""Embed labelled clips, on the very road that serving takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from earshot.audio import Clip
from earshot.embedding import EmbeddedPatches, embed_whole
from earshot.yamnet import Yamnet
from training.dataset import LabelledClip


def embed_clips(clips: Sequence[LabelledClip], yamnet: Yamnet) -> list[EmbeddedPatches]:
    """Patches of each clip, with a progress bar."""
    embedded = []
    for clip in tqdm(clips, desc="embedding", unit="clip"):
        with clip.path.open("rb") as file, Clip(file) as opened:
            embedded.append(embed_whole(opened, yamnet))
    return embedded


def stack_patches(
    clips: Sequence[LabelledClip], embedded: Sequence[EmbeddedPatches]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All patches of all clips under each other.

    Returns:
        Embeddings ``(n, 1024)``, class ids ``(n,)`` and sample weights ``(n,)`` that give each
        clip the same say, however long it is, and each class too.
    """
    embeddings = np.concatenate([patches.embeddings for patches in embedded])
    lengths = np.array([len(patches.starts) for patches in embedded])
    clip_ids = np.array([clip.label.class_id for clip in clips])
    class_share = np.bincount(clip_ids, minlength=4) / len(clips)
    clip_weights = 1 / (lengths * class_share[clip_ids])
    weights = np.repeat(clip_weights, lengths)
    return embeddings, np.repeat(clip_ids, lengths), weights / weights.mean()
