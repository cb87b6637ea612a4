"""A file's samples, block by block, within limits: libsndfile, for the documented formats only."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from earshot.audio.containers import Contents, aiff_contents, as_it_is, wave_contents
from earshot.audio.formats import FORMATS, SUBTYPES, Container, identify
from earshot.audio.limits import (
    ACCEPTED,
    MAX_CHANNELS,
    MAX_RATE_HZ,
    MIN_RATE_HZ,
    Limits,
)
from earshot.audio.log_mel import Floats
from earshot.audio.ogg import ogg_contents
from earshot.errors import RejectedClipError

_BLOCK_FRAMES = 2**19
_BLOCK_S = 33.0  # that many at 16 kHz: a lower rate becomes more samples later
_BLOCK_SAMPLES = 2**20  # of all channels together: 4 MB as float32
_CAREFUL_FRAMES = 1024
_UNKNOWN_FRAMES = 2**36 - 1  # no header holds as many; libsndfile gives more where none is known
_CUT_OFF_S = 0.1  # encoders' delays and paddings are shorter


class Sound(soundfile.SoundFile):  # type: ignore[misc]
    """A recording, read from start to end only: seeking fails where the length is not known."""

    def seekable(self) -> bool:
        """No."""
        return False


class Decoder:
    """Decodes the recordings of a file; there are several where they are chained.

    Args:
        file: seekable binary file. It stays open and belongs to the caller.
        limits: how much work it may cost, from now on.

    Attributes:
        parts: number of recordings.
        format: of the first: container and sample format, and ``repaired`` if its header was.
        sample_rate, channels: of the first.
        duration_s: seconds decoded so far.
        warnings: what is wrong with the file, for a person.

    Raises:
        RejectedClipError: the file is empty, not audio, or outside the accepted limits.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        self._started = time.thread_time()
        contents = _contents(file)
        self._pieces = contents.parts
        self.parts = len(contents.parts)
        self.warnings = contents.warnings
        self.duration_s = 0.0
        self._samples = 0
        self._sound: Sound | None = None
        self._unread = False
        sound = self.open(0)
        self._unread = True
        self.sample_rate: int = sound.samplerate
        self.channels: int = sound.channels
        self.format = f"{sound.format} {sound.subtype}"
        if contents.repaired:
            self.format += " repaired"
        if sound.frames == 0 and self.parts == 1:
            self.close()
            raise no_samples()

    def close(self) -> None:
        """Release the decoder; the file stays open."""
        if self._sound is not None:
            self._sound.close()

    def open(self, part: int) -> Sound:
        """One of the recordings, from its start. What was opened before is closed.

        Raises:
            RejectedClipError: it cannot be decoded, or its header says that it is outside the
                limits.
        """
        if part == 0 and self._unread and self._sound is not None:
            self._unread = False
            return self._sound
        self.close()
        piece = self._pieces[part]
        piece.seek(0)
        try:
            sound = self._sound = Sound(piece)
        except soundfile.SoundFileError as error:
            raise RejectedClipError(
                "not_audio", f"The file cannot be read as audio ({_reason(error)}). {ACCEPTED}"
            ) from error
        try:
            self._check(sound)
        except RejectedClipError:
            self.close()
            raise
        return sound

    def first_look(self, part: int, sound: Sound) -> Iterator[Floats]:
        """Decoded ``(channels, frames)`` blocks of a recording, counted against the limits.

        Raises:
            RejectedClipError: there is no sound before the data is corrupt, or too much of it.
        """
        frames = 0
        try:
            for block in self._blocks(part, sound):
                frames += block.shape[1]
                self.duration_s += block.shape[1] / sound.samplerate
                self._samples += block.size
                self._check_amount(self.duration_s, self._samples)
                yield block
        except soundfile.SoundFileError as error:
            if self.duration_s == 0 and part + 1 == self.parts:
                raise RejectedClipError(
                    "corrupt", f"The audio data cannot be decoded ({_reason(error)}). {ACCEPTED}"
                ) from error
            self.warnings.append(
                f"the data cannot be decoded after {self.duration_s:.2f} s ({_reason(error)}); "
                "what follows is not used"
            )
            return
        missing_s = (sound.frames - frames) / sound.samplerate
        if sound.frames < _UNKNOWN_FRAMES and missing_s > _CUT_OFF_S:
            self.warnings.append(
                f"the file is cut off: {frames / sound.samplerate:.2f} of "
                f"{sound.frames / sound.samplerate:.2f} s are there"
            )

    def second_look(self, part: int) -> Iterator[Floats]:
        """The same blocks once more.

        Raises:
            RejectedClipError: the time that the limits allow is over.
        """
        with contextlib.suppress(soundfile.SoundFileError):  # at the same place as the first time
            yield from self._blocks(part, self.open(part))

    def _blocks(self, part: int, sound: Sound) -> Iterator[Floats]:
        n_frames = min(
            _BLOCK_FRAMES, _BLOCK_SAMPLES // sound.channels, int(_BLOCK_S * sound.samplerate)
        )
        n_given = 0
        while True:
            try:
                frames = sound.read(n_frames, dtype="float32", always_2d=True)
            except soundfile.SoundFileError:
                yield from self._until_corrupt(self.open(part), n_given, n_frames)
                raise
            if not len(frames):
                return
            n_given += len(frames)
            self._check_time()
            # Each channel in one piece: across channels that alternate, sums and maxima take ten
            # times as long as decoding does.
            yield np.ascontiguousarray(frames.T)

    def _until_corrupt(self, sound: Sound, n_given: int, n_frames: int) -> Iterator[Floats]:
        """What the block holds before its data is corrupt, which the failed read has not given."""
        pieces = []
        with contextlib.suppress(soundfile.SoundFileError):
            while n_given:
                n_given -= len(sound.read(min(n_frames, n_given), dtype="float32", always_2d=True))
                self._check_time()
            while len(frames := sound.read(_CAREFUL_FRAMES, dtype="float32", always_2d=True)):
                pieces.append(frames.T)
                self._check_time()
        if pieces:
            yield np.concatenate(pieces, axis=1)

    def _check(self, sound: Sound) -> None:
        if sound.format not in FORMATS or sound.subtype not in SUBTYPES:
            raise RejectedClipError(
                "unsupported_format",
                f"The encoding {sound.format} {sound.subtype} is not accepted. {ACCEPTED}",
            )
        if not MIN_RATE_HZ <= sound.samplerate <= MAX_RATE_HZ:
            raise RejectedClipError(
                "unsupported_rate", f"The sample rate is {sound.samplerate} Hz. {ACCEPTED}"
            )
        if sound.channels > MAX_CHANNELS:
            raise RejectedClipError(
                "too_many_channels", f"The clip has {sound.channels} channels. {ACCEPTED}"
            )
        if sound.frames < _UNKNOWN_FRAMES:
            self._check_amount(sound.frames / sound.samplerate, sound.frames * sound.channels)
        self._check_time()

    def _check_amount(self, seconds: float, samples: int) -> None:
        limits = self._limits
        if seconds > limits.duration_s:
            raise RejectedClipError(
                "too_long",
                f"The clip lasts {_length(seconds)} or more; {_length(limits.duration_s)} are "
                f"possible here. {ACCEPTED}",
            )
        if samples > limits.samples:
            raise RejectedClipError(
                "too_long",
                f"The clip has {samples / 1e6:,.0f} million samples or more in all of its channels "
                f"together; {limits.samples / 1e6:,.0f} million are possible here: record fewer "
                f"channels, at a lower rate, or shorter clips. {ACCEPTED}",
            )

    def _check_time(self) -> None:
        if time.thread_time() - self._started > self._limits.cpu_s:
            raise RejectedClipError(
                "too_long",
                f"The clip takes more than {self._limits.cpu_s:.0f} s of processor time. Cut it "
                f"into shorter clips. {ACCEPTED}",
            )


def no_samples() -> RejectedClipError:
    """Rejection of a clip without any sound."""
    return RejectedClipError("no_samples", f"The clip holds no samples. {ACCEPTED}")


def _contents(file: BinaryIO) -> Contents:
    container, start = identify(file)
    if container in {Container.WAVE, Container.W64}:
        return wave_contents(file, container, start)
    if container is Container.AIFF:
        return aiff_contents(file, start)
    if container is Container.OGG:
        return ogg_contents(file, start)
    return as_it_is(file, start, file.seek(0, os.SEEK_END))


def _length(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _reason(error: Exception) -> str:
    """libsndfile's own words, without the repr of the file object before them."""
    return str(error).rpartition(": ")[2].rstrip(".")
