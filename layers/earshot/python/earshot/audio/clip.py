"""Recording to waveform: decode, mix to mono, bring to full scale, resample to 16 kHz.

libsndfile decodes, soxr resamples; soxr's HQ is also what `librosa.resample` uses by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np
import soxr

from earshot.audio.decoder import Decoder, no_samples
from earshot.audio.limits import ACCEPTED, UPLOADED, Limits
from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.audio.mixing import Mixer
from earshot.audio.samples import cleaned
from earshot.errors import RejectedClipError

# A quiet recording is raised until its peak is at full scale, by 60 dB at most, so that silence
# stays silent. YAMNet's front end hides what lies near its offset, so that a recording 60 dB down
# would have low scores for everything.
_PEAK_FLOOR = 1e-3
# Smallest difference of two samples; 2**-15 where none is given.
_STEPS = {"PCM_U8": 2**-7, "PCM_S8": 2**-7, "ALAW": 2**-11, "ULAW": 2**-12}


class _Part(NamedTuple):
    """One of the recordings that are chained in a file, once it was looked at.

    Attributes:
        number: of it in the file, from 0.
        rate: in Hz.
        mixer: knows what to do with its channels.
        only_block: all of it as decoded, if it is one block; None otherwise.
    """

    number: int
    rate: int
    mixer: Mixer
    only_block: Floats | None


class Clip:
    """A recording, open for reading.

    Args:
        file: seekable binary file. It stays open and belongs to the caller.
        limits: how much work it may cost.

    Attributes:
        sample_rate: of the recording, in Hz.
        channels: of the recording.
        format: container and sample format, such as ``WAV PCM_16``; with ``repaired`` after it if
            other programs may not read the file.

    Raises:
        RejectedClipError: the file is empty, not audio, or outside the accepted limits.
    """

    def __init__(self, file: BinaryIO, limits: Limits = UPLOADED) -> None:
        self._decoder = Decoder(file, limits)
        self.sample_rate, self.channels = self._decoder.sample_rate, self._decoder.channels
        self.format = self._decoder.format
        self._warnings: list[str] = []

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
        self._decoder.close()

    @property
    def duration_s(self) -> float:
        """Seconds of sound; of the whole clip from the first block on."""
        return self._decoder.duration_s

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the clip and what was done about it, for a person.

        It is complete from the first block on.
        """
        return [*self._decoder.warnings, *self._warnings]

    def waveform_blocks(self) -> Iterator[Floats]:
        """Decode the whole clip, to find its peak and then to give it at full scale.

        What does not fit into one block is decoded twice, so that memory does not grow with it.

        Yields:
            ``(samples,)`` float32 pieces of the mono 16 kHz waveform, in order, in -1..1 but for
            what resampling overshoots.

        Raises:
            RejectedClipError: the data is corrupt, costs more work than the limits allow, or holds
                no number at all.
        """
        parts = self._look()
        gain = full_scale_gain(max(part.mixer.peak for part in parts))
        for part in parts:
            mono = (part.mixer.mix(block, n) * gain for n, block in enumerate(self._blocks(part)))
            if part.rate == SAMPLE_RATE:
                yield from mono
                continue
            resampler = soxr.ResampleStream(part.rate, SAMPLE_RATE, 1, dtype="float32")
            for block in mono:
                yield resampler.resample_chunk(block)
            yield resampler.resample_chunk(np.empty(0, np.float32), last=True)

    def _look(self) -> list[_Part]:
        """Decode all for the first time; the parts that hold sound."""
        parts: list[_Part] = []
        samples = not_finite = wild = 0
        for index in range(self._decoder.parts):
            try:
                sound = self._decoder.open(index)
            except RejectedClipError as error:
                if error.code == "too_long" or self._decoder.parts == 1:
                    raise
                self._warnings.append(f"recording {index + 1} in the file cannot be decoded")
                continue
            mixer = Mixer(sound.channels, sound.samplerate, _STEPS.get(sound.subtype, 2**-15))
            n_blocks = 0
            for decoded in self._decoder.first_look(index, sound):
                block, block_not_finite, block_wild = cleaned(decoded)
                samples += block.size
                not_finite += block_not_finite
                wild += block_wild
                n_blocks += 1
                mixer.look(block)
            if n_blocks:
                mixer.choose()
                keep = n_blocks == 1 and self._decoder.parts == 1
                parts.append(_Part(index, sound.samplerate, mixer, block if keep else None))
        self._check_signal(parts, samples, not_finite, wild)
        return parts

    def _blocks(self, part: _Part) -> Iterator[Floats]:
        """Decode a part again, or give what was kept of it."""
        if part.only_block is not None:
            yield part.only_block
            return
        # Opened anew, because not every format that libsndfile reads can go back (GSM 6.10).
        for block in self._decoder.second_look(part.number):
            yield cleaned(block).block

    def _check_signal(self, parts: list[_Part], samples: int, not_finite: int, wild: int) -> None:
        """Warn of samples that no microphone gave, or reject a clip of nothing else."""
        if not samples:
            raise no_samples()
        if not_finite + wild == samples:
            raise RejectedClipError(
                "no_signal",
                f"There is no signal: none of the {samples} samples is a usable number. {ACCEPTED}",
            )
        if not_finite:
            self._warnings.append(f"{not_finite} samples were not finite numbers and were silenced")
        if wild:
            self._warnings.append(f"{wild} samples far beyond full scale were silenced")
        if all(part.mixer.flat for part in parts):
            stuck = max(part.mixer.peak for part in parts) > _PEAK_FLOOR
            self._warnings.append(
                "no signal: every sample is "
                + ("the same, as of a microphone that is stuck" if stuck else "zero or next to it")
            )
        for part in parts:
            self._warnings += part.mixer.warnings()


def full_scale_gain(peak: float) -> np.float32:
    """Factor that brings a waveform of this peak to full scale, or 60 dB up if it is quieter."""
    return np.float32(1 / max(peak, _PEAK_FLOOR))
