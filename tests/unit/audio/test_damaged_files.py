"""Files that recorders, pipes and broken uploads leave behind are decoded as far as they go."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from earshot.audio.clip import Clip
from tests.unit.audio.sounds import RATE, decoded, likeness, rejection, siren, tone, wav

SOUND = siren()
PLACEHOLDERS = [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000]


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def riff(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    return magic + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
PCM = (SOUND * 32767).astype("<i2").tobytes()
LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf58.76.100\0")


def assert_decoded(content: bytes, *words: str, seconds: float = 3.0) -> None:
    found, warnings = decoded(io.BytesIO(content))
    assert len(found) == pytest.approx(seconds * RATE, abs=50)
    assert likeness(found, SOUND) > 0.98
    assert all(word in warnings for word in words), warnings
    assert bool(words) == bool(warnings), warnings


@pytest.mark.parametrize("before", [b"", LIST])
@pytest.mark.parametrize("claimed", PLACEHOLDERS)
def test_a_wav_header_that_was_never_finished(claimed, before):
    content = b"RIFF" + struct.pack("<I", claimed) + b"WAVE" + FMT + before
    assert_decoded(content + b"data" + struct.pack("<I", claimed) + PCM, "never finished")


@pytest.mark.parametrize("claimed", [0, 0xFFFF_FFFF_FFFF_FFFF])
@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_an_rf64_header_that_was_never_finished(magic, claimed):
    ds64 = chunk(b"ds64", struct.pack("<QQQI", claimed, claimed, claimed, 0))
    content = magic + b"\xff" * 4 + b"WAVE" + ds64 + FMT + b"data" + b"\xff" * 4 + PCM
    assert_decoded(content, "never finished")


@pytest.mark.parametrize("claimed", [0, 0xFFFF_FFFF_FFFF_FFFF])
def test_a_wave64_header_that_was_never_finished(claimed):
    content = bytearray(wav(SOUND, format="W64").getvalue())
    at = content.index(b"data") + 16
    content[at : at + 8] = struct.pack("<Q", claimed)
    assert_decoded(bytes(content), "never finished")


def test_an_aiff_header_that_was_never_finished():
    content = bytearray(wav(SOUND, format="AIFF").getvalue())
    common, sound = content.index(b"COMM"), content.index(b"SSND")
    content[common + 10 : common + 14] = content[sound + 4 : sound + 8] = bytes(4)
    assert_decoded(bytes(content), "never finished")


def test_a_header_without_samples_after_which_come_other_chunks_holds_none():
    assert rejection(riff(FMT, chunk(b"data", b""), LIST)).code == "no_samples"


CONTAINERS = [
    {"format": "WAV", "subtype": "PCM_16"},
    {"format": "WAV", "subtype": "PCM_24"},
    {"format": "W64", "subtype": "PCM_16"},
    {"format": "RF64", "subtype": "PCM_16"},
    {"format": "AIFF", "subtype": "PCM_16"},
    {"format": "FLAC", "subtype": "PCM_16"},
    {"format": "OGG", "subtype": "VORBIS"},
    {"format": "OGG", "subtype": "OPUS"},
]


@pytest.mark.parametrize("options", CONTAINERS, ids=str)
def test_a_file_that_is_cut_off_says_so(options):
    content = wav(siren(seconds=20), **options).getvalue()
    found, warnings = decoded(io.BytesIO(content[: len(content) * 6 // 10]))
    assert 10 * RATE < len(found) < 13 * RATE
    assert "cut off" in warnings or "cannot be decoded after" in warnings


@pytest.mark.parametrize(
    "options", [*CONTAINERS, {"format": "MP3", "subtype": "MPEG_LAYER_III"}], ids=str
)
def test_a_whole_file_warns_of_nothing(options):
    assert decoded(wav(SOUND, **options))[1] == ""


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_bw64_is_rf64_by_another_name(magic):
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 36 + len(PCM), len(PCM), len(PCM) // 2, 0))
    assert_decoded(magic + b"\xff" * 4 + b"WAVE" + ds64 + FMT + b"data" + b"\xff" * 4 + PCM)


@pytest.mark.parametrize("length", [2**63, 2**64 - 8])
def test_a_wave64_chunk_of_impossible_length_is_no_fault_of_the_software(length):
    content = wav(SOUND, format="W64").getvalue()
    junk = b"junk" + content[44:56] + struct.pack("<Q", length)
    found, _ = decoded(io.BytesIO(content[:40] + junk + content[40:]))
    assert len(found) > 0


@pytest.mark.parametrize("n_bytes", [2**63 + 1, 2**64 - 1])
def test_an_rf64_file_of_impossible_length_is_decoded_to_its_end(n_bytes):
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 36 + len(PCM), n_bytes, len(PCM) // 2, 0))
    content = b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + FMT + b"data" + b"\xff" * 4 + PCM
    assert_decoded(content, "header")


@pytest.mark.parametrize("cut", [32_000, 48_000])
def test_sound_in_several_data_chunks_is_joined(cut):
    content = riff(FMT, chunk(b"data", PCM[:cut]), LIST, chunk(b"data", PCM[cut:]))
    assert_decoded(content, "2 pieces")


def test_recordings_one_after_another_in_one_wav_are_all_used():
    half = len(PCM) // 2
    content = riff(FMT, chunk(b"data", PCM[:half])) + riff(FMT, chunk(b"data", PCM[half:]))
    assert_decoded(content, "2 pieces")


def test_an_odd_chunk_without_its_pad_byte_does_not_hide_the_sound():
    odd = b"LIST" + struct.pack("<I", 13) + b"INFOICMT\1\0\0\0x"
    assert_decoded(b"RIFF" + bytes(4) + b"WAVE" + FMT + odd + chunk(b"data", PCM))


def test_a_flac_that_was_piped_and_knows_no_length_is_decoded():
    content = bytearray(wav(SOUND, format="FLAC").getvalue())
    content[21] &= 0xF0  # STREAMINFO: the 36 bits of its number of samples
    content[22:26] = bytes(4)
    assert_decoded(bytes(content))


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_chained_ogg_recordings_are_all_used(codec):
    first = wav(np.zeros(RATE), format="OGG", subtype=codec).getvalue()
    second = wav(tone(8000, 2.0), 8000, format="OGG", subtype=codec).getvalue()
    found, warnings = decoded(io.BytesIO(first + second))
    assert len(found) == pytest.approx(3 * RATE, abs=200)
    assert np.abs(found[-RATE:]).max() > 0.9
    assert "2 recordings are chained" in warnings


@pytest.mark.parametrize("value", [1e30, -3e38, 5000.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_wild_samples_are_silenced(value, channels):
    samples = np.stack([SOUND] * channels, axis=1).astype(np.float32)
    samples[20_000:20_003, 0] = value
    found, warnings = decoded(wav(samples, subtype="FLOAT"))
    assert likeness(found, SOUND) > 0.99
    assert "3 samples far beyond full scale" in warnings


def test_float_samples_that_count_like_integers_are_not_wild():
    samples = (30_000 * SOUND * np.linspace(0.01, 1, len(SOUND))).astype(np.float32)
    assert decoded(wav(samples, subtype="FLOAT"))[1] == ""


def test_a_loud_bang_in_a_quiet_float_recording_is_not_wild():
    samples = 1e-3 * SOUND
    samples[RATE : RATE + 1000] *= 60_000  # 30 dB over full scale
    found, warnings = decoded(wav(samples, subtype="FLOAT"))
    assert np.abs(found).argmax() // 1000 == RATE // 1000
    assert warnings == ""


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_clip_without_one_number_is_rejected(value):
    content = wav(np.full(RATE, value, np.float32), subtype="FLOAT").getvalue()
    assert rejection(content).code == "no_signal"


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "FLOAT", "ULAW"])
@pytest.mark.parametrize("level", [0.0, 0.99, -1.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_dead_microphone_is_said_to_give_no_signal(level, subtype, channels):
    samples = np.full((RATE, channels), level)
    if subtype == "PCM_16":
        samples[::2] -= np.sign(level) / 32768  # not even its last bit is still
    assert "no signal" in decoded(wav(samples, subtype=subtype))[1]


def test_a_quiet_recording_is_a_signal():
    assert decoded(wav(1e-3 * SOUND))[1] == ""


def test_the_name_of_a_file_says_nothing(tmp_path):
    path = tmp_path / "clip.raw"
    soundfile.write(path, SOUND, RATE, format="WAV")
    with path.open("rb") as file, Clip(file) as clip:
        assert sum(map(len, clip.waveform_blocks())) == len(SOUND)
