"""What is not accepted is named, with a way to convert it, and never reaches the decoder."""

from __future__ import annotations

import base64
import gzip
import io

import pytest

from earshot.audio import decoder
from tests.unit.audio.sounds import RATE, rejection, tone, wav, waveform

FOREIGN = {
    b"\0\0\0\x1cftypM4A \0\0\2\0M4A isom": "M4A",
    b"\0\0\0\x18ftyp3gp4\0\0\2\0": "3GPP",
    b"\0\0\0\x18ftypisom\0\0\2\0": "MP4",
    b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01": "WebM",
    b"#!AMR\n\x04\x11": "AMR",
    b"\xff\xf1\x50\x80\x02\x1f\xfc\xde": "AAC",
    b"caff\0\1\0\0desc": "CAF",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9": "WMA",
    b"RIFF\x10\0\0\0AVI LIST": "AVI",
    b"wvpk\x10\0\0\0": "WavPack",
    b"NIST_1A\n   1024\n": "NIST",
    b".snd\0\0\0\x18": "Sun AU",
}


@pytest.mark.parametrize("head", FOREIGN)
def test_a_foreign_format_is_named_and_comes_with_a_command(head):
    error = rejection(head + bytes(5000))
    assert error.code == "unsupported_format"
    assert FOREIGN[head] in error.detail
    assert "ffmpeg -i INPUT" in error.detail


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        (gzip.compress, "gunzip"),
        (base64.b64encode, "base64 -d"),
        (base64.encodebytes, "base64 -d"),
        (lambda content: b"data:audio/wav;base64," + base64.b64encode(content), "base64 -d"),
        (lambda content: b"PK\3\4" + content, "unzip"),
    ],
)
def test_a_packed_recording_comes_with_the_command_that_unpacks_it(pack, words):
    error = rejection(pack(wav(tone()).getvalue()))
    assert error.code == "unsupported_format"
    assert words in error.detail


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"--XX\r\nContent-Disposition: form-data; name=file\r\n\r\nRIFF", "form"),
        (b'{"message": "no"}', "JSON"),
        (b"Dear diary", "text"),
        (bytes(5000), "zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "side file"),
        (b"\x4f\x19\x0d\x25\xde\x21\xac\x18" * 500, "ffmpeg -f s16le"),
    ],
)
def test_what_is_no_recording_is_named(content, words):
    error = rejection(content)
    assert error.code == "not_audio"
    assert words in error.detail


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("AU", "PCM_16"), ("CAF", "PCM_16"), ("SVX", "PCM_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16"),
     ("PAF", "PCM_16"), ("IRCAM", "PCM_16"), ("MAT5", "PCM_16"), ("PVF", "PCM_16"),
     ("HTK", "PCM_16"), ("AVR", "PCM_16"), ("MPC2K", "PCM_16"), ("SDS", "PCM_16")],
)  # fmt: skip
@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\0\x05abcde"])
def test_rare_formats_never_reach_the_decoder(monkeypatch, container, subtype, tag):
    content = tag + wav(tone(), format=container, subtype=subtype).getvalue()

    def decoded(file: object) -> None:
        raise AssertionError("the decoder was asked")

    monkeypatch.setattr(decoder, "Sound", decoded)
    assert rejection(content).code in {"unsupported_format", "not_audio"}


@pytest.mark.parametrize("subtype", ["G721_32", "NMS_ADPCM_16"])
def test_rare_encodings_inside_a_wav_are_rejected(subtype):
    content = wav(tone(8000), 8000, subtype=subtype).getvalue()
    assert rejection(content).code == "unsupported_format"


@pytest.mark.parametrize("container", ["MP3", "FLAC", "WAV"])
def test_a_tag_before_a_recording_does_not_hide_it(container):
    subtype = "MPEG_LAYER_III" if container == "MP3" else "PCM_16"
    content = wav(tone(), format=container, subtype=subtype).getvalue()
    found = waveform(io.BytesIO(b"ID3\4\0\0\0\0\0\x05abcde" + content))
    assert len(found) == pytest.approx(RATE, abs=2500)
