"""`python -m local.demos.retrain`: retraining, end to end, on a local stack of its own.

Retrains on labeled clips until the gate promotes a new version, shows that the next upload is
classified by it, has a retraining on wrong labels rejected, and rolls back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, track
from rich.table import Table

from earshot.labels import LABELS, Label
from earshot.model.registry import ModelRegistry
from earshot.results.item import from_item
from earshot.results.result import Classification
from earshot.retraining.plan import Request
from earshot.retraining.run_files import RunFiles
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import StateMachine
from earshot.retraining.steps import CANDIDATE_FOLDER
from earshot.uploads.objects import HELD_OUT_PREFIX, TRAINING_PREFIX, object_clip_id
from local.clients import forget_aws_settings, local_session
from local.demos.classify import demo_stack
from local.settings import LocalStackError
from training.data.demo_sounds import write_recordings
from training.data.labeled_clips import LabeledClip, labeled_clips

MISLABELED_PREFIX = f"{TRAINING_PREFIX}mislabeled/"
PATIENCE_S = 1200
NEW_MODEL_S = 60  # within a minute of its promotion, classify uses a new champion
POLL_S = 0.5

console = Console()


@dataclass(frozen=True)
class Clips:
    """Clips to train on, the held-out set, and clips under wrong labels."""

    training: list[LabeledClip]
    held_out: list[LabeledClip]
    mislabeled: list[LabeledClip]


class Stack:
    """The local stack, as the demonstration uses it."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        session: Any = local_session()

        def client(name: str) -> Any:
            return session.client(name, endpoint_url=outputs["endpoint"])

        self._s3 = client("s3")
        self._dynamodb = client("dynamodb")
        self._outputs = outputs
        self.files = RunFiles(self._s3, outputs["ModelsBucketName"])
        self.service = RetrainingService(
            StateMachine(client("stepfunctions"), outputs["StateMachineArn"]),
            self.files,
            ModelRegistry(self._s3, outputs["ModelsBucketName"]),
            lambda: datetime.now(UTC),
        )

    def upload(self, clips: Sequence[LabeledClip], prefix: str) -> None:
        """Put labeled clips into the uploads bucket."""
        for clip in track(clips, f"uploading to {prefix}", console=console):
            key = f"{prefix}{clip.label}/{clip.path.name}"
            self._put(key, clip.path)

    def classify(self, path: Path) -> Classification:
        """Upload a clip; its classification."""
        key = f"incoming/demo/{path.name}"
        clip_id = object_clip_id(self._outputs["UploadsBucketName"], key, self._put(key, path))
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self._dynamodb.get_item(
                TableName=self._outputs["ResultsTableName"], Key={"clip_id": {"S": clip_id}}
            )
            if "Item" in answer and (found := from_item(answer["Item"]).classification):
                return found
            time.sleep(POLL_S)
        raise LocalStackError(f"There is no result of {path.name}. See `make logs`.")

    def classify_with(self, version: str, path: Path) -> tuple[Classification, float]:
        """Upload a clip until the version classifies it; its classification and the seconds."""
        started = time.monotonic()
        while (found := self.classify(path)).model_version != version:
            if time.monotonic() - started > NEW_MODEL_S:
                raise LocalStackError(
                    f"After {NEW_MODEL_S} s, classify still uses {found.model_version}."
                )
            time.sleep(2)
        return found, time.monotonic() - started

    def _put(self, key: str, path: Path) -> str:
        answer = self._s3.put_object(
            Bucket=self._outputs["UploadsBucketName"], Key=key, Body=path.read_bytes()
        )
        return str(answer["VersionId"])


