"""`python -m local.demos.listen`: a night at a microphone, on a local stack of its own.

A synthetic night of ten minutes with two shots and a siren is streamed to `earshot listen`. Its
alerts arrive at a webhook and at an MQTT client, with links that open; the network is cut for a
minute, in which the second shot is fired, and nothing is lost; the stream dies, and an alert says
so. It fails if a step does. `--minutes` makes the night shorter.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import urllib3

from earshot.labels import Label
from earshot.times import parse_time
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from earshot_client.transport import TIMEOUT
from local.clients import forget_aws_settings
from local.demos.classify import console, demo_stack
from local.demos.night import Night
from local.demos.streams import Network, Radio, network, radio
from local.receivers.arrivals import Arrivals, arrivals
from local.settings import LocalStackError
from local.sweep import sweep
from local.token import issue

SOURCE = "north gate"
PATIENCE_S = 120
REPORT_S = 30

Found = TypeVar("Found")


def wait_for(what: str, found: Callable[[], Found | None]) -> Found:
    """What a function returns, once that is something.

    Raises:
        LocalStackError: it takes too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (value := found()):
        if time.monotonic() > deadline:
            raise LocalStackError(f"In {PATIENCE_S} s there was no {what}.")
        time.sleep(0.25)
    console.print(f"  {what}", style="green")
    return value


@contextmanager
def listener(
    api_url: str, token: str, stream: str, source: str, night: Night, spool: Path
) -> Iterator[None]:
    """A run of `earshot listen`, whose words are shown."""
    options = ["--segment", night.segment_s, "--hop", night.hop_s, "--heartbeat", 2]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "earshot_client.cli", "listen", stream, "--source", source),
            *map(str, [*options, "--spool", spool]),
        ],
        env=os.environ | {"EARSHOT_API_URL": api_url, "EARSHOT_TOKEN": token},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


