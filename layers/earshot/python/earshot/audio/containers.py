"""Where the sound lies in a file, and a sound header before it.

Recorders that lose power, pipes and broken uploads leave headers that claim nothing, or too much.
The decoder is given what such a file should have been, and a warning says so.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from earshot.audio.formats import Container
from earshot.audio.splice import Splice, Whole

_MAX_CHUNKS = 10_000
# What writers put where they do not know a length (pipes): all that 31 or 32 bits hold, or nearly.
_PLACEHOLDER_BYTES = 0x7FFF_0000
_MAX_RIFF_BYTES = 0xFFFF_0000
_MAX_FMT_BYTES = 4096
_KNOWN_CHUNKS = {b"data", b"fmt ", b"LIST", b"fact", b"SSND", b"COMM", b"bext", b"id3 ", b"cue "}
_PLAIN_AIFF = {b"NONE", b"twos", b"sowt", b"fl32", b"FL32", b"fl64", b"FL64", b"alaw", b"ulaw"}


@dataclass
class Contents:
    """What a file holds.

    Attributes:
        parts: files for the decoder; more than one where recordings are chained.
        warnings: what is wrong with the file, for a person.
        repaired: the decoder gets another header than the file's.
    """

    parts: list[Splice | Whole]
    warnings: list[str] = field(default_factory=list)
    repaired: bool = False


class Chunk(NamedTuple):
    """Chunk of a WAV, Wave64 or AIFF file.

    Attributes:
        name: four bytes.
        start, end: of its body in the file, as its header says; the file may end earlier.
        displaced: it is not where the chunk before it says.
    """

    name: bytes
    start: int
    end: int
    displaced: bool = False


def as_it_is(file: BinaryIO, start: int, size: int) -> Contents:
    """A file that needs no repair."""
    return Contents([Splice(file, [range(start, size)]) if start else Whole(file)])


def wave_contents(file: BinaryIO, container: Container, start: int) -> Contents:
    """Sound of a WAV (RIFF, RIFX, RF64, BW64) or Wave64 file."""
    size = file.seek(0, os.SEEK_END)
    magic = _read(file, start, 4)
    endian = ">" if magic == b"RIFX" else "<"
    if container is Container.W64:
        chunks = _w64_chunks(file, start + 40)
    else:
        chunks = _iff_chunks(file, start + 12, endian)
    format_, fact, data = b"", b"", list[range]()
    warnings, repaired = [], magic == b"BW64"
    for chunk in chunks:
        repaired = repaired or chunk.displaced
        body = range(chunk.start, min(chunk.end, size))
        if chunk.name == b"fmt ":
            new = _read(file, chunk.start, min(len(body), _MAX_FMT_BYTES))
            if format_ not in {b"", new}:
                warnings.append("what follows the first recording is of another format: not used")
                break
            format_ = new
        elif chunk.name == b"fact":
            fact = _read(file, chunk.start, min(len(body), 4))
        elif chunk.name == b"data":
            if len(format_) < 16:
                return as_it_is(file, start, size)
            warning = _length_warning(file, chunk, size, _bytes_per_s(format_, endian))
            if warning:
                warnings.append(warning)
                repaired = True
                data.append(_whole_blocks(range(chunk.start, size), format_, endian))
                break
            data.append(_whole_blocks(body, format_, endian))
    n_bytes = sum(map(len, data))
    if len(data) > 1 and n_bytes > len(data[0]):
        warnings.append(f"the sound is in {len(data)} pieces; all are used, one after another")
        repaired, fact = True, b""
    if not repaired or n_bytes > _MAX_RIFF_BYTES:
        found = as_it_is(file, start, size)
    else:
        chunks_before = _chunk(b"fmt ", format_, endian) + (
            _chunk(b"fact", fact, endian) if fact else b""
        )
        length = struct.pack(endian + "I", len(chunks_before) + 12 + n_bytes)
        header = (b"RIFX" if endian == ">" else b"RIFF") + length + b"WAVE" + chunks_before
        header += b"data" + struct.pack(endian + "I", n_bytes)
        found = Contents([Splice(file, [header, *data])], repaired=True)
    found.warnings = warnings
    return found


def aiff_contents(file: BinaryIO, start: int) -> Contents:
    """Sound of an AIFF or AIFC file."""
    size = file.seek(0, os.SEEK_END)
    common, sound = b"", None
    for chunk in _iff_chunks(file, start + 12, ">"):
        if chunk.name == b"COMM":
            common = _read(file, chunk.start, min(chunk.end - chunk.start, _MAX_FMT_BYTES))
        elif chunk.name == b"SSND":
            sound = chunk
    found = as_it_is(file, start, size)
    plain = len(common) == 18 or common[18:22] in _PLAIN_AIFF
    if sound is None or len(common) < 18 or not plain:
        return found
    channels, frames, bits = struct.unpack(">HIH", common[:8])
    frame_bytes = channels * -(-bits // 8)
    present = size - sound.start - 8
    if frame_bytes == 0 or present < frame_bytes:
        return found
    warning = _length_warning(file, sound, size, 0)
    if warning is None and frames == 0:
        warning = _UNFINISHED
        present = min(present, sound.end - sound.start - 8)
    if warning is None:
        return found
    frames = present // frame_bytes
    common = common[:2] + struct.pack(">I", frames) + common[6:]
    before = _read(file, start + 8, 4) + _chunk(b"COMM", common, ">") + b"SSND"
    before += struct.pack(">III", 8 + frames * frame_bytes, 0, 0)
    header = b"FORM" + struct.pack(">I", len(before) + frames * frame_bytes) + before
    data = range(sound.start + 8, sound.start + 8 + frames * frame_bytes)
    return Contents([Splice(file, [header, data])], [warning], repaired=True)


_UNFINISHED = (
    "the header was never finished, as when a recorder loses power; all that follows it is used"
)


def _length_warning(file: BinaryIO, chunk: Chunk, size: int, bytes_per_s: int) -> str | None:
    """What is wrong with the length of a chunk of sound; None if nothing is."""
    claimed, present = chunk.end - chunk.start, size - chunk.start
    if present <= 0:
        return None
    if claimed >= _PLACEHOLDER_BYTES and claimed > present:
        return _UNFINISHED
    if claimed <= 0:
        return None if _are_chunks(file, chunk.start, size) else _UNFINISHED
    if claimed <= present:
        return None
    if bytes_per_s:
        return (
            f"the file is cut off: {present / bytes_per_s:.2f} of {claimed / bytes_per_s:.2f} s "
            "are there"
        )
    return f"the file is cut off: {present / claimed:.0%} of its sound are there"


def _are_chunks(file: BinaryIO, at: int, size: int) -> bool:
    """Whether the rest of a file is chunks, so that there is no sound in it."""
    end = at
    for chunk in _iff_chunks(file, at, "<"):
        if not all(0x20 <= byte < 0x7F for byte in chunk.name) or chunk.displaced:
            return False
        end = chunk.end
    return size <= end + 1 and end <= size


def _iff_chunks(file: BinaryIO, at: int, endian: str) -> Iterator[Chunk]:
    """Chunks of a RIFF or AIFF file; also of those that follow it within the same file."""
    data_bytes = None
    displaced = False
    for _ in range(_MAX_CHUNKS):
        header = _read(file, at, 12)
        if len(header) < 8:
            return
        name, length = header[:4], int(struct.unpack(endian + "I", header[4:8])[0])
        kind = header[8:12]
        if name == b"\0\0\0\0":
            return
        if (name, kind) == (b"LIST", b"wavl") or (
            kind == b"WAVE" and name in {b"RIFF", b"RIFX", b"RF64", b"BW64"}
        ):
            at += 12
            continue
        if name == b"ds64":
            data_bytes = int.from_bytes(_read(file, at + 16, 8), "little")
        if name == b"data" and length == 0xFFFF_FFFF and data_bytes is not None:
            length = data_bytes
        start, end = at + 8, at + 8 + length
        yield Chunk(name, start, end, displaced)
        # A chunk of odd length is followed by a pad byte, which some writers forget.
        padded = end + (length & 1)
        displaced = (
            padded != end
            and _read(file, padded, 4) not in _KNOWN_CHUNKS
            and _read(file, end, 4) in _KNOWN_CHUNKS
        )
        at = end if displaced else padded


def _w64_chunks(file: BinaryIO, at: int) -> Iterator[Chunk]:
    """Chunks of a Wave64 file; the first four bytes of a GUID are its name in RIFF."""
    for _ in range(_MAX_CHUNKS):
        header = _read(file, at, 24)
        if len(header) < 24:
            return
        length = max(0, int.from_bytes(header[16:], "little") - 24)  # it counts its own header
        start, end = at + 24, at + 24 + length
        yield Chunk(header[:4], start, end)
        at = end + -end % 8


def _bytes_per_s(format_: bytes, endian: str) -> int:
    return int(struct.unpack(endian + "I", format_[8:12])[0])


def _whole_blocks(data: range, format_: bytes, endian: str) -> range:
    """Without a last block that is not whole, so that what follows does not slip."""
    block_bytes = int(struct.unpack(endian + "H", format_[12:14])[0]) or 1
    return range(data.start, data.start + len(data) // block_bytes * block_bytes)


def _chunk(name: bytes, body: bytes, endian: str) -> bytes:
    return name + struct.pack(endian + "I", len(body)) + body + b"\0" * (len(body) & 1)


def _read(file: BinaryIO, at: int, n: int) -> bytes:
    if at > sys.maxsize:  # after a chunk whose length is nonsense; no file can be asked for it
        return b""
    file.seek(at)
    return file.read(n)
