"""A night at a microphone: what sounds when, when the network is cut, and when the stream dies."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from training.data.demo_sounds import Floats, birdsong, gunshots, siren

SHOT_S, SIREN_S = 2.0, 6.0
# The stream goes on for so long after the night, for steps that take longer on a busy machine.
_SPARE_S = 180.0


@dataclass(frozen=True)
class Night:
    """When what happens, in seconds from the start. A shot, a siren, and a shot in the cut.

    Attributes:
        seconds: of the night; the stream dies at its end.
    """

    seconds: float = 600.0

    @property
    def segment_s(self) -> float:
        """Seconds of a segment: 10 as by default, or less in a short night."""
        return min(10.0, max(3.0, self.seconds / 10))

    @property
    def hop_s(self) -> float:
        """Seconds from one segment to the next."""
        return 0.8 * self.segment_s

    @property
    def cooldown_s(self) -> int:
        """Longer than a sound is in segments, and shorter than what is between the shots."""
        return round(1.5 * self.segment_s + SIREN_S)

    @property
    def silent_after_s(self) -> int:
        """How long the source may send nothing."""
        return round(2.5 * self.segment_s)

    @property
    def shots(self) -> tuple[float, float]:
        """When shots are fired: early, and while the network is cut."""
        cut, restored = self.cut
        return 0.1 * self.seconds, (cut + restored) / 2

    @property
    def siren(self) -> float:
        """When a siren passes."""
        return 0.25 * self.seconds

    @property
    def cut(self) -> tuple[float, float]:
        """From when until when the network is cut: a minute, or a third of a short night."""
        begin = 0.55 * self.seconds
        return begin, begin + min(60.0, self.seconds / 3)

    def sound(self) -> bytes:
        """The night and what comes after it, as a WAV."""
        seconds = self.seconds + _SPARE_S
        waveform = np.resize(birdsong(30.0, 0), int(seconds * SAMPLE_RATE)).copy()
        for at in self.shots:
            _put(waveform, gunshots(SHOT_S, 2), at)
        _put(waveform, siren(SIREN_S), self.siren)
        file = io.BytesIO()
        soundfile.write(file, waveform, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        return file.getvalue()


def _put(waveform: Floats, sound: Floats, at: float) -> None:
    start = int(at * SAMPLE_RATE)
    waveform[start : start + len(sound)] = sound
