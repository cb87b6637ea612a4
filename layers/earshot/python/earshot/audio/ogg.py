"""Recordings that are chained in one Ogg file, which decoders give only the first of.

Pages: RFC 3533, section 6.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from earshot.audio.containers import Contents, as_it_is
from earshot.audio.splice import Splice

_HEADER_BYTES = 27
_FIRST, _LAST = 2, 4  # header type flags of a stream's first and last page
_MAX_LINKS = 1000
_STEP = 2**16


def ogg_contents(file: BinaryIO, start: int) -> Contents:
    """Sound of an Ogg file: each of the recordings that are chained in it."""
    size = file.seek(0, os.SEEK_END)
    links = [start]
    at, flags, end, in_head = start, 0, start, True
    while at < size:
        file.seek(at)
        header = file.read(_HEADER_BYTES + 255)
        if len(header) < _HEADER_BYTES or not header.startswith(b"OggS"):
            at = _next_page(file, at + 1, size)
            continue
        flags = header[5]
        if flags & _FIRST and not in_head and len(links) < _MAX_LINKS:
            links.append(at)
        in_head = bool(flags & _FIRST)
        n_segments = header[26]
        lengths = header[_HEADER_BYTES : _HEADER_BYTES + n_segments]
        at = end = at + _HEADER_BYTES + n_segments + sum(lengths)
    warnings = []
    if end > size or not flags & _LAST:
        warnings.append("the file ends without an end mark: it seems to be cut off")
    if len(links) > 1:
        warnings.append(f"{len(links)} recordings are chained in the file; all are used")
    pieces = [range(a, b) for a, b in zip(links, [*links[1:], size], strict=True)]
    if len(links) == 1:
        found = as_it_is(file, start, size)
        found.warnings = warnings
        return found
    return Contents([Splice(file, [piece]) for piece in pieces], warnings)


def _next_page(file: BinaryIO, at: int, size: int) -> int:
    """Where the next page begins at `at` or behind it; the file's size if there is none."""
    while at < size:
        file.seek(at)
        content = file.read(_STEP)
        if (found := content.find(b"OggS")) >= 0:
            return at + found
        at += max(1, len(content) - 3)
    return size
