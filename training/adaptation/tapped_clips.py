"""Clips embedded by the published YAMNet, with the taps that its last blocks are trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from training.adaptation.recipe import TrainingData, build
from training.adaptation.sources import Source
from training.adaptation.taps import TapFiles
from training.yamnet.convert import Published, convert, fetch


class TappedClips(NamedTuple):
    """Clips and variants, the taps of their patches, and the network that they are of."""

    published: Published
    data: TrainingData
    tap_files: TapFiles


@contextmanager
def tapped_clips(
    sources: Sequence[Source], yamnet: str, scratch: Path, seed: int, hold_out: bool = True
) -> Iterator[TappedClips]:
    """Embed all clips of all sources; their taps lie on disk until the block is left.

    Args:
        sources: of clips.
        yamnet: TF Hub handle of the published YAMNet, or its SavedModel folder.
        scratch: folder for the taps: 7 GB for 2,000 clips.
        seed: of folds and variants.
        hold_out: embed held-out sets, too.
    """
    published = fetch(yamnet)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        tapped, tap_files = Path(folder) / "yamnet", TapFiles(Path(folder))
        convert(published, tapped, adaptation=None, tap=True)
        yield TappedClips(published, build(sources, tapped, seed, tap_files, hold_out), tap_files)
