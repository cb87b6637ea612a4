"""The one road from a recording to what YAMNet says of it, for training and serving alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio import Clip
from earshot.log_mel import patch_batches
from earshot.yamnet import Yamnet


class EmbeddedPatches(NamedTuple):
    """Consecutive patches of a clip and what YAMNet says of each.

    Attributes:
        starts: ``(n,)`` seconds from the start of the clip; a patch lasts 0.96 s.
        embeddings: ``(n, 1024)`` float32.
        scores: ``(n, 521)`` float32 in 0..1, one for each AudioSet class.
    """

    starts: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]


def embed(clip: Clip, yamnet: Yamnet) -> Iterator[EmbeddedPatches]:
    """Hear a whole clip, in batches of patches and in memory that does not grow with it.

    Raises:
        RejectedClipError: see `Clip.waveform_blocks`.
    """
    for starts, patches in patch_batches(clip.waveform_blocks()):
        output = yamnet(patches)
        yield EmbeddedPatches(starts, output.embeddings, output.scores)


def embed_whole(clip: Clip, yamnet: Yamnet) -> EmbeddedPatches:
    """All patches of a clip at once, as training wants them: 6 kB a patch."""
    batches = list(embed(clip, yamnet))
    return EmbeddedPatches(*(np.concatenate(column) for column in zip(*batches, strict=True)))
