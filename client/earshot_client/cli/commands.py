"""The command `earshot`. Each of its commands prints a table for people, or JSON with `--json`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

import earshot
from earshot.uploads.objects import MAX_BODY_BYTES
from earshot_client.api_client import EarshotClient
from earshot_client.cli.access import Access
from earshot_client.cli.archive import archive
from earshot_client.cli.bridge import bridge
from earshot_client.cli.clients import clients
from earshot_client.cli.erase import erase
from earshot_client.cli.feedback import feedback, mutes, unmute
from earshot_client.cli.listen import listen
from earshot_client.cli.local_model import model_option, yamnet_for, yamnet_option
from earshot_client.cli.models import models
from earshot_client.cli.options import (
    Time,
    as_json,
    explained,
    label_choice,
    recorded_at_option,
    recording_argument,
    source_option,
    zone_option,
)
from earshot_client.cli.output import ResultLines, console, print_json, show_alerts
from earshot_client.cli.recordings import as_file, time_in_name
from earshot_client.cli.retraining import retrain
from earshot_client.cli.side_files import without_side_files
from earshot_client.cli.sources import sources
from earshot_client.cli.uploads import upload
from earshot_client.filters import ResultFilters
from earshot_client.transport import ApiError

AT_FAULT = {413, 422}  # the clip; the others may do


@click.group()
@click.version_option(earshot.__version__)
@click.option("--profile", envvar="EARSHOT_PROFILE", help="Table of the configuration file.")
@click.pass_context
def cli(context: click.Context, profile: str | None) -> None:
    """Detect gunshots, explosions and sirens in sound.

    Set EARSHOT_API_URL and EARSHOT_TOKEN, or use a profile in config.toml.
    """
    config_file = Path(click.get_app_dir("earshot")) / "config.toml"
    context.obj = lambda: Access.find(profile, os.environ, config_file).client()


@cli.command()
@click.argument("files", nargs=-1, required=True, type=recording_argument)
@source_option
@recorded_at_option
@zone_option
@as_json
@click.pass_obj
@explained
def predict(
    connect: Callable[[], EarshotClient],
    files: tuple[Path, ...],
    source: str | None,
    recorded_at: datetime | None,
    zone: ZoneInfo,
    as_json: bool,
) -> None:
    """Classify clips of up to 4.5 MB by the API and print the results; - is standard input."""
    client = connect()
    if recorded_at and len(files) > 1:
        raise click.UsageError("--recorded-at is for one recording.")
    refused: dict[Path, str] = {}
    with ResultLines(as_json) as lines:
        for path in without_side_files(files):
            try:
                with as_file(path) as file:
                    if file.stat().st_size > MAX_BODY_BYTES:
                        refused[path] = f"It is too large for that: earshot upload {path}"
                        continue
                    began = recorded_at or time_in_name(path, zone)
                    lines.add(str(path), client.predict(file, source, began))
            except OSError as error:
                refused[path] = error.strerror or str(error)
            except ApiError as error:
                if error.status not in AT_FAULT:
                    raise
                refused[path] = str(error)
    if refused:
        raise click.ClickException("\n".join(f"{path}: {why}" for path, why in refused.items()))


@cli.command()
@click.option("--label", type=label_choice, help="Label of the results.")
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
    with ResultLines(as_json) as lines:
        for result in connect().results(filters, limit):
            lines.add(result.clip_id, result)


@cli.command()
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@as_json
@click.pass_obj
@explained
def alerts(connect: Callable[[], EarshotClient], limit: int, as_json: bool) -> None:
    """Show alerts that were sent, newest first."""
    show_alerts(list(connect().alerts(limit)), as_json)


@cli.command()
@as_json
@click.pass_obj
@explained
def status(connect: Callable[[], EarshotClient], as_json: bool) -> None:
    """Show model version, queues and last result."""
    report = connect().status()
    if as_json:
        print_json(report)
        return
    model, queues, last = report["model"], report["queues"], report["last_result"]
    console.print(f"model        {model['version'] if model else 'the one inside the image'}")
    console.print(f"queues       {', '.join(f'{name} {n}' for name, n in queues.items())}")
    console.print(f"last result  {last['timestamp'] if last else 'none yet'}")


@cli.command()
@click.argument("files", nargs=-1, required=True, type=recording_argument)
@model_option
@yamnet_option
@as_json
@explained
def classify(files: tuple[Path, ...], model: Path, yamnet: Path | None, as_json: bool) -> None:
    """Classify clips of any length on this machine, without the API; - is standard input."""
    yamnet = yamnet_for(model, yamnet)
    from earshot_client.offline import classify_files  # numpy and LiteRT, for this command alone

    with ResultLines(as_json) as lines:
        for path, result in classify_files(without_side_files(files), model, yamnet):
            lines.add(str(path), result)


cli.add_command(upload)
cli.add_command(bridge)
cli.add_command(retrain)
cli.add_command(models)
cli.add_command(clients)
cli.add_command(erase)
for command in (archive, feedback, mutes, unmute, listen, sources):
    cli.add_command(command)


def main() -> None:
    """The program `earshot`."""
    cli()
