"""`python -m local.demos.classify`: the main job, end to end, on a local stack of its own.

Uploads recordings to the bucket, reads their results back from DynamoDB, receives the alerts, posts
one recording to the HTTP route, and takes the stack down again.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
from rich.console import Console
from rich.progress import track
from rich.table import Table

from earshot.labels import Label, label_of
from earshot.results.item import from_item
from earshot.results.result import Classification, Rejection, Result
from earshot.results.serialization import from_json
from earshot.uploads.objects import MAX_BODY_BYTES, UPLOADS_PREFIX, object_clip_id
from local.clients import forget_aws_settings, local_session
from local.demos.alerts import Subscriber, sentence, subscribed
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import FIRST_MODEL, REPOSITORY, LocalStackError, Settings
from local.token import issue
from training.data.demo_sounds import write_clips

PATIENCE_S = 120  # without any new result
POLL_S = 0.2
BATCH_GET_LIMIT = 100  # DynamoDB's

NEXT = """The stack is down again. What next:
  make up ui                     a stack to stay, and its web interface
  make demo WAV=folder-or-file   your own recordings
  make up listen                 your own microphone; it needs ffmpeg"""

console = Console()


@dataclass(frozen=True)
class Uploaded:
    """A recording on its way.

    Attributes:
        path: on disk.
        clip_id: of its result.
        at: when the upload began.
    """

    path: Path
    clip_id: str
    at: datetime


@contextmanager
def demo_stack(model: Path = FIRST_MODEL) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """A local stack beside the usual one, if that is up; it is taken down at the end.

    One at a time: it ends another, unless `EARSHOT_LOCAL_DIR` gives each a folder of its own.
    """
    local = Path(os.environ.get("EARSHOT_LOCAL_DIR") or REPOSITORY / ".local")
    settings = Settings(port=_free_port(), folder=local / "demo", asks_for_tokens=True).serving(
        model
    )
    require_models(settings)
    process.stop(settings)  # of a demo that was killed
    process.start(settings)
    try:
        yield settings, deploy(settings).outputs
    finally:
        process.stop(settings)


def recordings(path: Path) -> list[Path]:
    """The file itself, or every file in the folder whose name ends in ``.wav``.

    Raises:
        LocalStackError: there is none.
    """
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".wav")
    if not found:
        raise LocalStackError(f"There is no WAV in {path}. Try: make demo WAV=folder-or-file")
    return found


def upload(s3: Any, bucket: str, paths: list[Path]) -> list[Uploaded]:
    """Put recordings into the bucket, under the names they have."""
    uploaded = []
    for path in track(paths, "uploading", console=console):
        key = f"{UPLOADS_PREFIX}demo/{path.name}"
        at = datetime.now(UTC)
        answer = s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        uploaded.append(Uploaded(path, object_clip_id(bucket, key, answer["VersionId"]), at))
    return uploaded


def await_results(
    dynamodb: Any, table: str, clip_ids: list[str]
) -> tuple[dict[str, Result], float]:
    """Read results from the table until all are there, or none has come for a while.

    Returns:
        The results by clip, and when the first was there, by `time.monotonic`.
    """
    results: dict[str, Result] = {}
    first = last_news = time.monotonic()
    while len(results) < len(clip_ids) and time.monotonic() - last_news < PATIENCE_S:
        missing = [clip_id for clip_id in clip_ids if clip_id not in results][:BATCH_GET_LIMIT]
        answer = dynamodb.batch_get_item(
            RequestItems={table: {"Keys": [{"clip_id": {"S": clip_id}} for clip_id in missing]}}
        )
        items = [from_item(item) for item in answer["Responses"].get(table, [])]
        if items:
            last_news = time.monotonic()
            first = first if results else last_news
        results |= {result.clip_id: result for result in items}
        time.sleep(POLL_S)
    return results, first


def predict(api_url: str, token: str, path: Path) -> tuple[Result, float]:
    """Result of posting a recording to `/predict`, and the seconds that took.

    Raises:
        LocalStackError: the answer is an error.
    """
    started = time.perf_counter()
    answer = urllib3.request(
        "POST",
        f"{api_url}/predict",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "audio/wav"},
        body=path.read_bytes(),
    )
    seconds = time.perf_counter() - started
    if answer.status != 200:
        raise LocalStackError(f"POST /predict answered {answer.status}: {answer.data.decode()}")
    return from_json(answer.json()), seconds


def result_table(uploads: list[Uploaded], results: dict[str, Result]) -> Table:
    """The results, a row a clip."""
    table = Table()
    for column in ("file", "label", "confidence", "events", "after"):
        right = column in {"confidence", "after"}
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for one in uploads:
        result = results.get(one.clip_id)
        if result is None:
            table.add_row(one.path.name, "[red]missing[/]")
        elif isinstance(result.outcome, Rejection):
            table.add_row(one.path.name, "rejected", result.outcome.code)
        else:
            latency = result.timestamp - one.at
            table.add_row(
                one.path.name,
                result.outcome.label,
                f"{result.outcome.confidence:.2f}",
                _events(result.outcome),
                f"{latency.total_seconds():.2f} s",
            )
    return table


def _events(classification: Classification) -> str:
    shown = [f"{event.start_s:.1f}-{event.end_s:.1f} s" for event in classification.events]
    return ", ".join(shown[:2]) + (f", {len(shown) - 2} more" if len(shown) > 2 else "")


def summary(uploads: list[Uploaded], results: dict[str, Result]) -> str:
    """How many results came, and how many have the label that the file's name states."""
    text = f"{len(results)} of {len(uploads)} recordings have a result"
    named = [one for one in uploads if label_of(one.path) is not None]
    right = sum(
        result.classification.label == label_of(one.path)
        for one in named
        if (result := results.get(one.clip_id)) and result.classification
    )
    return f"{text}; {right} of {len(named)} have the label in their name." if named else f"{text}."


