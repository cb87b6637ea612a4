"""The command `earshot`. Each of its commands prints a table for people, or JSON with `--json`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import click
from rich.progress import TextColumn

import earshot
from earshot.results.result import Result
from earshot.uploads.objects import MAX_BODY_BYTES
from earshot_client.api_client import EarshotClient, ResultFilters
from earshot_client.cli.access import Access
from earshot_client.cli.clients import clients
from earshot_client.cli.erase import erase
from earshot_client.cli.models import models, retrain
from earshot_client.cli.options import (
    Time,
    as_json,
    explained,
    file_argument,
    label_choice,
    source_option,
)
from earshot_client.cli.output import console, print_json, progress, remarks, show, show_alerts
from earshot_client.cli.side_files import without_side_files
from earshot_client.cli.upload_folder import Journal, fault, recordings, upload_new
from earshot_client.transport import ApiError

POLL_S = 0.5
UNPROCESSABLE = 422  # a clip at fault; the others may do
POLLED_AT_ONCE = 20
# In a checkout, the models lie beside the layers; else one may be in a checkout.
CHECKOUT = Path(earshot.__file__).parents[4]
MODELS = (CHECKOUT if (CHECKOUT / "models").is_dir() else Path()) / "models"


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
@click.argument("files", nargs=-1, required=True, type=file_argument)
@source_option
@as_json
@click.pass_obj
@explained
def predict(
    connect: Callable[[], EarshotClient], files: tuple[Path, ...], source: str | None, as_json: bool
) -> None:
    """Classify clips of up to 4.5 MB by the API and print the results."""
    client = connect()
    recorded = without_side_files(files)
    for path in recorded:
        if path.stat().st_size > MAX_BODY_BYTES:
            raise click.ClickException(f"{path} is too large for that: earshot upload {path}")
    classified: dict[str, Result] = {}
    refused = {}
    for path in recorded:
        try:
            classified[str(path)] = client.predict(path, source)
        except ApiError as error:
            if error.status != UNPROCESSABLE:
                raise
            refused[path] = error
    if classified or as_json:
        show(classified, as_json)
    if refused:
        lines = (f"{path}: {error}" for path, error in refused.items())
        raise click.ClickException("\n".join(lines))


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@source_option
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
    jobs: int,
    wait: bool,
    patience: int,
    as_json: bool,
) -> None:
    """Upload a WAV, or all WAVs of a folder, of up to 100 MB each.

    Run it again after it was broken off: what is uploaded already is not uploaded again.
    """
    client = connect()
    paths = without_side_files([path] if path.is_file() else recordings(path))
    if not paths:
        raise click.ClickException(f"There is no WAV in {path}.")
    journal = Journal(path.parent if path.is_file() else path)
    new = [one for one in paths if journal.clip_id(one) is None]
    if len(new) < len(paths):
        remarks.print(f"{len(paths) - len(new)} of {len(paths)} are uploaded already.")
    with progress() as bar:
        total = sum(one.stat().st_size for one in new if fault(one) is None)
        task = bar.add_task("uploading", total=total)
        done = upload_new(
            paths,
            journal,
            lambda one: client.upload(one, source, sent=lambda n: bar.advance(task, n)),
            jobs,
        )
    clip_ids = done.clip_ids
    for one, reason in done.faults.items():
        remarks.print(f"not uploaded: {one}: {reason}")
    if not wait:
        ids = {str(one): {"clip_id": clip_id} for one, clip_id in clip_ids.items()}
        if as_json:
            print_json(ids)
        else:
            print("\n".join(clip_ids.values()))
        fail_if_any(done.faults)
        return
    results = await_results(client, clip_ids, patience)
    show({str(one): result for one, result in results.items()}, as_json)
    if missing := len(clip_ids) - len(results):
        raise click.ClickException(f"{missing} have no result yet. Try again later.")
    fail_if_any(done.faults)


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
    found = list(connect().results(filters, limit))
    show({result.clip_id: result for result in found}, as_json)


@cli.command()
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@as_json
@click.pass_obj
@explained
def alerts(connect: Callable[[], EarshotClient], limit: int, as_json: bool) -> None:
    """Show alerts that were sent, newest first."""
    show_alerts(list(connect().alerts(limit)), as_json)


@cli.command()
@click.argument("clip_id")
@click.argument("label", type=label_choice)
@click.option("--comment", default="", help="Comment, kept with the feedback.")
@as_json
@click.pass_obj
@explained
def feedback(
    connect: Callable[[], EarshotClient], clip_id: str, label: str, comment: str, as_json: bool
) -> None:
    """Confirm or correct the label of a result."""
    answer = connect().feedback(clip_id, label, comment)
    if as_json:
        print_json(answer)
        return
    console.print(f"{clip_id} {answer['feedback'][-1]['verdict']}: {label}")
    if answer["training_key"]:
        console.print(f"The next retraining trains on {answer['training_key']}.")


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
@click.argument("files", nargs=-1, required=True, type=file_argument)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=MODELS / "v1",
    envvar="EARSHOT_MODEL",
    help="Folder of a model version.",
)
@click.option(
    "--yamnet",
    type=click.Path(path_type=Path),
    default=MODELS / "yamnet",
    envvar="EARSHOT_YAMNET",
    help="Folder of the converted YAMNet.",
)
@as_json
@explained
def classify(files: tuple[Path, ...], model: Path, yamnet: Path, as_json: bool) -> None:
    """Classify clips of any length on this machine, without the API."""
    for folder, file in ((model, "manifest.json"), (yamnet, "yamnet.json")):
        if not (folder / file).is_file():
            raise click.ClickException(
                f"There is no {file} in {folder}. Run this in a checkout of Earshot, after "
                "`make setup`, or name folders with --model and --yamnet."
            )
    from earshot_client.offline import classify_files  # numpy and LiteRT, for this command alone

    show(
        {
            str(path): result
            for path, result in classify_files(without_side_files(files), model, yamnet)
        },
        as_json,
    )


def fail_if_any(faults: Mapping[Path, str]) -> None:
    """End with an error if files were not uploaded; each was named before."""
    if faults:
        raise click.ClickException(f"{len(faults)} not uploaded.")


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


cli.add_command(retrain)
cli.add_command(models)
cli.add_command(clients)
cli.add_command(erase)


def main() -> None:
    """The program `earshot`."""
    cli()
