"""The command that uploads recordings and waits for their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.progress import TextColumn

from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import (
    as_json,
    explained,
    recorded_at_option,
    source_option,
    zone_option,
)
from earshot_client.cli.output import ResultLines, print_json, progress, remarks
from earshot_client.cli.recordings import as_file, is_stream, recordings, time_in_name
from earshot_client.cli.side_files import without_side_files
from earshot_client.cli.upload_folder import Journal, Sender, Uploads, fault, upload_new
from earshot_client.transport import ApiError

POLL_S = 0.5
POLLED_AT_ONCE = 20
FORBIDDEN = 403


@click.command()
@click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
@source_option
@recorded_at_option
@zone_option
@click.option("--jobs", default=4, show_default=True, help="Number of parallel uploads.")
@click.option("--wait/--no-wait", default=True, help="Wait for the results.")
@click.option("--patience", default=300, show_default=True, help="Seconds without any new result.")
@as_json
@click.pass_obj
@explained
def upload(
    connect: Callable[[], EarshotClient],
    path: Path,
    source: str | None,
    recorded_at: datetime | None,
    zone: ZoneInfo,
    jobs: int,
    wait: bool,
    patience: int,
    as_json: bool,
) -> None:
    """Upload a WAV, or all WAVs of a folder, of up to 100 MB each; - is standard input.

    Run it again after it was broken off: what is uploaded already is not uploaded again.
    """
    client = connect()
    if path.is_dir() and recorded_at:
        raise click.UsageError("--recorded-at is for one recording; those of a folder have names.")

    def began(one: Path) -> datetime | None:
        return recorded_at or time_in_name(one, zone)

    if is_stream(path):
        with as_file(path) as copy:
            reason = fault(copy)
            clip_ids = {} if reason else {path: client.upload(copy, source, began(path))}
        done = Uploads(clip_ids, {path: reason} if reason else {})
    else:
        done = _upload_files(client, path, source, began, jobs)
    for one, reason in done.faults.items():
        remarks.print(f"not uploaded: {one}: {reason}")
    if wait:
        await_results(client, done.clip_ids, patience, as_json)
    elif as_json:
        print_json({str(one): {"clip_id": clip_id} for one, clip_id in done.clip_ids.items()})
    else:
        print("\n".join(done.clip_ids.values()))
    if done.faults:
        raise click.ClickException(f"{len(done.faults)} not uploaded.")


def _upload_files(
    client: EarshotClient,
    path: Path,
    source: str | None,
    began: Callable[[Path], datetime | None],
    jobs: int,
) -> Uploads:
    folder = path if path.is_dir() else path.parent
    paths = without_side_files(recordings(path) if path.is_dir() else [path])
    if not paths:
        raise click.ClickException(f"There is no WAV in {path}.")
    journal = Journal(folder, client.api_url, source)
    new = [one for one in paths if not journal.uploaded(one)]
    if len(new) < len(paths):
        remarks.print(f"{len(paths) - len(new)} of {len(paths)} are uploaded already.")

    def arrived(clip_id: str) -> bool:
        try:
            return client.result(clip_id) is not None
        except ApiError as error:
            if error.status == FORBIDDEN:  # a device may not read results
                return False
            raise

    with progress() as bar:
        total = sum(one.stat().st_size for one in new if fault(one) is None)
        task = bar.add_task("uploading", total=total)
        sender = Sender(
            issue=lambda one: client.ticket(source, began(one)),
            send=lambda ticket, one: client.send(ticket, one, lambda n: bar.advance(task, n)),
            arrived=arrived,
        )
        return upload_new(paths, journal, sender, jobs)


def await_results(
    client: EarshotClient, clip_ids: Mapping[Path, str], patience_s: float, as_json: bool
) -> None:
    """Print the results of clips as they come.

    Raises:
        ClickException: none has come for so long, and some are missing.
    """
    missing = dict(clip_ids)
    last_news = time.monotonic()
    with (
        ResultLines(as_json) as lines,
        progress(TextColumn("{task.completed} of {task.total}")) as bar,
    ):
        task = bar.add_task("waiting for results", total=len(clip_ids))
        while missing and time.monotonic() - last_news < patience_s:
            for path in list(missing)[:POLLED_AT_ONCE]:
                if result := client.result(missing[path]):
                    del missing[path]
                    lines.add(str(path), result)
                    last_news = time.monotonic()
                    bar.advance(task)
            if missing:
                time.sleep(POLL_S)
    if missing:
        raise click.ClickException(f"{len(missing)} have no result yet. Try again later.")
