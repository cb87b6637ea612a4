"""`make api-examples`: run the commands that the documents show, and write what they answer.

In the README and the documents, a console block under the line `<!-- run -->` holds commands, each
after `$ `; what follows them is replaced by their output, on a local stack that asks for tokens.
Blocks under `<!-- run rarely: reason -->` are left to this command; tests run all others.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console

from earshot.uploads.objects import HELD_OUT_PREFIX, TRAINING_PREFIX
from local.clients import forget_aws_settings, local_session
from local.demos.classify import demo_stack
from local.settings import FIRST_MODEL, REPOSITORY, YAMNET, LocalStackError
from local.up import exports, how_to_use
from training.data.demo_sounds import write_clips, write_recordings
from training.data.labeled_clips import labeled_clips

DOCUMENTS = tuple(
    REPOSITORY / name
    for name in ("docs/api.md", "docs/tutorial.md", "docs/noisy-site.md", "README.md")
)
PATIENCE_S = 600
POLL_S = 1.0
LONG = 80  # characters of a string, beyond which it is cut
SHOWN = 24
TOO_LARGE = 4_500_001

_BLOCK = re.compile(r"(<!-- run(?: rarely: [^\n]+)? -->\n```console\n)(.*?)(```\n)", re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*[\\|]\n)*.*)\n", re.MULTILINE)

console = Console(stderr=True)


@dataclass(frozen=True)
class Example:
    """A command as a document shows it, and its output."""

    command: str
    output: str


def examples(document: str) -> list[Example]:
    """All that is shown in the marked blocks of a document, in order."""
    return [example for block in _BLOCK.finditer(document) for example in _examples(block[2])]


def rewritten(document: str, run: Callable[[str], str]) -> str:
    """The document with the outputs that `run` gives for its commands."""

    def block(found: re.Match[str]) -> str:
        shown = (f"$ {one.command}\n{run(one.command)}" for one in _examples(found[2]))
        return found[1] + "".join(shown) + found[3]

    return _BLOCK.sub(block, document)


def _examples(block: str) -> list[Example]:
    _, *parts = _COMMAND.split(block)
    return [Example(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]


def variables(printed: str) -> dict[str, str]:
    """What commands find in their environment after the line that `make up` prints, and no more.

    Raises:
        LocalStackError: it prints none, or the line fails.
    """
    lines = re.findall(r"^  (source .+)$", printed, re.MULTILINE)
    if len(lines) != 1:
        raise LocalStackError(f"`make up` prints {len(lines)} lines to paste, rather than one.")
    done = subprocess.run(
        ["bash", "-c", f"set -e; {lines[0]}; env -0"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LocalStackError(f"This fails: {lines[0]}\n{done.stderr}")
    set_now = dict(entry.split("=", 1) for entry in done.stdout.rstrip("\0").split("\0"))
    return set_now | {"COLUMNS": "120"}


class Shell:
    """Runs commands in a folder, and remembers the ids in their answers as variables.

    Args:
        folder: where the recordings are.
        variables: such as ``ApiUrl``.
    """

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        self._variables = os.environ | variables

    def run(self, command: str) -> str:
        """What a command prints, as a document shows it.

        Raises:
            LocalStackError: it fails, prints nothing, or what it asks for does not come.
        """
        console.print(f"$ {command}", markup=False, highlight=False)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            output = self._output(command)
            try:
                answer = json.loads(output)
            except ValueError:
                return output
            if not _is_to_come(command, answer):
                self._remember(answer)
                return json.dumps(_cut(answer), indent=2, ensure_ascii=False) + "\n"
            time.sleep(POLL_S)
        raise LocalStackError(f"This does not come to an end: {command}")

    def _output(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self._folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not done.stdout:
            raise LocalStackError(f"This fails ({done.returncode}): {command}\n{done.stdout}")
        lines = done.stdout.replace("\r\n", "\n").rstrip("\n").split("\n")
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def _remember(self, answer: Any) -> None:
        for name, variable in (("clip_id", "ClipId"), ("id", "Run")):
            if isinstance(answer, dict) and name in answer:
                self._variables[variable] = answer[name]


def _is_to_come(command: str, answer: Any) -> bool:
    """Whether to ask again: for the result of an upload, or until a retraining has ended."""
    if '/results/$ClipId"' in command:
        return bool(answer.get("status") == 404)
    return '/retrain/$Run"' in command and answer.get("state") == "running"


def _cut(value: Any) -> Any:
    """The same with its long strings cut short."""
    if isinstance(value, dict):
        return {key: _cut(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_cut(entry) for entry in value]
    long = isinstance(value, str) and len(value) > LONG and " " not in value
    return f"{value[:SHOWN]}…" if long else value


def prepare(folder: Path) -> None:
    """Make the files that the commands name."""
    clips = folder / "recordings"
    write_clips(clips)
    (clips / "siren_000.wav").rename(folder / "siren.wav")
    for name, original in (
        ("clip.wav", folder / "siren.wav"),
        ("gunshot_001.wav", clips / "gunshot_000.wav"),
        ("casual_017.wav", clips / "casual_000.wav"),
    ):
        shutil.copyfile(original, folder / name)
    (folder / "large.wav").write_bytes(bytes(TOO_LARGE))
    flatbuffer = (YAMNET / "yamnet.tflite").read_bytes()
    release = {
        "manifest": json.loads((FIRST_MODEL / "manifest.json").read_text()),
        "yamnet_sha256": sha256(flatbuffer).hexdigest(),
    }
    (folder / "release.json").write_text(json.dumps(release))


def upload_labeled(folder: Path, s3: Any, bucket: str) -> None:
    """Make training and held-out clips, and upload them, for the commands that retrain."""
    write_recordings(folder / "training", n_each=12)
    write_recordings(folder / "held-out", n_each=6, first_seed=1000)
    for part, prefix in (
        ("training", f"{TRAINING_PREFIX}harbor/"),
        ("held-out", HELD_OUT_PREFIX),
    ):
        for clip in labeled_clips(folder / part):
            key = f"{prefix}{clip.label}/{clip.path.name}"
            s3.put_object(Bucket=bucket, Key=key, Body=clip.path.read_bytes())


def main() -> None:
    forget_aws_settings()
    try:
        with demo_stack() as (settings, outputs), tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            s3 = local_session().client("s3", endpoint_url=settings.endpoint)
            prepare(folder)
            upload_labeled(folder, s3, outputs["UploadsBucketName"])
            # The demonstration's stack, too, is used as one of `make up` is.
            settings.outputs_file.write_text(json.dumps(outputs))
            settings.exports_file.write_text(exports(settings, outputs))
            shell = Shell(folder, variables(how_to_use(settings, outputs)))
            for document in DOCUMENTS:
                document.write_text(rewritten(document.read_text(), shell.run))
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
