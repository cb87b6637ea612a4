"""The command `retrain`: what would be learned, the run, and what became of each correction."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import httpx
from rich.progress import TimeElapsedColumn
from rich.table import Table

from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import as_json, explained, file_argument
from earshot_client.cli.output import console, print_json, progress
from earshot_client.transport import ApiError

POLL_S = 1.0
# What a busy API answers, after the tries of `Transport`; it runs for minutes beside a retraining.
BUSY = (0, httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
MOST_FAILURES = 12  # in a row, each after some eight seconds
# It did its work; where nothing was to be changed, nothing had to be promoted.
GOOD = ("promoted", "unchanged")

Connect = Callable[[], EarshotClient]


@click.command()
@click.argument("files", nargs=-1, type=file_argument)
@click.option("--prefix", help="Folder of clips to train on, within training/; by default all.")
@click.option("--reason", default="", help="Why; recorded with the version.")
@click.option("--wait/--no-wait", default=True, help="Watch it until it ends.")
@click.option("--check", is_flag=True, help="Say whether it can succeed; start nothing.")
@as_json
@click.pass_obj
@explained
def retrain(
    connect: Connect,
    files: tuple[Path, ...],
    prefix: str | None,
    reason: str,
    wait: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Train a candidate on labeled clips and corrections; promote it if it passes the gate.

    FILES are WAVs named <label>_..., of 4.5 MB in all. Without any, the clips under
    training/ in the uploads bucket are used.

    The exit status is 0 if the candidate was promoted, or if there was nothing to change (with
    --no-wait: if it was started; with --check: if it can start), else 1.
    """
    if files and (prefix or check):
        raise click.UsageError("FILES go neither with --prefix nor with --check.")
    client = connect()
    if check or not as_json:
        outlook = client.outlook(prefix)
        print_json(outlook) if as_json else show_outlook(outlook, len(files))
        if check and not outlook["ready"]:
            raise click.ClickException(" ".join(outlook["reasons"]))
    if check:
        return
    if files:
        run = client.retrain_on([(path.name, path.read_bytes()) for path in files], reason)
    else:
        run = client.retrain(reason=reason, **({"prefix": prefix} if prefix else {}))
    stands = watch(client, run) if wait else client.retraining(run)
    if as_json:
        print_json(stands)
    else:
        show(stands)
        if not wait:
            console.print(f"Where it stands: GET /retrain/{run}")
    if wait and stands["state"] not in GOOD:
        raise click.ClickException(f"No new model serves: {run} was not promoted.")


def show_outlook(outlook: Mapping[str, Any], n_files: int) -> None:
    """What would be learned, from so many files or from the bucket, and what evaluates it."""
    held_out = _count(sum(outlook["held_out"].values()), "held-out clip")
    released = outlook["released_held_out"]
    came_with = f" ({released} came with a release)" if released else ""
    clips = (
        _count(n_files, "file")
        if n_files
        else f"{_count(outlook['corrections'], 'new correction')}, "
        f"{_count(sum(outlook['clips'].values()), 'labeled clip')}"
    )
    console.print(f"{clips}; {held_out}{came_with} to evaluate on.")
    for note in outlook["notes"]:
        console.print(note)


def show(stands: Mapping[str, Any]) -> None:
    """How a retraining ended: in words, and what became of each correction and clip."""
    console.print(f"{stands['id']} {stands['state']} {stands['version'] or ''}".rstrip())
    if stands["state"] == "unchanged":
        console.print("No change: the champion stays.")
    for why in stands["reasons"]:
        console.print(why)
    if corrections := stands.get("corrections"):
        show_corrections(corrections, serves=stands["state"] == "promoted")
    if left_out := stands.get("left_out"):
        for clip in left_out["clips"]:
            console.print(f"not used: {clip['key']}: {clip['reason']}")
        if more := left_out["count"] - len(left_out["clips"]):
            console.print(f"… and {_count(more, 'other clip')}")


def show_corrections(corrections: Mapping[str, Any], *, serves: bool) -> None:
    """What the champion said of each corrected clip, and what the candidate says.

    Args:
        corrections: of a retraining.
        serves: the candidate was promoted.
    """
    count = corrections["count"]
    if not count:
        return
    table = Table("clip", "label", "was", "is now" if serves else "candidate", "", box=None)
    for clip in corrections["clips"]:
        remark = "" if clip["correct"] else "still wrong"
        if clip["not_used"]:
            remark = f"not used: {clip['not_used']}"
        table.add_row(
            clip["clip_id"], clip["label"], _answer(clip["was"]), _answer(clip["now"]), remark
        )
    console.print(table)
    if more := count - len(corrections["clips"]):
        console.print(f"… and {_count(more, 'other correction')}")
    console.print(
        f"{corrections['correct']} of {_count(count, 'correction')} "
        f"right {'now' if serves else 'by the candidate'}; {corrections['correct_before']} before."
    )


def watch(client: EarshotClient, run: str) -> dict[str, Any]:
    """Where a retraining stands once it has ended.

    Raises:
        ApiError: the API refuses to say, or did not answer for a while. The run goes on.
    """
    with progress(TimeElapsedColumn()) as bar:
        task, failures = bar.add_task("retraining", total=1.0), 0
        while True:
            try:
                stands = client.retraining(run)
            except ApiError as error:
                failures += 1
                if error.status not in BUSY or failures > MOST_FAILURES:
                    raise
                bar.update(task, description="the API is busy")
            else:
                failures = 0
                if stands["state"] != "running":
                    return stands
                step = stands["step"] or "starting"
                bar.update(task, description=step, completed=stands["embedded"])
            time.sleep(POLL_S)


def _answer(answer: Mapping[str, Any]) -> str:
    return f"{answer['label']} {answer['confidence']:.2f}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
