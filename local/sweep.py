"""`python -m local.sweep`: have the local stack's sweep function run once, and show its report."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from local.clients import forget_aws_settings, local_session
from local.emulator import process
from local.settings import LocalStackError, Settings


def sweep(outputs: dict[str, Any], request: Mapping[str, float]) -> dict[str, Any]:
    """Invoke the function; returns its report.

    Raises:
        LocalStackError: it failed.
    """
    client = local_session().client("lambda", endpoint_url=outputs["endpoint"])
    answer: Any = client.invoke(
        FunctionName=outputs["SweepFunctionName"], Payload=json.dumps(request).encode()
    )
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise LocalStackError(f"The sweep failed: {report}")
    return report


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.sweep", description=__doc__)
    parser.add_argument("--min-age-minutes", type=float, default=25)
    parser.add_argument("--max-age-hours", type=float, default=3)
    parser.add_argument("--watch", action="store_true", help="look at the sources; do not sweep")
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        settings = Settings.from_environment()
        if not process.find(settings) or not settings.outputs_file.exists():
            raise LocalStackError("Earshot is not running; start it with `make up`.")
        outputs = json.loads(settings.outputs_file.read_text())
        print(json.dumps(sweep(outputs, vars(arguments)), indent=2, ensure_ascii=False))
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
