"""`python -m local.demos.teach`: a correction teaches, end to end, on a local stack of its own.

Plays everyday sound until five clips are labeled a threat, corrects these, mutes what sounds like
them at once, retrains, and shows for each clip what the model said and what it says now.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.classification.event_embeddings import MAX_EMBEDDINGS
from earshot.errors import RejectedClipError
from earshot.labels import Label
from earshot.results.result import Classification
from earshot_client.api_client import EarshotClient
from local.clients import forget_aws_settings
from local.demos.classify import demo_stack
from local.demos.retrain import POLL_S, gate_table
from local.settings import LocalStackError
from local.token import SCOPES, issue
from training.data.demo_sounds import everyday

SOURCE = "north-gate"
N_CORRECTED = 5
SEGMENT_S = 10.0
MOST_CLIPS = 2000
PATIENCE_S = 1200
ALERT_S = 20
NEW_MODEL_S = 60  # within a minute of its promotion, classify uses a new champion

Floats = NDArray[np.float32]
console = Console()


@dataclass(frozen=True)
class FalseAlarm:
    """A clip of everyday sound that was labeled a threat."""

    name: str
    waveform: Floats
    clip_id: str
    was: Classification

    @property
    def can_be_muted(self) -> bool:
        """It raised an alert, and its events are few enough to be compared, each of them."""
        return not self.was.uncertain and len(self.was.events) <= MAX_EMBEDDINGS


class Desk:
    """What a person does at the HTTP API of a local stack."""

    def __init__(self, outputs: dict[str, Any], folder: Path) -> None:
        def token() -> str:
            pool, client = outputs["UserPoolId"], outputs["ServiceClientId"]
            return issue(outputs["endpoint"], pool, client, list(SCOPES))

        self.client = EarshotClient(outputs["ApiUrl"], token)
        self._path = folder / "clip.wav"

    def classify(self, waveform: Floats) -> tuple[str, Classification]:
        """Post a clip; the id of its result, and its classification."""
        soundfile.write(self._path, waveform, SAMPLE_RATE, subtype="PCM_16")
        result = self.client.predict(self._path, source=SOURCE)
        if result.classification is None:
            raise LocalStackError(f"The clip was rejected: {result.outcome}")
        return result.clip_id, result.classification

    def alert_of(self, waveform: Floats) -> str:
        """Post a clip; whether its alert was sent or muted."""
        clip_id, classification = self.classify(waveform)
        shown = _shown(classification)
        if classification.uncertain or classification.label is Label.CASUAL:
            return f"{shown}: no alert"
        deadline = time.monotonic() + ALERT_S
        while time.monotonic() < deadline:
            result = self.client.result(clip_id)
            if result and result.muted_by:
                return f"{shown}, muted by {', '.join(set(result.muted_by.values()))}"
            if result and result.alerted_at:
                return f"{shown}: an alert was sent"
            time.sleep(POLL_S)
        return f"{shown}: no alert within {ALERT_S} s"

    def retrain(self) -> dict[str, Any]:
        """Retrain, and show how far it is; its last status."""
        run = self.client.retrain(reason="false alarms at the north gate", augmentations=[])
        step = ""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = self.client.retraining(run)
            if status["step"] not in (None, step):
                step = status["step"]
                console.print(f"  {step}")
            if status["state"] != "running":
                return status
            time.sleep(POLL_S)
        raise LocalStackError(f"The retraining {run} does not come to an end. See `make logs`.")

    def until_served_by(self, version: str, waveform: Floats) -> None:
        """Wait until a version classifies."""
        started = time.monotonic()
        while self.classify(waveform)[1].model_version != version:
            if time.monotonic() - started > NEW_MODEL_S:
                raise LocalStackError(f"After {NEW_MODEL_S} s, {version} does not serve yet.")
            time.sleep(2)


def recorded(folder: Path) -> Iterator[tuple[str, Floats]]:
    """Name and waveform of 10 s segments of all sound files in a folder, at 16 kHz."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"There is no sound in {folder}; {', '.join(SUFFIXES)} are read.")
    size = int(SEGMENT_S * SAMPLE_RATE)
    for path in paths:
        try:
            with Clip(io.BytesIO(path.read_bytes())) as clip:
                waveform = np.concatenate(list(clip.waveform_blocks()))
        except RejectedClipError as error:
            console.print(f"{path.name}: {error.detail}")
            continue
        for begin in range(0, len(waveform) - size // 2, size):
            yield f"{path.stem} at {begin // SAMPLE_RATE} s", waveform[begin : begin + size]


SUFFIXES = (".wav", ".flac", ".ogg", ".opus")


def made_up() -> Iterator[tuple[str, Floats]]:
    """Name and waveform of sounds that the project makes itself."""
    for seed in range(MOST_CLIPS):
        yield f"made-up sound {seed}", everyday(seed=seed).astype(np.float32)


def false_alarms(desk: Desk, sounds: Iterable[tuple[str, Floats]]) -> list[FalseAlarm]:
    """Play sounds until enough are labeled a threat, at most one of each recording.

    At least one of them can be muted, unless 100 clips were played in vain for that.
    """
    found: dict[str, FalseAlarm] = {}
    played = 0
    for name, waveform in track(sounds, "playing everyday sound", total=None, console=console):
        alerted = any(alarm.can_be_muted for alarm in found.values())
        if played == MOST_CLIPS or (len(found) >= N_CORRECTED and (alerted or played >= 100)):
            break
        recording = name.split(" at ")[0]
        if recording in found or np.abs(waveform).max() < 1e-3:
            continue
        played += 1
        clip_id, classification = desk.classify(waveform)
        if classification.label is not Label.CASUAL:
            found[recording] = FalseAlarm(name, waveform, clip_id, classification)
    if len(found) < N_CORRECTED:
        raise LocalStackError(
            f"Only {len(found)} of {played} clips were labeled a threat; nothing to correct. "
            "Give a folder with more sound: make teach-demo DATA=folder."
        )
    console.print(f"{played} clips of everyday sound: {len(found)} are labeled a threat.")
    these_first = sorted(found.values(), key=lambda alarm: not alarm.can_be_muted)
    return these_first[:N_CORRECTED]


def again(waveform: Floats) -> Floats:
    """The same sound as it comes back: half a second later, and quieter."""
    quiet = np.zeros(SAMPLE_RATE // 2, np.float32)
    later: Floats = np.concatenate([quiet, np.float32(0.5) * waveform])[: len(waveform)]
    return later


def run(sounds: Iterable[tuple[str, Floats]]) -> None:
    """The demonstration.

    Raises:
        LocalStackError: something did not go as it should.
    """
    console.print("Starting the local stack …")
    with demo_stack() as (_, outputs), TemporaryDirectory() as scratch:
        desk = Desk(outputs, Path(scratch))
        alarms = false_alarms(desk, sounds)

        console.rule("Correcting, and muting what sounds alike at once")
        for alarm in alarms:
            desk.client.feedback(alarm.clip_id, Label.CASUAL, "a false alarm", mute_alike=True)
            console.print(f"  {alarm.name}: {_shown(alarm.was)} -> casual")
        for alarm in alarms:
            if alarm.can_be_muted:
                console.print(f"  {alarm.name}, once more: {desk.alert_of(alarm.waveform)}")

        console.rule("Retraining")
        status = desk.retrain()
        console.print(f"[bold]{status['state']}[/]: {status['version'] or 'no version'}")
        for reason in status["reasons"]:
            console.print(f"  {reason}")
        if status["decision"]:
            console.print(gate_table(status["decision"]))
        if status["state"] != "promoted":
            raise LocalStackError("It should have been promoted.")

        console.rule("Was, and is")
        desk.until_served_by(status["version"], alarms[0].waveform)
        table = Table("clip", "was", "is now", "when it comes back")
        right = 0
        for alarm in alarms:
            _, now = desk.classify(alarm.waveform)
            _, back = desk.classify(again(alarm.waveform))
            right += now.label is Label.CASUAL
            table.add_row(alarm.name, _shown(alarm.was), _shown(now), _shown(back))
        console.print(table)
        console.print(f"{right} of {len(alarms)} are right, classified by {status['version']}.")
        if right < len(alarms) - 1:
            raise LocalStackError("At least four of five should be right.")
    console.print("The stack is down again. `make up` starts one to stay.")


def _shown(classification: Classification) -> str:
    certain = " (uncertain)" if classification.uncertain else ""
    return f"{classification.label} {classification.confidence:.2f}{certain}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demos.teach", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="folder of everyday sound")
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        run(recorded(arguments.data) if arguments.data else made_up())
    except (LocalStackError, FileNotFoundError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
