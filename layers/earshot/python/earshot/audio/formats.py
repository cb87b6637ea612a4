"""What a file is, by its first bytes.

Only the documented formats go to the decoder. Any other is named, with a way to convert it.
Signatures: the formats' own specifications, as collected in the `file` utility's magic database.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import Enum
from typing import BinaryIO

from earshot.audio.limits import ACCEPTED
from earshot.errors import RejectedClipError

W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_WAVE = bytes.fromhex("77617665f3acd3118cd100c04f8edb8a")
_HEAD_BYTES = 4096
_MAX_TAGS = 8
_FFMPEG = "ffmpeg -i INPUT -c:a pcm_s16le OUTPUT.wav"


class Container(Enum):
    """A file format that is accepted."""

    WAVE = "WAV"  # RIFF, RIFX, RF64 and BW64
    W64 = "Wave64"
    AIFF = "AIFF"
    FLAC = "FLAC"
    OGG = "Ogg"
    MP3 = "MP3"


# Those formats as libsndfile names them.
FORMATS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "FLAC", "OGG", "MP3"}
# Sample formats of those containers, as libsndfile names them.
SUBTYPES = {
    "PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW",
    "IMA_ADPCM", "MS_ADPCM", "GSM610", "VORBIS", "OPUS",
    "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III",
}  # fmt: skip

_FTYP_BRANDS = {
    b"M4A ": "M4A (AAC or ALAC in MPEG-4)",
    b"M4B ": "M4B (AAC in MPEG-4)",
    b"qt  ": "QuickTime",
    b"3gp": "3GPP",
    b"3g2": "3GPP2",
    b"avif": "an AVIF picture",
    b"heic": "a HEIC picture",
}
_AUDIO = (
    (b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (b"#!AMR", "AMR"),
    (b"#!SILK", "SILK"),
    (b"\x02#!SILK", "SILK"),
    (b"ADIF", "AAC"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or another ASF"),
    (b"caff", "Core Audio (CAF)"),
    (b".snd", "Sun AU"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"TTA1", "True Audio"),
    (b"DSD ", "DSD"),
    (b"FRM8", "DSD"),
    (b"NIST_1A", "NIST SPHERE"),
    (b"Creative Voice File", "Creative VOC"),
    (b"FLV\x01", "Flash video"),
    (b"\x00\x00\x01\xba", "MPEG video"),
    (b".RMF", "RealAudio"),
    (b".ra\xfd", "RealAudio"),
)
_PACKED = (
    (b"\x1f\x8b", "gzip", "gunzip -c INPUT > OUTPUT.wav"),
    (b"PK\x03\x04", "a ZIP archive", "unzip INPUT"),
    (b"PK\x05\x06", "an empty ZIP archive", "unzip INPUT"),
    (b"BZh", "bzip2", "bunzip2 -c INPUT > OUTPUT.wav"),
    (b"\xfd7zXZ\x00", "xz", "xz -dc INPUT > OUTPUT.wav"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -dc INPUT > OUTPUT.wav"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x INPUT"),
    (b"Rar!\x1a\x07", "a RAR archive", "unrar x INPUT"),
)
_OTHER = (
    (b"MThd", "MIDI, which holds notes and no sound"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x00\x05\x16\x07", "a macOS side file (AppleDouble), not the recording"),
    (b"version https://git-lfs", "a Git LFS pointer: `git lfs pull` fetches the recording"),
)


def identify(file: BinaryIO) -> tuple[Container, int]:
    """Container of a file that is accepted, and where it begins: behind ID3v2 tags, if any.

    Args:
        file: seekable.

    Raises:
        RejectedClipError: the file is empty, or of a format that is not accepted.
    """
    start, head = 0, _head(file, 0)
    if not head:
        raise RejectedClipError("empty", f"The file is empty (0 bytes). {ACCEPTED}")
    tagged = head.startswith(b"ID3")
    for _ in range(_MAX_TAGS):
        if not head.startswith(b"ID3") or len(head) < 10:
            break
        # Four bytes of seven bits each (id3.org, "ID3 tag version 2.4.0", 3.1).
        size = sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
        )
        start += 10 + size
        head = _head(file, start)
    container = _container(head.lstrip(b"\0") if tagged else head)
    if container is None:
        raise _rejection(head)
    return container, 0 if container is Container.MP3 else start


def _head(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.read(_HEAD_BYTES)


def _container(head: bytes) -> Container | None:
    kind = head[8:12]
    signatures = {
        Container.WAVE: head[:4] in {b"RIFF", b"RIFX", b"RF64", b"BW64"} and kind == b"WAVE",
        Container.W64: head.startswith(W64_RIFF) and head[24:40] == _W64_WAVE,
        Container.AIFF: head.startswith(b"FORM") and kind in {b"AIFF", b"AIFC"},
        Container.FLAC: head.startswith(b"fLaC"),
        Container.OGG: head.startswith(b"OggS"),
        Container.MP3: _is_mpeg_frame(head),
    }
    return next((container for container, fits in signatures.items() if fits), None)


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether an MPEG audio frame of layer I to III begins here (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(head) < 4:
        return False
    sync = head[0] == 0xFF and head[1] >> 5 == 0b111
    version, layer, bit_rate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2
    return sync and version != 1 and layer != 0 and bit_rate not in {0, 15} and rate & 3 != 3


def _rejection(head: bytes) -> RejectedClipError:
    if not head.strip(b"\0"):
        return RejectedClipError(
            "not_audio",
            "There is nothing but zero bytes where sound should begin, as when a recorder loses "
            f"power before it writes. {ACCEPTED}",
        )
    if packed := next((one for one in _PACKED if head.startswith(one[0])), None):
        return _foreign(f"packed as {packed[1]}", f"To unpack it: {packed[2]}")
    if name := _foreign_audio(head):
        return _foreign(name, f"To convert it: {_FFMPEG}")
    for magic, name in _OTHER:
        if head.startswith(magic):
            return RejectedClipError("not_audio", f"The file is {name}. {ACCEPTED}")
    return _textual(head) or RejectedClipError(
        "not_audio",
        "The file cannot be read as audio: its format is not recognized. If it holds samples "
        "without a header, their format must be said to convert them, such as: ffmpeg -f s16le "
        f"-ar 16000 -ac 1 -i INPUT OUTPUT.wav. {ACCEPTED}",
    )


def _foreign_audio(head: bytes) -> str | None:
    kind = head[8:12]
    if head[4:8] == b"ftyp":
        return next(
            (name for known, name in _FTYP_BRANDS.items() if kind.startswith(known)),
            "MP4 (MPEG-4)",
        )
    if head[4:8] in {b"moov", b"mdat", b"wide"}:
        return "QuickTime"
    if head.startswith(b"RIFF") and kind == b"AVI ":
        return "AVI video"
    if len(head) > 188 and head[0] == head[188] == 0x47:
        return "MPEG transport stream"
    if head[0] == 0xFF and len(head) > 1 and head[1] & 0xF6 == 0xF0:
        return "AAC (ADTS)"
    return next((name for magic, name in _AUDIO if head.startswith(magic)), None)


def _textual(head: bytes) -> RejectedClipError | None:
    """Rejection of a text file; None if it is none."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if inner := _inside_base64(text):
        return _foreign(
            f"base64 text ({inner} inside)", "To decode it: base64 -d INPUT > OUTPUT.wav"
        )
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
        return None
    if re.match(rb"--[^\r\n]+\r?\nContent-Disposition:", text, re.IGNORECASE):
        name = "a multipart form; send what is inside it"
    elif re.match(rb"<\?xml|<!doctype html|<html", text, re.IGNORECASE):
        name = "a web page or an XML document, not a recording"
    elif text.startswith((b"{", b"[")):
        name = "JSON text, not a recording"
    else:
        name = "text, not a recording"
    return RejectedClipError("not_audio", f"The file is {name}. {ACCEPTED}")


def _inside_base64(text: bytes) -> str | None:
    """Name of the audio format that base64 text holds, with or without ``data:`` before it."""
    encoded = re.sub(rb"^data:[\w/+.;=-]*,", b"", text.lstrip(b"\"'"))
    encoded = re.sub(rb"\s", b"", encoded.split(b'"')[0])
    encoded = encoded[: len(encoded) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/"))
    try:
        head = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    if len(head) < 12:
        return None
    container = _container(head)
    return container.value if container else _foreign_audio(head)


def _foreign(name: str, way: str) -> RejectedClipError:
    return RejectedClipError(
        "unsupported_format", f"The file is {name}, which is not accepted. {way}. {ACCEPTED}"
    )
