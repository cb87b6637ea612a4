"""A file that is put together from pieces of another."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Splice(io.RawIOBase):
    """Pieces of a file, and bytes that it lacks, as one file that can only be read.

    It has no name, so that no decoder guesses a format from one.

    Args:
        file: seekable; stays open when the splice is closed.
        pieces: in order; a range is of the file's bytes.
    """

    def __init__(self, file: BinaryIO, pieces: Sequence[bytes | range]) -> None:
        self._file = file
        self._pieces = [piece for piece in pieces if len(piece)]
        self._ends = list(accumulate(len(piece) for piece in self._pieces))
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Position in the splice."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position in the splice."""
        end = self._ends[-1] if self._ends else 0
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: end}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer as far as the splice goes."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view):
            n = self._read_piece(view[filled:])
            if n == 0:
                break
            filled += n
            self._at += n
        return filled

    def _read_piece(self, view: memoryview) -> int:
        """Fill a buffer from the piece that the position is in."""
        index = bisect_right(self._ends, self._at)
        if index == len(self._pieces):
            return 0
        piece = self._pieces[index]
        skipped = self._at - (self._ends[index] - len(piece))
        n = min(len(view), len(piece) - skipped)
        if isinstance(piece, bytes):
            view[:n] = piece[skipped : skipped + n]
            return n
        self._file.seek(piece.start + skipped)
        content = self._file.read(n)
        view[: len(content)] = content
        return len(content)


class Whole:
    """A file as it is, but without a name. It is as fast as the file.

    Args:
        file: seekable.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        if hasattr(file, "readinto"):
            self.readinto = file.readinto
