"""`python -m local.listen_demo`: a night at a microphone, on a local stack of its own.

A synthetic night with two shots and a siren is streamed to `earshot listen`. Its alerts arrive at a
webhook, with links that open; the network is cut for a while, and nothing is lost; the stream dies,
and an alert tells of that. It takes two minutes, and fails if a step does.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from local.clients import forget_aws_settings, local_session
from local.demo import console, demo_stack
from local.settings import LocalStackError
from local.streams import Network, Radio, network
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


@dataclass
class Webhook:
    """Receives what the topic of alerts sends.

    Attributes:
        url: of it.
        messages: that came.
    """

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of_kind(self, kind: str | None) -> list[dict[str, Any]]:
        """Messages about sources of a kind; with None, alerts."""
        return [one for one in self.messages if one.get("kind") == kind]


@contextmanager
def webhook(sns: Any, topic: str) -> Iterator[Webhook]:
    """A webhook that is subscribed to a topic."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            envelope = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            if envelope["Type"] == "SubscriptionConfirmation":
                sns.confirm_subscription(TopicArn=topic, Token=envelope["Token"])
            else:
                hook.messages.append(json.loads(envelope["Message"]))

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook.url = f"http://127.0.0.1:{server.server_port}/"
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()


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


def alerts_arrive(hook: Webhook) -> None:
    """The night's three alerts come, and each link opens."""

    def found() -> list[dict[str, Any]] | None:
        alerts = hook.of_kind(None)
        labels = sorted(Label(alert["label"]) for alert in alerts)
        return alerts if labels == EXPECTED else None

    for alert in wait_for("alerts about two shots and a siren at the webhook", found):
        if urllib3.request("GET", alert["clip_url"]).status != 200:
            raise LocalStackError(f"The clip of {alert['alert_id']} cannot be fetched.")


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


def death_is_told(
    hook: Webhook, outputs: dict[str, Any], client: EarshotClient, station: Radio
) -> None:
    """Of a stream that dies, an alert tells; here the schedule's looks are taken by hand."""
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
        return next((one for one in hook.of_kind("source_fault")), None)

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
        sns = local_session().client("sns", endpoint_url=settings.endpoint)
        spool = Path(folder)
        station = Radio([night()])
        port = urlsplit(outputs["ApiUrl"]).port or 80
        with webhook(sns, outputs["AlertTopicArn"]) as hook, network(port) as between:
            beyond = outputs["ApiUrl"].replace(f":{port}/", f":{between.port}/")
            with listener(beyond, token, station.url, spool):
                alerts_arrive(hook)
                nothing_is_lost(client, between, spool)
                death_is_told(hook, outputs, client, station)
    console.print("The stack is down again. docs/listen.md tells more.")


def main() -> None:
    forget_aws_settings()
    try:
        run()
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
