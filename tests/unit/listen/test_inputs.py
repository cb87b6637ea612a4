"""What a user may name, and what ffmpeg is given."""

from __future__ import annotations

import os

import pytest

from earshot_client.listen.inputs import InputError, default_device, input_of

BRIEFLY = ("-analyzeduration", "1000000")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("alsa:hw:1,0", ("-f", "alsa", "-i", "hw:1,0")),
        ("pulse:default", ("-f", "pulse", "-i", "default")),
        ("avfoundation::default", ("-f", "avfoundation", "-i", ":default")),
        ("rtsp://camera/1", (*BRIEFLY, "-rtsp_transport", "tcp", "-i", "rtsp://camera/1")),
        ("http://radio/a.mp3", (*BRIEFLY, "-rw_timeout", "15000000", "-i", "http://radio/a.mp3")),
    ],
)
def test_devices_and_addresses_are_opened_again_when_they_break_off(text, arguments):
    wanted = input_of(text)
    assert (wanted.arguments, wanted.live, wanted.endless) == (arguments, True, True)


def test_a_password_is_ffmpegs_alone():
    wanted = input_of("rtsp://ann:secret@camera/1")
    assert wanted.name == "rtsp://…@camera/1"
    assert wanted.arguments[-1] == "rtsp://ann:secret@camera/1"


def test_a_file_is_played_unless_its_time_is_known(tmp_path):
    path = tmp_path / "concat:a.wav"  # no protocol of ffmpeg's
    path.write_bytes(b"")
    played, read = input_of(str(path)), input_of(str(path), at_once=True)
    assert (played.arguments, played.live) == (("-re", "-i", f"file:{path}"), True)
    assert (read.arguments, read.live) == (("-i", f"file:{path}"), False)
    assert not played.endless
    os.mkfifo(tmp_path / "pipe")
    assert input_of(str(tmp_path / "pipe")).arguments[0] == "-i"
    assert input_of("-").arguments == ("-i", "pipe:0")


def test_anything_else_is_refused_in_words(tmp_path):
    with pytest.raises(InputError, match="such as rtsp://camera/stream"):
        input_of(str(tmp_path / "missing.wav"))
    with pytest.raises(InputError, match="neither a file nor a pipe"):
        input_of(str(tmp_path))


def test_each_system_has_a_microphone_of_its_own(tmp_path):
    assert default_device("darwin", {}) == "avfoundation::default"
    assert default_device("linux", {}) == "alsa:default"
    assert default_device("linux", {"XDG_RUNTIME_DIR": str(tmp_path)}) == "alsa:default"
    (tmp_path / "pulse").mkdir()
    (tmp_path / "pulse" / "native").touch()
    assert default_device("linux", {"XDG_RUNTIME_DIR": str(tmp_path)}) == "pulse:default"
