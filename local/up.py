"""`python -m local.up`: start the local stack, or bring a running one up to the working copy."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from local.clients import forget_aws_settings
from local.deployment import small_setup
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import FIRST_MODEL, REPOSITORY, LocalStackError, Settings

_HOW_TO_USE = """
Paste this line. It lets earshot, the AWS command line and SDKs talk to it, and sets each
name that the documents write as $Name:

  source {exports_file}

Then, with a recording clip.wav of yours:

  earshot predict clip.wav
  aws s3 cp clip.wav "s3://$UploadsBucketName/incoming/clip.wav"
  aws dynamodb scan --table-name $ResultsTableName
  aws dynamodb query --table-name $ResultsTableName --index-name label-time-index \\
    --key-condition-expression 'label_bucket = :label' \\
    --expression-attribute-values '{{":label": {{"S": "siren#0"}}}}'
  aws --endpoint-url $AWS_ENDPOINT_URL sqs get-queue-attributes --attribute-names All \\
    --queue-url $UploadsQueueUrl
  curl -F file=@clip.wav -H "Authorization: Bearer $Token" "$ApiUrl/predict"

Version 1 of the AWS command line reads AWS_ENDPOINT_URL for every service but sqs, hence the
option.
Only this machine reaches it, so it asks nobody for the token; with `make up TOKENS=on` it does, as
on AWS.

`make alerts` shows alerts on this machine as they come; `make listen` sends what its microphone
records.
`make logs` shows what the functions log, `make down` stops it all. {state}
The names are also in {outputs_file}, as JSON."""


_KEPT = (
    "Clips, results and settings stay on the\ndisk, and are there after the next `make up`; "
    "`make down FORGET=1` deletes them."
)
_NOT_KEPT = "Clips and results are\nin memory alone (STATE=off): they are gone with it."


def up(settings: Settings) -> None:
    """Bring the local stack up and say how to use it."""
    require_models(settings)
    running = process.find(settings)
    if running:
        # Where it runs counts, not where a new one would.
        if running.port != settings.port and os.environ.get("PORT"):
            raise LocalStackError(
                f"Earshot is already running on port {running.port}. "
                "To move it to another port, stop it first: make down"
            )
        settings = dataclasses.replace(settings, port=running.port)
    emulator = running or process.start(settings)
    try:
        deployment = deploy(settings)
    except BaseException:
        if not running:
            process.stop(settings, forget=False)
        raise
    settings.outputs_file.write_text(json.dumps(deployment.outputs, indent=2) + "\n")
    settings.exports_file.write_text(exports(settings, deployment.outputs))
    if not running:
        print(f"Earshot is up at {settings.endpoint} (pid {emulator.pid}).")
    else:
        news = "now runs your changes" if deployment.changed else "nothing has changed"
        print(f"Earshot is already running at {settings.endpoint} (pid {emulator.pid}); {news}.")
    print(how_to_use(settings, deployment.outputs))
    if not small_setup.can_train():
        print(small_setup.SENTENCE)


def how_to_use(settings: Settings, outputs: dict[str, Any]) -> str:
    return _HOW_TO_USE.format(
        outputs_file=settings.outputs_file,
        exports_file=shlex.quote(_short(settings.exports_file)),
        state=_KEPT if settings.persists else _NOT_KEPT,
    )


def exports(settings: Settings, outputs: dict[str, Any]) -> str:
    """Commands of a shell that set all that the documents' commands use.

    The token is asked for when they are read, since it is valid for an hour.
    """
    variables = {name: value for name, value in outputs.items() if name[0].isupper()} | {
        "AWS_ENDPOINT_URL": outputs["endpoint"],
        "AWS_DEFAULT_REGION": outputs["region"],
        "AWS_ACCESS_KEY_ID": outputs["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": outputs["secret_access_key"],
        "EARSHOT_API_URL": outputs["ApiUrl"],
    }
    python, folder, checkout = (
        shlex.quote(str(path)) for path in (sys.executable, settings.folder, REPOSITORY)
    )
    token = f"cd {checkout} && EARSHOT_LOCAL_DIR={folder} {python} -m local.token"
    path = shlex.quote(str(Path(sys.executable).parent))
    return "".join(
        [
            "# Of `make up`: source this file. `make down` removes it.\n",
            *(f"export {name}={shlex.quote(str(value))}\n" for name, value in variables.items()),
            f'case ":$PATH:" in *:{path}:*) ;; *) export PATH={path}:"$PATH" ;; esac\n',
            f'export Token="$({token})"\n',
            'export EARSHOT_TOKEN="$Token"\n',
        ]
    )


def _short(path: Path) -> str:
    """From the folder that the commands are typed in, if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.up", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=FIRST_MODEL, help="folder of the first model version"
    )
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        settings = Settings.from_environment()
        up(settings.serving(arguments.model))
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