class Performance:
    """The night as it goes: each step waits for its time, and for what it should lead to.

    Args:
        night: what happens when.
        source: that listens.
        outputs: of the stack.
        client: of the stack's HTTP API.
        came: what arrives.
        station: that streams the night.
    """

    def __init__(
        self,
        night: Night,
        source: str,
        outputs: dict[str, Any],
        client: EarshotClient,
        came: Arrivals,
        station: Radio,
    ) -> None:
        self._night = night
        self._source = source
        self._outputs = outputs
        self._client = client
        self._came = came
        self._station = station
        self._began = 0.0

    def play(self, between: Network, spool: Path) -> None:
        """All steps. Raises `LocalStackError` if one fails."""
        wait_for("listener at the stream", lambda: self._station.began)
        self._began = self._station.began[0].timestamp()
        night, (cut, restored) = self._night, self._night.cut
        self._until(night.shots[0], "birds, then a shot")
        self._alerts(Label.GUNSHOT)
        self._until(night.siren, "birds, then a siren")
        self._alerts(Label.GUNSHOT, Label.SIREN)
        self._until(cut, "birds")
        between.cut.set()
        self._until(restored, f"the network is cut for {restored - cut:.0f} s; a shot")
        held = len(list(spool.glob("*.wav")))
        if held < 2 or len(self._came.alerts()) != 2:
            came = len(self._came.alerts()) - 2
            raise LocalStackError(f"In the cut {held} segments waited, and {came} alerts came.")
        between.cut.clear()
        wait_for(f"empty spool; {held} segments had waited", lambda: not [*spool.glob("*.wav")])
        self._second_shot(self._alerts(Label.GUNSHOT, Label.SIREN, Label.GUNSHOT)[-1])
        self._until(night.seconds, "birds")
        self._nothing_is_lost()
        self._death_is_reported()

    def _until(self, second: float, what: str) -> None:
        """Let the night go on until a second of it, and show how much of it is left."""
        while (rest := self._began + second - time.time()) > 0:
            past = second - rest
            left = max(0.0, self._night.seconds - past)
            console.print(f"{_clock(past)} {what}; {_clock(left)} left", style="dim")
            time.sleep(min(rest, REPORT_S))

    def _alerts(self, *labels: Label) -> list[dict[str, Any]]:
        """The night's alerts so far. They came, and each link opens."""
        what = f"{labels[-1]} alert by {self._came.ways}, {len(labels)} in all"
        alerts = wait_for(what, lambda: self._came.are(*labels))
        for link in ("clip_url", "event_url"):
            answer = urllib3.request("GET", alerts[-1][link])
            if answer.status != 200 or answer.data[:4] != b"RIFF":
                raise LocalStackError(f"The {link} of {alerts[-1]['alert_id']} does not open.")
        console.print(f"  its links open: {len(answer.data):,} bytes of the event's sound")
        return alerts

    def _second_shot(self, alert: dict[str, Any]) -> None:
        """Its alert has the time at which it was recorded, in the cut."""
        late = self._began + self._night.shots[1] - parse_time(alert["recorded_at"]).timestamp()
        if not -1.5 < late < self._night.segment_s + 1.5:
            raise LocalStackError(f"The shot is {late} s after the segment that it is in: {alert}")

    def _nothing_is_lost(self) -> None:
        """Every segment of the night has its result, once."""
        found = [
            one.recorded_at for one in self._client.results(ResultFilters(source=self._source))
        ]
        times = sorted(time for time in found if time)
        steps = [(b - a).total_seconds() for a, b in pairwise(times)]
        hop = self._night.hop_s
        least = int((self._night.seconds - 2 * self._night.segment_s) / hop)
        if len(times) < least or min(steps) < hop / 3 or max(steps) > hop * 5 / 3:
            raise LocalStackError(f"Of {least} segments some are lost or doubled: {steps}")
        console.print(f"  {len(times)} segments, none lost and none doubled", style="green")

    def _death_is_reported(self) -> None:
        """An alert reports a stream that dies; here the schedule's looks are taken by hand."""
        well = datetime.now(UTC)

        def alive() -> bool:
            last = self._client.source(self._source)["last_segment"]
            return bool(parse_time(last) > well) and not self._silent()

        wait_for("source that is well", alive)
        self._station.close()
        console.print("The stream is killed …")
        fault = wait_for(
            f"alert about the silent source by {self._came.ways}",
            lambda: self._came.fault(well) if self._silent() else None,
        )
        console.print(f"  {fault['source']}, {fault['place']}: {fault['detail']}")

    def _silent(self) -> bool:
        """Whether a look at the sources finds this one silent."""
        return self._source in sweep(self._outputs, {"watch": True})["faulty"]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def play(outputs: dict[str, Any], night: Night, source: str) -> None:
    """Play a night on a stack.

    Args:
        outputs: of the stack.
        night: to play.
        source: a name that is new to the stack.

    Raises:
        LocalStackError: a step failed.
    """
    pool, service = outputs["UserPoolId"], outputs["ServiceClientId"]
    token = issue(outputs["endpoint"], pool, service, ["predict", "read", "admin"])
    rules = {"cooldown_s": night.cooldown_s, "silent_after_s": night.silent_after_s}
    port = urlsplit(outputs["ApiUrl"]).port or 80
    with httpx.Client(timeout=TIMEOUT) as http, tempfile.TemporaryDirectory() as folder:
        client = EarshotClient(outputs["ApiUrl"], lambda: token, http=http)
        client.set_source(source, {"place": "by the lake", **rules})
        spool = Path(folder) / "spool"
        (broker_folder := Path(folder) / "broker").mkdir()
        with (
            arrivals(outputs, source, broker_folder) as came,
            network(port) as between,
            radio(night.sound()) as station,
        ):
            beyond = outputs["ApiUrl"].replace(f":{port}/", f":{between.port}/")
            with listener(beyond, token, station.url, source, night, spool):
                performance = Performance(night, source, outputs, client, came, station)
                performance.play(between, spool)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demos.listen", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of the night; by default 10")
    minutes = parser.parse_args().minutes
    forget_aws_settings()
    try:
        console.print("Starting the local stack …")
        with demo_stack() as (_, outputs):
            play(outputs, Night(60 * minutes), SOURCE)
        console.print("The stack is down again. docs/listen.md has more.")
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
