"""`python -m local.listen_demo`: a night at a microphone, on a local stack of its own.

A synthetic night with two shots and a siren is streamed to `earshot listen`. Its alerts arrive at a
webhook and at an MQTT client, with links that open; the network is cut for a while, and nothing is
lost; the stream dies, and an alert says so. It takes two minutes, and fails if a step does.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import soundfile
import urllib3

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label
from earshot.times import parse_time
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from local.clients import forget_aws_settings
from local.deliveries import also_delivered
from local.demo import console, demo_stack
from local.mosquitto import PROGRAM, Mosquitto, bridge
from local.receiver import Receiver, receiver
from local.settings import LocalStackError
from local.streams import Network, Radio, network
from local.subscriber import Subscriber
from local.sweep import sweep
from local.token import issue
from training.data.demo_sounds import birdsong, gunshots, siren

SOURCE = "north gate"
SEGMENT_S, HOP_S = 5.0, 4.0
COOLDOWN_S = 12  # shorter than what is between the shots
SILENT_AFTER_S = 10
CUT_S = 12
PATIENCE_S = 90
EXPECTED = [Label.GUNSHOT, Label.GUNSHOT, Label.SIREN]

Found = TypeVar("Found")


def night() -> bytes:
    """Birds, a shot, a siren, another shot, and birds to the end, as a WAV."""
    parts = [
        birdsong(5.0, 0), gunshots(3.0, 2), birdsong(8.0, 1), siren(6.0), birdsong(8.0, 2),
        gunshots(3.0, 2), birdsong(150.0, 3),
    ]  # fmt: skip
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


class Arrivals:
    """What arrives: at a webhook, and at an MQTT client behind a bridge where there is a broker.

    Args:
        hook: of the webhook.
        subscriber: the MQTT client; None without a broker.
    """

    def __init__(self, hook: Receiver, subscriber: Subscriber | None) -> None:
        self.hook = hook
        self.subscriber = subscriber

    def alerts(self) -> list[dict[str, Any]] | None:
        """The night's three alerts, once each way has brought them."""
        alerts = self.hook.details()
        if sorted(Label(alert["label"]) for alert in alerts) != EXPECTED:
            return None
        if self.subscriber:
            came = [json.loads(payload) for payload in self.subscriber.payloads("/alert")]
            if sorted(Label(one["label"]) for one in came) != EXPECTED:
                return None
        return alerts

    def fault(self) -> dict[str, Any] | None:
        """The alert about a source, once each way has brought it."""
        faults = self.hook.details("Earshot Source Fault")
        if self.subscriber and "ON" not in self.subscriber.payloads("/problem/state"):
            return None
        return faults[-1] if faults else None


@contextmanager
def arrivals(outputs: dict[str, Any], folder: Path) -> Iterator[Arrivals]:
    """A webhook that gets a stack's alerts, and a broker, a bridge and an MQTT client."""
    with receiver() as hook:
        entry = {"name": "demo", "kind": "webhook", "url": hook.url, "key": "demo"}
        with also_delivered(outputs, entry):
            if PROGRAM is None:
                console.print("mosquitto is missing, so MQTT is not shown: apt install mosquitto")
                yield Arrivals(hook, None)
                return
            with _mqtt(outputs, folder) as subscriber:
                yield Arrivals(hook, subscriber)


@contextmanager
def _mqtt(outputs: dict[str, Any], folder: Path) -> Iterator[Subscriber]:
    broker = Mosquitto(folder)
    subscriber = Subscriber(broker.port)
    running = bridge(broker, outputs)
    try:
        yield subscriber
    finally:
        running.terminate()
        running.wait(30)
        subscriber.close()
        broker.stop()


