"""From a waveform to YAMNet's embeddings and scores, for training and serving alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.log_mel import Floats, patch_batches
from earshot.yamnet.flatbuffer import Yamnet


class EmbeddedPatches(NamedTuple):
    """Consecutive patches of a clip with YAMNet's output for each.

    Attributes:
        starts: ``(n,)`` seconds from the start of the clip; a patch lasts 0.96 s.
        embeddings: ``(n, 1024)`` float32.
        scores: ``(n, 521)`` float32 in 0..1, one for each AudioSet class.
    """

    starts: NDArray[np.float64]
    embeddings: Floats
    scores: Floats


def embed(blocks: Iterable[Floats], yamnet: Yamnet) -> Iterator[EmbeddedPatches]:
    """Embed a whole waveform, in batches of patches and in memory that does not grow with it.

    Args:
        blocks: consecutive pieces of the waveform, as `Clip.waveform_blocks` gives them.
        yamnet: to embed it with.
    """
    for starts, patches in patch_batches(blocks):
        output = yamnet(patches)
        yield EmbeddedPatches(starts, output.embeddings, output.scores)


def embed_whole(blocks: Iterable[Floats], yamnet: Yamnet) -> EmbeddedPatches:
    """All patches of a waveform at once, as training wants them: 6 kB a patch."""
    batches = list(embed(blocks, yamnet))
    return EmbeddedPatches(*(np.concatenate(column) for column in zip(*batches, strict=True)))
