"""`python -m local.up`: start the local stack, or bring a running one up to the working copy."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from local.clients import forget_aws_settings
from local.deployment import small_setup
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import FIRST_MODEL, LocalStackError, Settings

_HOW_TO_USE = """
Paste this to let the AWS command line and SDKs talk to it:

  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region}
  export AWS_ACCESS_KEY_ID={access_key_id} AWS_SECRET_ACCESS_KEY={secret_access_key}
  export ApiUrl={ApiUrl} Token=$(make token)

Then, with a recording clip.wav of yours:

  aws s3 cp clip.wav s3://{UploadsBucketName}/incoming/clip.wav
  aws dynamodb scan --table-name {ResultsTableName}
  aws dynamodb query --table-name {ResultsTableName} --index-name label-time-index \\
    --key-condition-expression 'label_bucket = :label' \\
    --expression-attribute-values '{{":label": {{"S": "siren#0"}}}}'
  aws --endpoint-url $AWS_ENDPOINT_URL sqs get-queue-attributes --attribute-names All \\
    --queue-url {UploadsQueueUrl}
  curl -F file=@clip.wav -H "Authorization: Bearer $Token" "$ApiUrl/predict"

Version 1 of the AWS command line reads AWS_ENDPOINT_URL for every service but sqs, hence the
option.
Only this machine reaches it, so it asks nobody for the token; with `make up TOKENS=on` it does, as
on AWS.

`make alerts` shows alerts on this machine as they come; `make listen` sends what its microphone
records.
`make logs` shows what the functions log, `make down` stops it all. {state}
These names are also in {outputs_file}."""


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
    if not running:
        print(f"Earshot is up at {settings.endpoint} (pid {emulator.pid}).")
    else:
        news = "now runs your changes" if deployment.changed else "nothing has changed"
        print(f"Earshot is already running at {settings.endpoint} (pid {emulator.pid}); {news}.")
    print(how_to_use(settings, deployment.outputs))
    if not small_setup.can_train():
        print(small_setup.SENTENCE)


def how_to_use(settings: Settings, outputs: dict[str, Any]) -> str:
    state = _KEPT if settings.persists else _NOT_KEPT
    return _HOW_TO_USE.format(outputs_file=settings.outputs_file, state=state, **outputs)


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