def wait_for(what: str, found: Callable[[], Found | None]) -> Found:
    """What a function returns, once that is something.

    Raises:
        LocalStackError: it takes too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (value := found()):
        if time.monotonic() > deadline:
            raise LocalStackError(f"In {PATIENCE_S} s there was no {what}.")
        time.sleep(0.5)
    console.print(f"  {what}", style="green")
    return value


@contextmanager
def listener(api_url: str, token: str, stream: str, spool: Path) -> Iterator[None]:
    """A run of `earshot listen`, whose words are shown."""
    options = ["--segment", SEGMENT_S, "--hop", HOP_S, "--heartbeat", 2, "--spool", spool]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "earshot_client.cli", "listen", stream, "--source", SOURCE),
            *map(str, options),
        ],
        env=os.environ | {"EARSHOT_API_URL": api_url, "EARSHOT_TOKEN": token},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def alerts_arrive(came: Arrivals) -> None:
    """The night's three alerts come, and each link opens."""
    ways = "webhook and MQTT" if came.subscriber else "webhook"
    for alert in wait_for(f"alerts about two shots and a siren by {ways}", came.alerts):
        for link in ("clip_url", "event_url"):
            answer = urllib3.request("GET", alert[link])
            if answer.status != 200 or answer.data[:4] != b"RIFF":
                raise LocalStackError(f"The {link} of {alert['alert_id']} does not open.")


def nothing_is_lost(client: EarshotClient, between: Network, spool: Path) -> None:
    """The network is cut for a while; afterwards every segment has its result, once."""
    console.print(f"The network is cut for {CUT_S} s …")
    between.cut.set()
    time.sleep(CUT_S)
    held = len(list(spool.glob("*.wav")))
    between.cut.clear()
    wait_for(f"empty spool; {held} segments had waited", lambda: not list(spool.glob("*.wav")))
    found = [one.recorded_at for one in client.results(ResultFilters(source=SOURCE))]
    times = sorted(time for time in found if time)
    steps = [(b - a).total_seconds() for a, b in pairwise(times)]
    if held < 2 or min(steps) < HOP_S / 3 or max(steps) > HOP_S * 5 / 3:
        raise LocalStackError(f"Segments are lost or doubled: {steps}")
    console.print(f"  {len(times)} segments, none lost and none doubled", style="green")


def death_is_reported(
    came: Arrivals, outputs: dict[str, Any], client: EarshotClient, station: Radio
) -> None:
    """An alert reports a stream that dies; here the schedule's looks are taken by hand."""
    well = time.time()

    def alive() -> bool:
        last = client.source(SOURCE)["last_segment"]
        return bool(parse_time(last).timestamp() > well) and not _silent(outputs)

    wait_for("source that is well again", alive)
    station.close()
    console.print("The stream is killed …")

    def alerted() -> dict[str, Any] | None:
        if not _silent(outputs):
            return None
        return came.fault()

    fault = wait_for("alert about the silent source", alerted)
    if parse_time(fault["last_segment"]).timestamp() < well:
        raise LocalStackError(f"The alert is not about the stream's end: {fault}")
    console.print(f"  {fault['source']}, {fault['place']}: {fault['detail']}")


def _silent(outputs: dict[str, Any]) -> bool:
    """Whether a look at the sources finds this one silent."""
    return SOURCE in sweep(outputs, {"watch": True})["faulty"]


def run() -> None:
    """The demonstration.

    Raises:
        LocalStackError: a step failed.
    """
    console.print("Starting the local stack …")
    with demo_stack() as (settings, outputs), tempfile.TemporaryDirectory() as folder:
        pool, service = outputs["UserPoolId"], outputs["ServiceClientId"]
        token = issue(settings.endpoint, pool, service, ["predict", "read", "admin"])
        client = EarshotClient(outputs["ApiUrl"], lambda: token)
        rules = {"place": "by the lake", "cooldown_s": COOLDOWN_S, "silent_after_s": SILENT_AFTER_S}
        client.set_source(SOURCE, rules)
        spool = Path(folder) / "spool"
        (broker_folder := Path(folder) / "broker").mkdir()
        station = Radio([night()])
        port = urlsplit(outputs["ApiUrl"]).port or 80
        with arrivals(outputs, broker_folder) as came, network(port) as between:
            beyond = outputs["ApiUrl"].replace(f":{port}/", f":{between.port}/")
            with listener(beyond, token, station.url, spool):
                alerts_arrive(came)
                nothing_is_lost(client, between, spool)
                death_is_reported(came, outputs, client, station)
    console.print("The stack is down again. docs/listen.md tells more.")


def main() -> None:
    forget_aws_settings()
    try:
        run()
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
