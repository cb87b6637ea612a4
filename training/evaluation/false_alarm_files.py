"""False alarms as files to listen to: a WAV each, a table, and a page that plays them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label
from training.data.augment import scale_peak
from training.evaluation.everyday import Everyday, Segment, stretch

TABLE_NAME, PAGE_NAME = "false_alarms.csv", "index.html"
PEAK_DB = -3.0  # the classifier brings a segment to full scale too; this leaves ears some room


class FalseAlarm(NamedTuple):
    """A false alert; the fields are the columns of the table.

    Attributes:
        file: WAV of the segment, in the folder of the table.
        kind: of sound.
        label: that was detected.
        score: of the label, 0..1.
        uncertain: whether the result was.
        recording: the ambient file's name.
        start_s: where the segment begins in it.
    """

    file: str
    kind: str
    label: Label
    score: float
    uncertain: bool
    recording: str
    start_s: float


def write_false_alarms(found: Everyday, folder: Path) -> list[FalseAlarm]:
    """Write each segment that raised a false alert, those with the highest scores first.

    Args:
        found: in everyday sound.
        folder: to write to; it is made, and files of an earlier evaluation stay.

    Returns:
        rows of the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    alarms = []
    for segment in (*found.casual, *found.apart):
        for alarm in _alarms(segment):
            waveform = scale_peak(stretch(segment), PEAK_DB)
            soundfile.write(folder / alarm.file, waveform, SAMPLE_RATE, subtype="PCM_16")
            alarms.append(alarm)
    alarms.sort(key=lambda alarm: -alarm.score)
    with (folder / TABLE_NAME).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FalseAlarm._fields)
        writer.writerows(alarms)
    (folder / PAGE_NAME).write_text(_page(alarms))
    return alarms


def _alarms(segment: Segment) -> Iterator[FalseAlarm]:
    recording = segment.recording
    for label in segment.scores.alerts:
        score = segment.scores.of_threat[label]
        name = f"{recording.kind}__{label}__{score:.3f}__{segment.start_s:07.1f}s.wav"
        yield FalseAlarm(
            name.replace("/", "-").replace(" ", "_"),
            recording.kind,
            label,
            round(score, 4),
            segment.scores.uncertain,
            recording.path.name,
            segment.start_s,
        )


def _page(alarms: Sequence[FalseAlarm]) -> str:
    rows = "\n".join(
        f"<tr><td>{escape(alarm.kind)}</td><td>{alarm.label}</td><td>{alarm.score:.3f}</td>"
        f"<td>{'uncertain' if alarm.uncertain else ''}</td>"
        f"<td>{escape(alarm.recording)} at {alarm.start_s:.0f} s</td>"
        f'<td><audio controls preload="none" src="{quote(alarm.file)}"></audio></td></tr>'
        for alarm in alarms
    )
    return _PAGE.format(count=len(alarms), rows=rows)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>False alarms</title><style>
body {{ font-family: system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} th {{ text-align: left }}
td, th {{ padding: .3rem .8rem; border-bottom: 1px solid #ccc }} audio {{ height: 2rem }}
</style></head><body>
<h1>{count} false alarms</h1>
<p>Segments of sound without threats that raised an alert, the highest scores first.</p>
<table><tr><th>kind</th><th>label</th><th>score</th><th></th><th>where</th><th>listen</th></tr>
{rows}
</table></body></html>
"""
