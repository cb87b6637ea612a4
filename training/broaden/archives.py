"""Archives that games keep their sounds in, opened in memory.

Each opener takes an archive's bytes and yields ``(name, how to read it)``.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import soundfile

Entries = Iterator[tuple[str, Callable[[], bytes]]]

_DMX_PADDING = 16  # samples before and after the sound, not part of it

_C4_HEADER, _C4_ENTRY = 204, 316  # bytes


def zipped(data: bytes) -> Entries:
    archive = zipfile.ZipFile(io.BytesIO(data))
    for name in archive.namelist():
        yield name, partial(archive.read, name)


def doom_wad(data: bytes) -> Entries:
    """Sounds of a Doom WAD, as WAV: lumps DS*, 8-bit samples behind a DMX header."""
    n_lumps, directory = struct.unpack_from("<ii", data, 4)
    for i in range(n_lumps):
        offset, size, raw_name = struct.unpack_from("<ii8s", data, directory + 16 * i)
        name = raw_name.rstrip(b"\0").decode("latin-1")
        if name.startswith("DS") and size > 8 + 2 * _DMX_PADDING:
            yield name, partial(_dmx_to_wav, data, offset)


def _dmx_to_wav(data: bytes, offset: int) -> bytes:
    _, rate, n_samples = struct.unpack_from("<HHI", data, offset)
    samples = np.frombuffer(data, np.uint8, n_samples, offset + 8)[_DMX_PADDING:-_DMX_PADDING]
    wav = io.BytesIO()
    soundfile.write(wav, (samples / 128.0 - 1.0), rate, format="WAV", subtype="PCM_16")
    return wav.getvalue()


def clonk_group(data: bytes) -> Entries:
    """Files of a packed OpenClonk group and the groups in it: gzip under another magic number."""
    yield from _clonk_entries(zlib.decompress(b"\x1f\x8b" + data[2:], wbits=31))


def _clonk_entries(group: bytes) -> Entries:
    header = bytearray(byte ^ 237 for byte in group[:_C4_HEADER])
    for i in range(0, _C4_HEADER - 2, 3):
        header[i], header[i + 2] = header[i + 2], header[i]
    (n_entries,) = struct.unpack_from("<i", header, 36)
    contents = _C4_HEADER + n_entries * _C4_ENTRY
    for i in range(n_entries):
        raw_name, _, is_group, size, _, offset = struct.unpack_from(
            "<260siiiii", group, _C4_HEADER + i * _C4_ENTRY
        )
        name = raw_name.split(b"\0")[0].decode("latin-1")
        entry = group[contents + offset : contents + offset + size]
        if is_group:
            for inner, read in _clonk_entries(entry):
                yield f"{name}/{inner}", read
        else:
            yield name, partial(bytes, entry)


ARCHIVES: dict[str, Callable[[bytes], Entries]] = {
    ".pk3": zipped,
    ".wz": zipped,
    ".zip": zipped,
    ".wad": doom_wad,
    ".ocg": clonk_group,
}
