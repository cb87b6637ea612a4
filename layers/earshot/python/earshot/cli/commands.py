"""The commands. Each prints a table for people, or JSON with `--json`."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import earshot
from earshot.cli.access import Access
from earshot.cli.folder import Journal, recordings, upload_new
from earshot.client import MAX_PREDICT_BYTES, EarshotClient, ResultFilters
from earshot.errors import EarshotError
from earshot.labels import LABELS
from earshot.result import Result
from earshot.uploads import parse_time

POLL_S = 0.5
# In a checkout, the models lie beside the layers.
MODELS = Path(earshot.__file__).parents[4] / "models"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

POLLED_AT_ONCE = 20

# Where nobody looks on, lines are for other programs and must not be folded.
console = Console(width=None if sys.stdout.isatty() else 200)
remarks = Console(stderr=True)


class Time(click.ParamType):
    """An ISO 8601 time, or how long ago: ``90s``, ``30m``, ``1h``, ``7d``, ``2w``."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := re.fullmatch(r"(\d+)([smhdw])", value):
            return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        try:
            return parse_time(value)
        except ValueError:
            self.fail(f"{value} is neither a time, such as 2026-01-31T12:00, nor like 1h")


P = ParamSpec("P")
R = TypeVar("R")

label_choice = click.Choice([str(label) for label in LABELS])
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
source_option = click.option("--source", help="Camera or site.")
file_argument = click.Path(exists=True, dir_okay=False, path_type=Path)


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """Tell of errors that are meant for people without a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EarshotError as error:
            raise click.ClickException(str(error)) from error

    return run


@click.group()
@click.version_option(earshot.__version__)
@click.option("--profile", envvar="EARSHOT_PROFILE", help="Table of the configuration file.")
@click.pass_context
def cli(context: click.Context, profile: str | None) -> None:
    """Hear gunshots, explosions and sirens in recordings.

    EARSHOT_API_URL and EARSHOT_TOKEN say where and as whom; a profile in config.toml may, too.
    """
    config_file = Path(click.get_app_dir("earshot")) / "config.toml"
    context.obj = lambda: Access.find(profile, os.environ, config_file).client()


@cli.command()
@click.argument("files", nargs=-1, required=True, type=file_argument)
@source_option
@as_json
@click.pass_obj
@explained
def predict(
    connect: Callable[[], EarshotClient], files: tuple[Path, ...], source: str | None, as_json: bool
) -> None:
    """Hear clips of up to 4.4 MB at once, by way of the API."""
    client = connect()
    for path in files:
        if path.stat().st_size > MAX_PREDICT_BYTES:
            raise click.ClickException(f"{path} is too large for that: earshot upload {path}")
    show({str(path): client.predict(path, source) for path in files}, as_json)


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@source_option
@click.option("--jobs", default=4, show_default=True, help="Uploads at once.")
@click.option("--wait/--no-wait", default=True, help="Wait for the results.")
@click.option("--patience", default=300, show_default=True, help="Seconds without any new result.")
@as_json
@click.pass_obj
@explained
def upload(
    connect: Callable[[], EarshotClient],
    path: Path,
    source: str | None,
    jobs: int,
    wait: bool,
    patience: int,
    as_json: bool,
) -> None:
    """Upload a WAV, or all WAVs of a folder, of up to 100 MB each.

    Run it again after it was broken off: what is uploaded already is not uploaded again.
    """
    client = connect()
    paths = [path] if path.is_file() else recordings(path)
    if not paths:
        raise click.ClickException(f"There is no WAV in {path}.")
    journal = Journal(path.parent if path.is_file() else path)
    new = [one for one in paths if journal.clip_id(one) is None]
    if len(new) < len(paths):
        remarks.print(f"{len(paths) - len(new)} of {len(paths)} are uploaded already.")
    with progress() as bar:
        task = bar.add_task("uploading", total=sum(one.stat().st_size for one in new))
        clip_ids = upload_new(
            paths,
            journal,
            lambda one: client.upload(one, source, sent=lambda n: bar.advance(task, n)),
            jobs,
        )
    if not wait:
        ids = {str(one): {"clip_id": clip_id} for one, clip_id in clip_ids.items()}
        print(json.dumps(ids, indent=2) if as_json else "\n".join(clip_ids.values()))
        return
    results = await_results(client, clip_ids, patience)
    show({str(one): result for one, result in results.items()}, as_json)
    if missing := len(clip_ids) - len(results):
        raise click.ClickException(f"{missing} have no result yet. Try again later.")


@cli.command()
@click.option("--label", type=label_choice, help="What was heard.")
@source_option
@click.option("--since", type=Time(), help="From this time on, or so long ago, such as 1h.")
@click.option("--until", type=Time(), help="Before this time.")
@click.option("--min-confidence", type=click.FloatRange(0, 1))
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@as_json
@click.pass_obj
@explained
def results(
    connect: Callable[[], EarshotClient],
    label: str | None,
    source: str | None,
    since: datetime | None,
    until: datetime | None,
    min_confidence: float | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show results, newest first."""
    filters = ResultFilters(label, source, since, until, min_confidence)
    found = list(connect().results(filters, limit))
    show({result["clip_id"]: result for result in found}, as_json)


@cli.command()
@click.argument("clip_id")
@click.argument("label", type=label_choice)
@click.option("--comment", default="", help="Why.")
@as_json
@click.pass_obj
@explained
def feedback(
    connect: Callable[[], EarshotClient], clip_id: str, label: str, comment: str, as_json: bool
) -> None:
    """Say what a clip really holds: confirms the result or corrects it."""
    answer = connect().feedback(clip_id, label, comment)
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    console.print(f"{clip_id} {answer['feedback'][-1]['verdict']}: {label}")
    if answer["training_key"]:
        console.print(f"The next training learns from {answer['training_key']}.")


