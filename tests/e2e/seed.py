"""A night of ten thousand results from twenty sources, written as rows at once."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.events import Event
from earshot.labels import LABELS, Label
from earshot.results.item import to_item
from earshot.results.result import AudioSetClass, Classification, Rejection, Result
from earshot.uploads.objects import POSTED_PREFIX, Location
from tests.stack import LocalStack
from training.data.demo_sounds import MAKERS

RESULTS, SOURCES = 10_000, 20
NAMES = ["north gate", "harbor", "yard", *(f"camera {n:02}" for n in range(4, SOURCES + 1))]
EVERY = 50  # of so many results of a source, one is a threat; of every third of them, an alert
GAP = timedelta(minutes=40)  # in which the harbor sends nothing
LATE = NAMES[-1]  # its clips are uploaded after the night
_A_WRITE = 25  # rows of BatchWriteItem


@dataclass(frozen=True)
class Night:
    """What was written.

    Attributes:
        start, end: of the night; nothing is later than now.
        gap: when the harbor's began.
        results: as the API has them.
    """

    start: datetime
    end: datetime
    gap: datetime
    results: list[Result]


def night(now: datetime) -> tuple[datetime, datetime]:
    """The last night in UTC: 20:00 to 06:00, or until now."""
    morning = now.replace(hour=6, minute=0, second=0, microsecond=0)
    evening = (now - timedelta(days=1)).replace(hour=20, minute=0, second=0, microsecond=0)
    return evening, min(morning, now - timedelta(seconds=10))


def seed(stack: LocalStack, n: int = RESULTS) -> Night:
    """Write `n` results of the last night. Threats can be played: their clips are in the bucket."""
    s3, bucket = stack.client("s3"), stack.outputs["UploadsBucketName"]
    clips = {}
    for label, make in MAKERS.items():
        file = io.BytesIO()
        sound = make()
        soundfile.write(file, sound, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        key = f"{POSTED_PREFIX}{label}.wav"
        version = s3.put_object(Bucket=bucket, Key=key, Body=file.getvalue()).get("VersionId")
        clips[label] = Location(bucket, key, version), len(sound) / SAMPLE_RATE
    start, end = night(datetime.now(UTC))
    gap = start + (end - start) * 0.6
    results = [
        result
        for number, source in enumerate(NAMES)
        for result in _of_source(source, number, n // SOURCES, (start, end), clips)
        if source != "harbor" or not gap <= result.time < gap + GAP
    ]
    _write(stack, results)
    return Night(start, end, gap, results)


def _of_source(
    source: str,
    number: int,
    n: int,
    span: tuple[datetime, datetime],
    clips: dict[Label, tuple[Location, float]],
) -> Iterator[Result]:
    rng = random.Random(number)  # noqa: S311 - reproducible rows
    step = (span[1] - span[0]) / n
    threats, due = 0, rng.randrange(EVERY - 5)
    for k in range(n):
        at = (span[0] + (k + rng.random()) * step).replace(microsecond=0)
        classified = at + timedelta(seconds=6)
        if source == LATE:
            classified = span[1] + timedelta(seconds=6, milliseconds=k)
        clip_id = f"{rng.getrandbits(128):032x}"
        if k % 400 == 399:
            rejection = Rejection("not_audio", "The file is text, not a recording.")
            yield Result(clip_id, source, classified, rejection, recorded_at=at)
            continue
        label = rng.choice(LABELS[1:]) if k % EVERY == due else Label.CASUAL
        threats += label is not Label.CASUAL
        uncertain = label is not Label.CASUAL and threats % 3 == 2
        alerted = label is not Label.CASUAL and threats % 3 == 0
        location, duration_s = clips[label]
        yield Result(
            clip_id,
            source,
            classified,
            _classification(label, rng, duration_s, uncertain=uncertain, alerted=alerted),
            recorded_at=at,
            location=location,
            alerted_at=classified + timedelta(seconds=1) if alerted else None,
        )


def _classification(
    label: Label, rng: random.Random, duration_s: float, *, uncertain: bool, alerted: bool
) -> Classification:
    ends = (0.4, 0.6) if uncertain else (0.75, 0.99) if alerted else (0.42, 0.48)
    confidence = round(rng.uniform(*ends), 4)  # no more alerts are sent about these rows
    rest = round((1 - confidence) / 3, 4)
    events = () if label is Label.CASUAL else (Event(label, 0.48, 1.92, confidence),)
    return Classification(
        label,
        {one: confidence if one is label else rest for one in LABELS},
        uncertain,
        events,
        (AudioSetClass("Outside, rural or natural", 0.4), AudioSetClass("Vehicle", 0.2)),
        duration_s,
        "v1",
        "ab" * 32,
    )


def _write(stack: LocalStack, results: list[Result]) -> None:
    dynamodb, table = stack.client("dynamodb"), stack.outputs["ResultsTableName"]

    def write(start: int) -> None:
        rows = results[start : start + _A_WRITE]
        requests: Any = [{"PutRequest": {"Item": to_item(row, timedelta(0))}} for row in rows]
        while requests:
            answer = dynamodb.batch_write_item(RequestItems={table: requests})
            requests = answer.get("UnprocessedItems", {}).get(table, [])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(0, len(results), _A_WRITE)))