def watch(service: RetrainingService, run: str) -> dict[str, Any]:
    """Show a retraining's progress until it ends; its last status."""
    columns = (TextColumn("{task.description:<14}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=1.0)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = service.status(run)
            progress.update(
                task, description=status["step"] or "starting", completed=status["embedded"]
            )
            if status["state"] != "running":
                return status
            time.sleep(POLL_S)
    raise LocalStackError(f"The retraining {run} does not come to an end. See `make logs`.")


def show(status: dict[str, Any]) -> None:
    """Print how a retraining ended, and every number that the gate compared."""
    console.print(f"[bold]{status['state']}[/]: {status['version'] or 'no version'}")
    for reason in status["reasons"]:
        console.print(f"  {reason}")
    if status["decision"]:
        console.print(gate_table(status["decision"]))


def gate_table(decision: dict[str, Any]) -> Table:
    """Every number that the gate compared."""
    table = Table(title=f"The gate, against {decision['compared_with']['version']}")
    for column in ("check", "candidate", "champion", "limit", ""):
        table.add_column(column, justify="left" if column == "check" else "right")
    for check in decision["checks"]:
        numbers = (check[name] for name in ("candidate", "champion", "limit"))
        shown = (
            "" if n is None else f"{n:.3f}" if isinstance(n, float) else f"{n}" for n in numbers
        )
        answer = "passed" if check["passed"] else "[red]failed[/]"
        table.add_row(check["name"], *shown, "excused" if check["excused"] else answer)
    return table


def expect(status: dict[str, Any], state: str) -> None:
    """Raise if a retraining ended otherwise."""
    show(status)
    if status["state"] != state:
        raise LocalStackError(f"It should have been {state}.")


def wrong(clips: Sequence[LabeledClip]) -> list[LabeledClip]:
    """The same clips, each under the next label."""
    following = dict(zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True))
    return [replace(clip, label=following[clip.label]) for clip in clips]


def run(clips: Clips) -> None:
    """The demonstration.

    Raises:
        LocalStackError: something did not go as it should.
    """
    clip = next(clip.path for clip in clips.training if clip.label is Label.SIREN)
    console.print("Starting the local stack …")
    with demo_stack() as (_, outputs):
        stack = Stack(outputs)
        before = stack.classify(clip)
        console.print(f"{clip.name}: {before.label}, by {before.model_version}")

        console.rule("Retraining on labeled clips")
        stack.upload(clips.training, TRAINING_PREFIX)
        stack.upload(clips.held_out, HELD_OUT_PREFIX)
        good = watch(stack.service, stack.service.start(Request(requested_by="make retrain-demo")))
        expect(good, "promoted")
        n_new = stack.files.read_json(good["id"], f"{CANDIDATE_FOLDER}training.json")["n_new"]
        n_clips = len(clips.training)
        console.print(f"Of {n_clips} clips, {n_new} were new to {before.model_version}.")
        after, seconds = stack.classify_with(good["version"], clip)
        console.print(
            f"{clip.name}: {after.label}, by {after.model_version}, "
            f"{seconds:.0f} s after the promotion"
        )

        console.rule("Retraining on wrong labels")
        stack.upload(clips.mislabeled, MISLABELED_PREFIX)
        request = Request(
            prefix=MISLABELED_PREFIX, requested_by="make retrain-demo", augmentations=()
        )
        expect(watch(stack.service, stack.service.start(request)), "rejected")
        kept = stack.classify(clip)
        console.print(f"{clip.name}: {kept.label}, by {kept.model_version}")

        console.rule("Rolling back")
        back = stack.service.rollback(by="make retrain-demo", reason="to show that it is one call")
        result, seconds = stack.classify_with(back.version, clip)
        console.print(
            f"{clip.name}: {result.label}, by {result.model_version}, "
            f"{seconds:.0f} s after the rollback"
        )
        console.print(_models(stack.service))
    console.print("The stack is down again. `make up` starts one to stay.")


def _models(service: RetrainingService) -> Table:
    table = Table(title="Model versions")
    for column in ("version", "parent", "status", "macro F1", "champion"):
        table.add_column(column)
    for model in service.models(limit=20)[0]:
        f1 = model["macro_f1"]
        table.add_row(
            model["version"],
            model["parent"] or "",
            model["status"] or "",
            "" if f1 is None else f"{f1:.3f}",
            "yes" if model["champion"] else "",
        )
    return table


def _clips(data: Path, held_out: Path | None) -> Clips:
    if held_out is None and data.name == "train" and (data.parent / "test").is_dir():
        held_out = data.parent / "test"
    training = labeled_clips(data)
    return Clips(training, labeled_clips(held_out) if held_out else [], wrong(training))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demos.retrain", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="labeled WAVs to train on")
    parser.add_argument(
        "--held-out",
        type=Path,
        help="held-out labeled WAVs; else the folder test beside train, or one in five of data",
    )
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        if arguments.data:
            run(_clips(arguments.data, arguments.held_out))
            return
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_recordings(folder / "training", n_each=16)
            write_recordings(folder / "held-out", n_each=8, first_seed=1000)
            write_recordings(folder / "mislabeled", n_each=32, first_seed=2000)
            training, held_out, more = (
                labeled_clips(folder / part) for part in ("training", "held-out", "mislabeled")
            )
            run(Clips(training, held_out, wrong([*training, *more])))
    except (LocalStackError, FileNotFoundError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
