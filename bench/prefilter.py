"""`python -m bench.prefilter EVERYDAY FIELD`: what the prefilter of `earshot listen` sends.

Everyday sound is cut as the listener cuts it, into segments of 10 s every 8 s. Of the field
dataset's threats, those clips are counted of which a segment is sent.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from earshot.audio.clip import Clip
from earshot.labels import Label
from earshot.yamnet.flatbuffer import Yamnet
from earshot_client.listen.clock import RecordingClock
from earshot_client.listen.prefilter import Prefilter
from earshot_client.listen.segments import Segment, Segmenter
from earshot_client.model_folder import classifier_of
from local.settings import FIRST_MODEL, YAMNET

SEGMENT_S, HOP_S = 10.0, 8.0
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
MIN_CONFIDENCE = 0.5  # of an alert, by default
# Streams of everyday sound that hold threats, or what is arguable.
NOT_CASUAL = {"esc50__siren", "esc50__fireworks", "esc50__clock_alarm", "esc50__car_horn"}
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scored:
    """A segment: the probability that it holds a threat, and whether it raises an alert."""

    threat: float
    alerts: bool


def scored(path: Path, prefilter: Prefilter) -> list[Scored]:
    """The segments of a recording."""
    found = [prefilter.classify(segment) for segment in _segments(path)]
    return [
        Scored(
            1 - one.probabilities[Label.CASUAL],
            one.label != Label.CASUAL and not one.uncertain and one.confidence >= MIN_CONFIDENCE,
        )
        for one in found
    ]


def _segments(path: Path) -> Iterator[Segment]:
    with path.open("rb") as file, Clip(file) as clip:
        waveform = np.concatenate(list(clip.waveform_blocks()))
    samples = np.clip(np.round(waveform * 32767), -32768, 32767).astype("<i2")
    segmenter = Segmenter(RecordingClock(_START), SEGMENT_S, HOP_S)
    cut = list(segmenter.add(samples.tobytes()))
    last = segmenter.end()
    # A clip that is shorter than a segment may be is sent all the same.
    yield from [*cut, last] if last else cut or [Segment(samples.astype(np.int16), _START)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.prefilter", description=__doc__)
    parser.add_argument("everyday", type=Path, help="folder of the dataset of everyday sound")
    parser.add_argument("field", type=Path, help="folder of the field dataset")
    arguments = parser.parse_args()
    classifier = classifier_of(FIRST_MODEL, Yamnet(YAMNET))
    prefilter = Prefilter(lambda: classifier, 0, 0)
    streams = sorted((arguments.everyday / "dev").glob("*.opus"))
    casual = [
        one for path in streams if path.stem not in NOT_CASUAL for one in scored(path, prefilter)
    ]
    with (arguments.field / "manifest.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["label"] != Label.CASUAL]
    threats = [scored(arguments.field / name, prefilter) for name in names]
    alerting = [clip for clip in threats if any(one.alerts for one in clip)]
    print(f"{len(casual)} segments of everyday sound, {len(threats)} clips with a threat,")
    print(f"{len(alerting)} of which raise an alert\n")
    print("| threshold | everyday segments sent | threats sent | alerts kept |")
    print("|---|---|---|---|")
    for threshold in THRESHOLDS:
        share = np.mean([one.threat >= threshold for one in casual])
        sent = [any(one.threat >= threshold for one in clip) for clip in threats]
        kept = [any(one.threat >= threshold for one in clip) for clip in alerting]
        print(f"| {threshold} | {share:.1%} | {sum(sent)} of {len(sent)} | ", end="")
        print(f"{sum(kept)} of {len(kept)} |")


if __name__ == "__main__":
    main()
