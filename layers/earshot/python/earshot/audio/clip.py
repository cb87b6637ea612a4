"""Recording to waveform: decode, mix to mono, bring to full scale, resample to 16 kHz.

libsndfile decodes (WAV in all its kinds, and whatever else it knows), soxr resamples; soxr's HQ
is also what `librosa.resample` uses by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import RejectedClipError
from earshot.uploads.objects import MAX_CLIP_BYTES

MAX_DURATION_S = 4 * 3600.0
MIN_RATE_HZ, MAX_RATE_HZ = 2_000, 384_000
MAX_CHANNELS = 16
ACCEPTED = (
    "Accepted is WAV (PCM of 8 to 32 bits, float, A-law, mu-law, ADPCM; also RF64, Wave64, AIFF, "
    f"FLAC, Ogg and MP3) of {MIN_RATE_HZ // 1000} to {MAX_RATE_HZ // 1000} kHz, "
    f"1 to {MAX_CHANNELS} channels, up to {MAX_DURATION_S / 3600:.0f} hours "
    f"and {MAX_CLIP_BYTES // 10**6} MB."
)

# A quiet recording is raised until its peak is at full scale, by 60 dB at most, so that silence
# stays silent. YAMNet's front end hides what lies near its offset, and hears nothing in a
# recording 60 dB down.
_PEAK_FLOOR = 1e-3

_BLOCK_FRAMES = 2**19
_BLOCK_SAMPLES = 2**20  # of all channels together: 4 MB as float32
# The channels' mean is kept unless it has lost this much power against the loudest channel: then
# they cancel each other out (a microphone wired in anti-phase) and the loudest is heard alone.
_CANCELLED_POWER_RATIO = 0.05

Floats = NDArray[np.float32]


class _Survey(NamedTuple):
    """What was found on a first way through a clip.

    Attributes:
        channel: which channel to hear; None for the mean of all.
        peak: of what will be heard.
        only_block: the whole clip as decoded, if it is one block; None otherwise.
    """

    channel: int | None
    peak: float
    only_block: Floats | None


class Clip:
    """A recording, open for reading.

    Args:
        file: seekable binary file. It stays open and belongs to the caller.

    Attributes:
        sample_rate: of the recording, in Hz.
        channels: of the recording.
        format: container and sample format, such as ``WAV PCM_16``.
        duration_s: seconds of sound decoded so far; of the whole clip once it has been read.
        warnings: what had to be mended to hear the clip, for a person.

    Raises:
        RejectedClipError: the file is empty, not audio, or outside the accepted limits.
    """

    def __init__(self, file: BinaryIO) -> None:
        if not file.read(1):
            raise RejectedClipError("empty", f"The file is empty (0 bytes). {ACCEPTED}")
        self._file = file
        self._sound = self._opened()
        self.sample_rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.format = f"{self._sound.format} {self._sound.subtype}"
        self.duration_s = 0.0
        self.warnings: list[str] = []
        try:
            self._check_limits()
        except RejectedClipError:
            self.close()
            raise

    def _opened(self) -> soundfile.SoundFile:
        self._file.seek(0)
        try:
            return soundfile.SoundFile(self._file)
        except soundfile.SoundFileError as error:
            raise RejectedClipError(
                "not_audio", f"The file cannot be read as audio ({_reason(error)}). {ACCEPTED}"
            ) from error

    def _check_limits(self) -> None:
        if not MIN_RATE_HZ <= self.sample_rate <= MAX_RATE_HZ:
            raise RejectedClipError(
                "unsupported_rate", f"The sample rate is {self.sample_rate} Hz. {ACCEPTED}"
            )
        if self.channels > MAX_CHANNELS:
            raise RejectedClipError(
                "too_many_channels", f"The clip has {self.channels} channels. {ACCEPTED}"
            )
        if self._sound.frames == 0:
            raise RejectedClipError("no_samples", f"The clip holds no samples. {ACCEPTED}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the decoder; the file stays open."""
        self._sound.close()

    def waveform_blocks(self) -> Iterator[Floats]:
        """Decode the whole clip, to find its peak and then to give it at full scale.

        What does not fit into one block is decoded twice, so that memory does not grow with it.

        Yields:
            ``(samples,)`` float32 pieces of the mono 16 kHz waveform, in order, in -1..1 but for
            what resampling overshoots.

        Raises:
            RejectedClipError: the data is corrupt, or longer than `MAX_DURATION_S`.
        """
        survey = self._survey()
        gain = full_scale_gain(survey.peak)
        blocks = self._blocks_again() if survey.only_block is None else iter([survey.only_block])
        mono = (_mix(block, survey.channel) * gain for block in blocks)
        if self.sample_rate == SAMPLE_RATE:
            yield from mono
            return
        resampler = soxr.ResampleStream(self.sample_rate, SAMPLE_RATE, 1, dtype="float32")
        for block in mono:
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(np.empty(0, np.float32), last=True)

    def _blocks_again(self) -> Iterator[Floats]:
        # Opened anew, because not every format that libsndfile reads can go back (GSM 6.10).
        self._sound.close()
        self._sound = self._opened()
        return self._finite_blocks()

    def _finite_blocks(self) -> Iterator[Floats]:
        """Decoded ``(channels, frames)`` blocks, with NaN and infinity replaced by silence."""
        n_frames = n_bad = 0
        try:
            while (block := self._read()).size:
                n_frames += block.shape[1]
                self.duration_s = n_frames / self.sample_rate
                if self.duration_s > MAX_DURATION_S:
                    raise RejectedClipError("too_long", f"The clip is too long. {ACCEPTED}")
                finite = np.isfinite(block)
                if not finite.all():
                    n_bad += int(block.size - finite.sum())
                    block = np.where(finite, block, np.float32(0))
                yield block
        except soundfile.SoundFileError as error:
            raise RejectedClipError(
                "corrupt",
                f"The audio data cannot be decoded after {self.duration_s:.2f} s "
                f"({_reason(error)}). {ACCEPTED}",
            ) from error
        if n_frames == 0:
            raise RejectedClipError("no_samples", f"The clip holds no samples. {ACCEPTED}")
        if n_bad:
            self.warnings = [f"{n_bad} samples were not finite numbers and were silenced"]

    def _read(self) -> Floats:
        frames = self._sound.read(
            min(_BLOCK_FRAMES, _BLOCK_SAMPLES // self.channels), dtype="float32", always_2d=True
        )
        # Each channel in one piece: across channels that alternate, sums and maxima take ten times
        # as long as decoding does.
        return np.ascontiguousarray(frames.T)

    def _survey(self) -> _Survey:
        power, peaks = np.zeros(self.channels), np.zeros(self.channels)
        mean_power = mean_peak = 0.0
        n_blocks = 0
        for block in self._finite_blocks():
            n_blocks += 1
            mean = _mix(block, None)
            mean_peak = max(mean_peak, float(_peaks(mean)))
            if self.channels > 1:
                mean_power += float(mean @ mean)
                power += [channel @ channel for channel in block]
                peaks = np.maximum(peaks, _peaks(block))
        only_block = block if n_blocks == 1 else None
        if mean_power < _CANCELLED_POWER_RATIO * power.max():
            loudest = int(power.argmax())
            return _Survey(loudest, float(peaks[loudest]), only_block)
        return _Survey(None, mean_peak, only_block)


def full_scale_gain(peak: float) -> np.float32:
    """Factor that brings a waveform of this peak to full scale, or 60 dB up if it is quieter."""
    return np.float32(1 / max(peak, _PEAK_FLOOR))


def _mix(block: Floats, channel: int | None) -> Floats:
    """Mono ``(frames,)`` of ``(channels, frames)``: one channel, or the mean of all."""
    if channel is None and len(block) > 1:
        mono: Floats = block.mean(axis=0)
    else:
        mono = block[channel or 0]
    return mono


def _peaks(block: Floats) -> Floats:
    """Highest magnitude over the last axis."""
    highest: Floats = np.maximum(block.max(axis=-1), -block.min(axis=-1))
    return highest


def _reason(error: Exception) -> str:
    """libsndfile's own words, without the repr of the file object before them."""
    return str(error).rpartition(": ")[2].rstrip(".")
