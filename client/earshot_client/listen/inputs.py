"""What can be listened to, in ffmpeg's terms."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from earshot.errors import EarshotError

MICROPHONE = "microphone"
# Sound systems by which ffmpeg records: "Input Devices" in ffmpeg-devices(1).
_DEVICES = ("alsa", "pulse", "avfoundation", "jack", "sndio", "oss")
_LAVFI = "lavfi"  # ffmpeg's own signals, for trying things out
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")
_SILENCE_US = "15000000"
# How much of a stream is looked at before any of it is given on; by default 5 s.
_BRIEFLY = ("-analyzeduration", "1000000")


class InputError(EarshotError):
    """There is nothing of that name to listen to; the message says what there may be."""


@dataclass(frozen=True)
class Input:
    """Something to listen to.

    Attributes:
        name: for people, without a password.
        arguments: of ffmpeg, up to the input's name.
        live: its sound is recorded while it arrives; otherwise it is a recording.
        endless: where it ends, it broke off, and is opened again.
    """

    name: str
    arguments: tuple[str, ...]
    live: bool
    endless: bool


def input_of(text: str, *, at_once: bool = False) -> Input:
    """What a user means by a word.

    Args:
        text: ``microphone``, a device such as ``alsa:hw:1,0``, an address, a file, a named pipe, or
            ``-`` for standard input.
        at_once: a file is read as fast as it can be, rather than played.

    Raises:
        InputError: it is nothing of that.
    """
    if text == MICROPHONE:
        text = default_device(sys.platform, os.environ)
    kind, colon, name = text.partition(":")
    if colon and kind in (*_DEVICES, _LAVFI) and not _URL.match(text):
        realtime = ("-re",) if kind == _LAVFI else ()
        return Input(text, (*realtime, "-f", kind, "-i", name), live=True, endless=True)
    if _URL.match(text):
        return Input(without_password(text), (*_options(kind.lower()), "-i", text), True, True)
    if text == "-":
        return Input("standard input", ("-i", "pipe:0"), live=True, endless=False)
    try:
        mode = Path(text).stat().st_mode
    except OSError as error:
        raise InputError(
            f"{text}: {error.strerror}. Name a file, an address such as rtsp://camera/stream, a "
            f"device such as alsa:default, or {MICROPHONE}."
        ) from error
    if stat.S_ISFIFO(mode):
        return Input(text, ("-i", f"file:{text}"), live=True, endless=False)
    if not stat.S_ISREG(mode):
        raise InputError(f"{text} is neither a file nor a pipe.")
    realtime = () if at_once else ("-re",)
    return Input(text, (*realtime, "-i", f"file:{text}"), live=not at_once, endless=False)


def default_device(platform: str, environment: Mapping[str, str]) -> str:
    """The microphone that an operating system offers first.

    Args:
        platform: as `sys.platform`.
        environment: shows whether PulseAudio, or PipeWire in its place, runs for this user.
    """
    if platform == "darwin":
        return "avfoundation::default"
    runtime = environment.get("XDG_RUNTIME_DIR")
    if environment.get("PULSE_SERVER") or (runtime and Path(runtime, "pulse/native").exists()):
        return "pulse:default"
    return "alsa:default"


def without_password(text: str) -> str:
    """A text without the user names and passwords of addresses in it."""
    return _PASSWORD.sub("…@", text)


def _options(scheme: str) -> tuple[str, ...]:
    if scheme.startswith("rtsp"):
        return (*_BRIEFLY, "-rtsp_transport", "tcp")  # over UDP, lost packets are lost sound
    if scheme in {"http", "https"}:
        return (*_BRIEFLY, "-rw_timeout", _SILENCE_US)
    return _BRIEFLY