@cli.command()
@click.option("--prefix", help="Folder of clips to learn from, within training/; or all.")
@click.option("--reason", default="", help="Why; recorded with the version.")
@click.option("--wait/--no-wait", default=True, help="Watch it until it ends.")
@as_json
@click.pass_obj
@explained
def retrain(
    connect: Callable[[], EarshotClient],
    prefix: str | None,
    reason: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Learn from labelled clips and corrections; the gate decides what comes of it."""
    client = connect()
    run = client.retrain(reason=reason, **({"prefix": prefix} if prefix else {}))
    stands = client.retraining(run)
    while wait and stands["state"] == "running":
        time.sleep(POLL_S)
        stands = client.retraining(run)
    if as_json:
        print(json.dumps(stands, indent=2))
        return
    console.print(f"{run} {stands['state']} {stands['version'] or ''}".rstrip())
    for why in stands["reasons"]:
        console.print(why)


@cli.command()
@as_json
@click.pass_obj
@explained
def models(connect: Callable[[], EarshotClient], as_json: bool) -> None:
    """List model versions; a star marks the champion."""
    found = connect().models()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("", "version", "parent", "status", "macro F1", "created", box=None)
    for model in found:
        macro_f1 = "" if model["macro_f1"] is None else f"{model['macro_f1']:.3f}"
        star = "*" if model["champion"] else ""
        words = (model["version"], model["parent"], model["status"], macro_f1, model["created"])
        table.add_row(star, *(word or "" for word in words))
    console.print(table)


@cli.command()
@click.argument("version")
@click.option("--reason", required=True, help="Why; recorded.")
@click.option("--force", is_flag=True, help="Also if the gate did not let it pass.")
@as_json
@click.pass_obj
@explained
def promote(
    connect: Callable[[], EarshotClient], version: str, reason: str, force: bool, as_json: bool
) -> None:
    """Make a model version the champion, also for a rollback."""
    promotion = connect().promote(version, reason, force=force)
    if as_json:
        print(json.dumps(promotion, indent=2))
        return
    console.print(f"{version} is the champion; new results name it within a minute.")


@cli.command()
@as_json
@click.pass_obj
@explained
def status(connect: Callable[[], EarshotClient], as_json: bool) -> None:
    """Show how the system is."""
    report = connect().status()
    if as_json:
        print(json.dumps(report, indent=2))
        return
    model, queues, last = report["model"], report["queues"], report["last_result"]
    console.print(f"model        {model['version'] if model else 'the one inside the image'}")
    console.print(f"queues       {', '.join(f'{name} {n}' for name, n in queues.items())}")
    console.print(f"last result  {last['timestamp'] if last else 'none yet'}")


@cli.command()
@click.argument("files", nargs=-1, required=True, type=file_argument)
@click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=MODELS / "v1",
    envvar="EARSHOT_MODEL",
    help="Folder of a model version.",
)
@click.option(
    "--yamnet",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=MODELS / "yamnet",
    envvar="EARSHOT_YAMNET",
    help="Folder of the converted YAMNet.",
)
@as_json
@explained
def classify(files: tuple[Path, ...], model: Path, yamnet: Path, as_json: bool) -> None:
    """Hear clips on this machine: no API, no account, any length."""
    from earshot.offline import hear_files  # numpy and LiteRT, which no other command needs

    show({str(path): result for path, result in hear_files(files, model, yamnet)}, as_json)


def await_results(
    client: EarshotClient, clip_ids: Mapping[Path, str], patience_s: float
) -> dict[Path, Result]:
    """Results of clips, as many as come before none has come for so long."""
    found: dict[Path, Result] = {}
    last_news = time.monotonic()
    with progress(TextColumn("{task.completed} of {task.total}")) as bar:
        task = bar.add_task("waiting for results", total=len(clip_ids))
        while len(found) < len(clip_ids) and time.monotonic() - last_news < patience_s:
            missing = [path for path in clip_ids if path not in found]
            for path in missing[:POLLED_AT_ONCE]:
                if result := client.result(clip_ids[path]):
                    found[path] = result
                    last_news = time.monotonic()
                    bar.advance(task)
            if len(found) < len(clip_ids):
                time.sleep(POLL_S)
    return {path: found[path] for path in clip_ids if path in found}


def progress(*columns: TextColumn) -> Progress:
    """A progress bar on standard error; none where that is no terminal."""
    shown = columns or (DownloadColumn(), TimeRemainingColumn())
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *shown,
        console=remarks,
        disable=not sys.stderr.isatty(),
    )


def show(results: Mapping[str, Result], as_json: bool) -> None:
    """Print results, each under a name of its own."""
    if as_json:
        print(json.dumps([{"name": name, **result} for name, result in results.items()], indent=2))
        return
    table = Table(box=None)
    table.add_column("clip")
    for column in ("label", "confidence", "seconds", "source", "heard at"):
        right = column in {"confidence", "seconds"}
        table.add_column(column, justify="right" if right else "left", no_wrap=not right)
    for name, result in results.items():
        table.add_row(name, *_cells(result))
    console.print(table)


def _cells(result: Result) -> Iterable[str]:
    if result["status"] == "rejected":
        return (f"rejected: {result['reason']['code']}", "", "", result["source"], _clock(result))
    label = result["label"]
    if result.get("verified_label", label) != label:
        label += f" (really {result['verified_label']})"
    return (
        label,
        f"{result['confidence']:.2f}",
        f"{result['duration_s']:.1f}",
        result["source"],
        _clock(result),
    )


def _clock(result: Result) -> str:
    return str(result["timestamp"])[:19].replace("T", " ")


def main() -> None:
    """The program `earshot`."""
    cli()
