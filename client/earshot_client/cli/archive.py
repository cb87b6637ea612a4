"""The command `archive`: classify every clip under a prefix, with the AWS credentials at hand."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from earshot_client.cli.options import as_json, source_option, sure
from earshot_client.cli.output import console, print_json, progress, remarks

if TYPE_CHECKING:
    from earshot_client.archive_costs import Estimate
    from earshot_client.archive_stack import ArchiveStack

POLL_S = 1.0
_ENDED = {"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"}


@click.command()
@click.argument("address", metavar="S3://BUCKET/PREFIX")
@click.option("--stack", default="earshot-dev", envvar="EARSHOT_STACK", show_default=True)
@click.option("--name", help="Of the archive. With the name of an earlier run, go on with that.")
@click.option("--max-clips", type=click.IntRange(min=1), help="Leave out what is beyond these.")
@source_option
@click.option("--table", is_flag=True, help="Keep the results in the results table, too.")
@click.option("--inventory", metavar="S3://…/manifest.json", help="List by this S3 Inventory.")
@click.option("--concurrency", type=click.IntRange(1, 5000), help="Batches at a time.")
@click.option("--wait/--no-wait", default=True, help="Watch it until it ends.")
@click.option("--yes", is_flag=True, help="Do not ask before it starts.")
@as_json
def archive(
    address: str,
    stack: str,
    name: str | None,
    max_clips: int | None,
    source: str | None,
    table: bool,
    inventory: str | None,
    concurrency: int | None,
    wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Classify every clip under a prefix of S3 and write the results as Parquet.

    It uses your AWS credentials, not the API. Counts the clips and says what they will cost before
    it starts. A run that failed or was stopped goes on with the same command and its --name: what
    is classified stays as it is. Interrupting the command stops watching, and nothing else.

    The exit status is 0 if every clip has a result (with --no-wait: if it was started), else 1.
    """
    try:  # boto3, for this command alone
        from earshot.archives.archive_files import NAME_PATTERN
        from earshot_client.archive_costs import estimate
        from earshot_client.archive_stack import ArchiveStack
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"This command needs {error.name}: pip install '.[aws,cli]'"
        ) from error

    match = re.fullmatch(r"s3://([^/]+)/?(.*)", address)
    if match is None:
        raise click.UsageError(f"{address} is not like s3://bucket/prefix")
    if name and not re.fullmatch(NAME_PATTERN, name):
        raise click.UsageError("A name has up to 80 letters, digits, - and _.")
    bucket, prefix = match.groups()
    name = name or f"{datetime.now():%Y-%m-%d}-{uuid.uuid4().hex[:8]}"
    earshot = ArchiveStack(stack)
    asked: dict[str, Any] = {"name": name, "bucket": bucket, "prefix": prefix}
    options = {"max_clips": max_clips, "source": source, "inventory": inventory}
    asked |= {key: value for key, value in options.items() if value is not None}
    asked |= {"keep_in_table": True} if table else {}
    asked |= {"concurrency": concurrency} if concurrency else {}
    if not yes:
        counted = _counted(earshot, bucket, prefix, max_clips)
        found = estimate(*counted, concurrency or earshot.concurrency(), table)
        _show(found)
        if not found.clips:
            raise click.ClickException(f"There is no object under {address}.")
        sure("Start?")
    run = earshot.start(name, asked)
    remarks.print(f"Archive {name} has begun.")
    if not wait:
        print_json({"archive": name, "run": run}) if as_json else console.print(run)
        return
    summary = watch(earshot, run)
    print_json(summary) if as_json else console.print(describe(summary))
    if summary["missing_batches"] or summary["counts"].get("failed"):
        raise click.ClickException(
            f"Not every clip has a result. Once the cause is fixed: earshot archive {address} "
            f"--name {name}"
        )


def watch(earshot: ArchiveStack, run: str, sleep: Callable[[float], None] = time.sleep) -> Any:
    """Show how far a run is until it ends; returns its summary.

    Raises:
        click.ClickException: it failed.
    """
    with progress(MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        planned = bar.add_task("planning", total=None)
        while (state := earshot.state(run)).status not in _ENDED:
            if state.total:
                bar.update(planned, description=state.step, total=state.total, completed=state.done)
            sleep(POLL_S)
    if state.status != "SUCCEEDED":
        name = json.loads(state.asked)["name"]
        raise click.ClickException(
            f"The run {state.status.lower().replace('_', ' ')}: {state.reason} "
            f"To go on: the same command with --name {name}"
        )
    return json.loads(state.answer)


def describe(summary: dict[str, Any]) -> str:
    """A summary for people."""
    counts = ", ".join(f"{n:,} {what}" for what, n in summary["counts"].items())
    missing = summary["missing_batches"]
    left = f" {missing:,} batches failed." if missing else ""
    return (
        f"{summary['results']:,} of {summary['planned']:,} clips have a result: {counts}.{left}\n"
        f"Parquet: {summary['parquet']}"
    )


def _counted(
    earshot: ArchiveStack, bucket: str, prefix: str, max_clips: int | None
) -> tuple[int, int]:
    clips = size = 0
    with remarks.status("counting"):
        for n, total in earshot.counted(bucket, prefix):
            clips, size = clips + n, size + total
            if max_clips is not None and clips >= max_clips:
                return max_clips, round(size * max_clips / clips)
    return clips, size


def _show(found: Estimate) -> None:
    takes = timedelta(seconds=max(1, round(found.takes.total_seconds())))
    remarks.print(
        f"{found.clips:,} clips, {found.size / 1e6:,.1f} MB: about ${found.dollars:,.2f} "
        f"(list prices, us-east-1) and {takes}."
    )
