"""Files to begin with: short sounds of our own in each format, some of them damaged."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

from training.data.demo_sounds import gunshots, siren

RATE = 16_000
_FORMATS = (
    ("WAV", "PCM_16"),
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
)


def corpus() -> dict[str, bytes]:
    """Content by name."""
    mono = siren(0.5)
    stereo = np.stack([mono, gunshots(0.5)[: len(mono)]], axis=1)
    files = {
        f"{format}-{subtype}-{name}": _file(samples, format, subtype)
        for format, subtype in _FORMATS
        for name, samples in (("mono", mono[:4000]), ("stereo", stereo[:2000]))
    }
    wav = files["WAV-PCM_16-mono"]
    files["unfinished"] = wav[:4] + b"\xff\xff\xff\xff" + wav[8:40] + b"\xff\xff\xff\xff" + wav[44:]
    files["cut"] = wav[:1001]
    files["no-samples"] = wav[:44]
    files["not-a-number"] = _file(np.full(2000, np.nan), "WAV", "FLOAT")
    files["many-channels"] = wav[:22] + struct.pack("<H", 255) + wav[24:]
    files["fast"] = wav[:24] + struct.pack("<I", 384_000) + wav[28:]
    files["chained"] = files["OGG-VORBIS-mono"] * 2
    files["text"] = b"Dear diary, this is no recording."
    files["empty"] = b""
    return files


def _file(samples: np.ndarray, format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format, subtype=subtype)
    return file.getvalue()
