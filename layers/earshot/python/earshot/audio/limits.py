"""What a clip may be, and how much work it may cost."""

from __future__ import annotations

from dataclasses import dataclass

from earshot.limits import MAX_CLIP_BYTES

MAX_DURATION_S = 4 * 3600.0
MIN_RATE_HZ, MAX_RATE_HZ = 2_000, 384_000
MAX_CHANNELS = 16
MAX_SAMPLES = 1_500_000_000  # of all channels: 4 hours of 48 kHz stereo are 1,382 million

ACCEPTED = (
    "Accepted is WAV (PCM of 8 to 32 bits, float, A-law, mu-law, ADPCM, GSM 6.10; also RF64, BW64, "
    "Wave64, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3) "
    f"of {MIN_RATE_HZ // 1000} to {MAX_RATE_HZ // 1000} kHz, "
    f"1 to {MAX_CHANNELS} channels, up to {MAX_DURATION_S / 3600:.0f} hours "
    f"and {MAX_CLIP_BYTES // 10**6} MB."
)


@dataclass(frozen=True)
class Limits:
    """How much work one clip may cost. What exceeds it is rejected as ``too_long``.

    Attributes:
        duration_s: seconds of sound.
        samples: of all channels together: what decoding costs grows with these.
        cpu_s: seconds of processor time of the thread that decodes and classifies. It bounds what
            no header states.
    """

    duration_s: float = MAX_DURATION_S
    samples: int = MAX_SAMPLES
    cpu_s: float = 150.0  # the function's timeout is 180 s: what is over is recorded, not killed


UPLOADED = Limits()
# The HTTP API gives up after 30 s; on one vCPU a minute of sound takes about half a second.
POSTED = Limits(duration_s=1200.0, samples=120_000_000, cpu_s=20.0)
