"""What YAMNet's trunk makes of many clips: on disk, because a patch takes 24 kB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from earshot.yamnet.flatbuffer import Yamnet, YamnetOutput
from training.data.feature_set import Floats

TAP_SHAPE = (6, 4, 512)  # time, frequency, channels

Halves = NDArray[np.float16]


class TappedYamnet(Yamnet):
    """YAMNet that also keeps what its trunk passes on, until it is asked for."""

    _taps: list[Halves]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._taps = []

    def __call__(self, patches: Floats) -> YamnetOutput:
        """Run YAMNet on ``(n, 96, 64)`` log-mel patches, and keep their taps."""
        output = self._run(patches=patches)
        self._taps.append(output["taps"].astype(np.float16))
        return YamnetOutput(output["embeddings"], output["scores"])

    def take(self) -> Halves:
        """Taps ``(n, 6, 4, 512)`` of all patches since the last time."""
        taken = np.concatenate(self._taps)
        self._taps.clear()
        return taken


@dataclass(frozen=True)
class Taps:
    """Taps of patches, read from their file as they are indexed.

    Attributes:
        file: ``(all patches, 6, 4, 512)``.
        rows: ``(patches,)`` which of them these are.
    """

    file: Halves
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, patches: NDArray[np.int64] | slice) -> Halves:
        return self.file[self.rows[patches]]

    def select(self, patches: NDArray[np.bool_]) -> Self:
        """Those where `patches` is true."""
        return type(self)(self.file, self.rows[patches])


@dataclass(frozen=True)
class TapFiles:
    """A file of taps for each set of clips, in the order of the set's patches.

    Attributes:
        folder: exists.
    """

    folder: Path

    def append(self, name: str, taps: Halves) -> None:
        """Add the taps of a set's next patches."""
        with self._path(name).open("ab") as file:
            taps.tofile(file)

    def of(self, name: str) -> Taps:
        """The taps of a set."""
        n_patches = self._path(name).stat().st_size // (2 * int(np.prod(TAP_SHAPE)))
        file = np.memmap(self._path(name), np.float16, "r", shape=(n_patches, *TAP_SHAPE))
        return Taps(file, np.arange(n_patches))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.f16"