def run(paths: list[Path], model: Path = FIRST_MODEL) -> None:
    """The demonstration.

    Raises:
        LocalStackError: a result or an alert is missing, or `/predict` failed.
    """
    console.print("Starting the local stack …")
    started = time.monotonic()
    with demo_stack(model) as (settings, outputs):
        up = time.monotonic()
        s3, dynamodb, sns, sqs = (
            local_session().client(name, endpoint_url=settings.endpoint)
            for name in ("s3", "dynamodb", "sns", "sqs")
        )
        with subscribed(sns, sqs, outputs["AlertTopicArn"]) as subscriber:
            uploads = upload(s3, outputs["UploadsBucketName"], paths)
            clip_ids = [one.clip_id for one in uploads]
            results, first = await_results(dynamodb, outputs["ResultsTableName"], clip_ids)
            console.print(
                f"The stack was up in {up - started:.1f} s, and the first result came "
                f"{first - up:.1f} s later."
            )
            console.print(result_table(uploads, results))
            show_alerts(subscriber, uploads, results)
        console.print(summary(uploads, results))
        missing = len(uploads) - len(results)
        if missing:
            raise LocalStackError(
                f"{missing} results are missing. The functions' log: {settings.log_file}"
            )
        classified = [
            one.path
            for one in uploads
            if results[one.clip_id].classification and one.path.stat().st_size <= MAX_BODY_BYTES
        ]
        if classified:
            pool, client = outputs["UserPoolId"], outputs["ServiceClientId"]
            token = issue(settings.endpoint, pool, client, ["predict"])
            result, seconds = predict(outputs["ApiUrl"], token, classified[0])
            found = result.classification
            console.print(
                f"POST /predict with {classified[0].name}: "
                f"{f'{found.label} ({found.confidence:.2f})' if found else 'rejected'} "
                f"in {seconds:.2f} s"
            )
    console.print(NEXT, highlight=False)


def show_alerts(
    subscriber: Subscriber, uploads: list[Uploaded], results: dict[str, Result]
) -> None:
    """Print the alerts about results as they arrive.

    Raises:
        LocalStackError: one is missing.
    """
    certain = {
        result.classification.label
        for result in results.values()
        if result.classification and not result.classification.uncertain
    } - {Label.CASUAL}
    names = {one.clip_id: one.path.name for one in uploads}
    for alert in subscriber.alerts(certain):
        certain.discard(Label(alert["label"]))
        console.print(sentence(alert, names.get(alert["clip_id"], alert["clip_id"])))
    if certain:
        raise LocalStackError(f"No alert about {', '.join(sorted(certain))} arrived.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demos.classify", description=__doc__)
    parser.add_argument("wav", nargs="?", type=Path, help="WAV file or folder of yours")
    parser.add_argument("--model", type=Path, default=FIRST_MODEL, help="folder of a version")
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        if arguments.wav:
            run(recordings(arguments.wav), arguments.model)
            return
        with tempfile.TemporaryDirectory() as folder:
            run(write_clips(Path(folder), n_each=2), arguments.model)
    except LocalStackError as error:
        sys.exit(str(error))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
