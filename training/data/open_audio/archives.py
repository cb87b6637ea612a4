"""Archives that games keep their sounds in, opened in memory.

Each opener takes an archive's bytes and yields ``(name, how to read it)``.
"""

from __future__ import annotations

import io
import logging
import shutil
import struct
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import soundfile
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Entries = Iterator[tuple[str, Callable[[], bytes]]]

_DMX_PADDING = 16  # samples before and after the sound, not part of it

_C4_HEADER, _C4_ENTRY = 204, 316  # bytes

_DKS_DIRECTORY, _DKS_ENTRY = 20, 23  # bytes: where it starts, size of an entry

_LIERO_RATE = 22_050  # Hz

_MODULE_MAX_S = 600

_SF2_SAMPLE = struct.Struct("<20s5IBbHH")  # of the `shdr` chunk, SoundFont 2.04, 7.10
_SF2_ROM = 0x8000  # sample type: in the sound card's memory, not in the file


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
    return _wav((samples.astype(np.int16) - 128) * 256, rate)


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


def triplane_data(data: bytes) -> Entries:
    """Files of Triplane Classic's ``fokker.dks``; its unused entries have no name."""
    for position in range(_DKS_DIRECTORY, len(data) - _DKS_ENTRY, _DKS_ENTRY):
        raw_name, offset, size = struct.unpack_from("<7sQQ", data, position)
        name = raw_name.split(b"\0")[0].decode("latin-1")
        if not name:
            return
        yield name, partial(_part, data, offset, offset + size)


def seven_kingdoms_resource(data: bytes) -> Entries:
    """Files of a resource of Seven Kingdoms; the last entry only says where the others end."""
    (n_entries,) = struct.unpack_from("<H", data)
    table = [struct.unpack_from("<9sI", data, 2 + 13 * i) for i in range(n_entries)]
    ends = [offset for _, offset in table[1:]] + [len(data)]
    for (raw_name, offset), end in zip(table, ends, strict=True):
        name = raw_name.split(b"\0")[0].decode("latin-1")
        if name:
            yield name, partial(_part, data, offset, end)


def luola_data(data: bytes) -> Entries:
    """Blocks of a Luola data file, as the name of the kind and a number: SFX0, SFX1, …"""
    (n_blocks,) = struct.unpack_from("<H", data, 6)
    position = 8
    for _ in range(n_blocks):
        start = position + 1 + data[position]
        kind = data[position + 1 : start].decode("latin-1")
        number, offset, size = struct.unpack_from("<HII", data, start)
        position = start + 10
        yield f"{kind}{number}", partial(_part, data, offset, offset + size)


def liero_sounds(data: bytes) -> Entries:
    """Sounds of a ``LIERO.SND``, as WAV: signed 8-bit samples."""
    (n_sounds,) = struct.unpack_from("<H", data)
    for i in range(n_sounds):
        raw_name, offset, size = struct.unpack_from("<8sII", data, 2 + 16 * i)
        samples = np.frombuffer(data, np.int8, size, offset).astype(np.int16) * 256
        yield raw_name.split(b"\0")[0].decode("latin-1"), partial(_wav, samples, _LIERO_RATE)


def soundfont(data: bytes) -> Entries:
    """Samples of a SoundFont 2, as WAV: the raw recordings, whatever the instruments do to them."""
    chunks = dict(_riff_chunks(data, 12, len(data)))
    samples = np.frombuffer(data[chunks["smpl"]], "<i2")
    for name, start, end, _, _, rate, _, _, _, kind in _SF2_SAMPLE.iter_unpack(
        data[chunks["shdr"]]
    ):
        if end > start and not kind & _SF2_ROM:
            yield (
                name.split(b"\0")[0].decode("latin-1").strip(),
                partial(_wav, samples[start:end], rate),
            )


def _riff_chunks(data: bytes, start: int, end: int) -> Iterator[tuple[str, slice]]:
    """Chunks and where they lie, those inside of lists too."""
    while start + 8 <= end:
        raw_name, size = struct.unpack_from("<4sI", data, start)
        start += 8
        if raw_name == b"LIST":
            yield from _riff_chunks(data, start + 4, start + size)
        else:
            yield raw_name.decode("latin-1"), slice(start, start + size)
        start += size + size % 2


def _part(data: bytes, start: int, end: int) -> bytes:
    return data[start:end]


def _wav(samples: NDArray[np.int16], rate: int) -> bytes:
    wav = io.BytesIO()
    soundfile.write(wav, samples, rate, format="WAV", subtype="PCM_16")
    return wav.getvalue()


def tracker_module(data: bytes) -> Entries:
    """The mix of a tracker module, as WAV; ffmpeg plays it, if it is there."""
    yield "mix.wav", partial(_play, data)


def _play(module: bytes) -> bytes:
    if shutil.which("ffmpeg") is None:
        logger.warning("ffmpeg not found: a tracker module is left out")
        return b""
    # From a pipe, ffmpeg may take a module for noise.
    with tempfile.NamedTemporaryFile() as file:
        file.write(module)
        file.flush()
        command = ["ffmpeg", "-v", "error", "-i", file.name, "-t", str(_MODULE_MAX_S)]
        process = subprocess.run([*command, "-f", "wav", "-"], capture_output=True, check=False)
    return process.stdout


ARCHIVES: dict[str, Callable[[bytes], Entries]] = {
    ".pk3": zipped,
    ".wz": zipped,
    ".zip": zipped,
    ".wad": doom_wad,
    ".ocg": clonk_group,
    ".dks": triplane_data,
    ".RES": seven_kingdoms_resource,
    ".ldat": luola_data,
    ".SND": liero_sounds,
    ".jar": zipped,
    ".sf2": soundfont,
    ".it": tracker_module,
    ".mod": tracker_module,
    ".s3m": tracker_module,
    ".xm": tracker_module,
}
