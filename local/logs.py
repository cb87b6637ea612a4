"""`python -m local.logs`: what the functions of the local stack have logged."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from local.clients import forget_aws_settings, local_session
from local.emulator import process
from local.settings import LocalStackError, Settings

POLL_SECONDS = 1.0


class LogTail:
    """Reads a log group on from where it last got to."""

    def __init__(self, logs: Any, group: str) -> None:
        self._logs = logs
        self._group = group
        self._shown: Counter[str] = Counter()
        self._since_ms = 0

    def new_lines(self) -> Iterator[tuple[int, str]]:
        """Lines not yet read, each with its time in milliseconds."""
        # The emulator gives each invocation a stream of its own and its events no ids. A line is
        # known by its place in its stream, and the same moments are read again for latecomers.
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, startTime=max(0, self._since_ms - 1000)
        )
        place: Counter[str] = Counter()
        for page in pages:
            for event in page["events"]:
                stream = event["logStreamName"]
                place[stream] += 1
                if place[stream] > self._shown[stream]:
                    self._shown[stream] += 1
                    self._since_ms = max(self._since_ms, event["timestamp"])
                    yield event["timestamp"], event["message"].rstrip()


def show(settings: Settings, *, follow: bool) -> None:
    """Print the functions' logs, and with `follow` wait for more until the stack is down."""
    if not process.find(settings) or not settings.outputs_file.exists():
        raise LocalStackError(
            "Earshot is not running; start it with `make up`. "
            f"If it failed to start, see {settings.log_file}."
        )
    outputs = json.loads(settings.outputs_file.read_text())
    logs = local_session().client("logs", endpoint_url=outputs["endpoint"])
    groups = [value for name, value in outputs.items() if name.endswith("LogGroupName")]
    tails = {group.rpartition("/")[2]: LogTail(logs, group) for group in groups}
    while True:
        lines = [(ms, name, text) for name, tail in tails.items() for ms, text in tail.new_lines()]
        for ms, name, text in sorted(lines, key=lambda line: line[0]):
            clock = datetime.fromtimestamp(ms / 1000).strftime("%H:%M:%S.%f")[:-3]
            print(f"{clock} {name}  {text}", flush=True)
        if not follow or not process.find(settings):
            return
        time.sleep(POLL_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.logs", description=__doc__)
    parser.add_argument("-f", "--follow", action="store_true", help="wait for more until Ctrl-C")
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        show(Settings.from_environment(), follow=arguments.follow)
    except LocalStackError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
