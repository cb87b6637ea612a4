"""Locust's users: people with a short clip each, who now and then look at the service itself.

Run by `python -m tests.load`, or by hand: ``locust -f tests/load/locustfile.py --host $ApiUrl``. Of
ten requests six are `POST /predict`, two `GET /status` and two `GET /health`; between two requests
a user waits 1 to 3 s. A user who gets 429 or 503 with `Retry-After` waits that long and asks again,
and the whole time counts as the time of the answer.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient
from locust import User, between, events, task

from tests.load.clip import clip

# As long as a browser waits, about: whatever takes longer is a failure.
PATIENCE_S = 60.0
TOKEN = os.environ.get("EARSHOT_TOKEN")
SAMPLES_FILE = os.environ.get("EARSHOT_LOAD_SAMPLES")

samples: list[dict[str, Any]] = []
CLIP = clip()


class Visitor(User):
    """One user, with a connection of its own."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        self._base = urlsplit(str(self.host)).path
        self._http: Any = HTTPClient.from_url(
            str(self.host), connection_timeout=PATIENCE_S, network_timeout=PATIENCE_S
        )
        self._headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}

    def on_stop(self) -> None:
        self._http.close()

    @task(6)
    def predict(self) -> None:
        self._ask("POST", "/predict", CLIP, {"Content-Type": "audio/wav"})

    @task(2)
    def status(self) -> None:
        self._ask("GET", "/status")

    @task(2)
    def health(self) -> None:
        self._ask("GET", "/health")

    def _ask(
        self, method: str, route: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        began_at, began = time.time(), time.perf_counter()
        refusals, content = 0, b""
        error: Exception | None = None
        try:
            while True:
                answer = self._http.request(
                    method, self._base + route, body, {**self._headers, **(headers or {})}
                )
                content = answer.read()
                pause = answer.get("retry-after")
                if answer.status_code not in {429, 503} or pause is None:
                    break
                if time.perf_counter() - began + float(pause) > PATIENCE_S:
                    break
                refusals += 1
                gevent.sleep(float(pause))
            if answer.status_code != 200:
                error = RuntimeError(f"{answer.status_code}: {content[:200].decode()}")
        except Exception as failure:  # of the connection, of whatever kind
            error = failure
        seconds = time.perf_counter() - began
        samples.append(
            {
                "name": route,
                "began_at": began_at,
                "seconds": seconds,
                "refusals": refusals,
                "error": None if error is None else repr(error),
            }
        )
        self.environment.events.request.fire(
            request_type=method,
            name=route,
            response_time=seconds * 1000,
            response_length=len(content),
            exception=error,
            context={},
        )


@events.quitting.add_listener
def write_samples(**_: Any) -> None:
    """Leave every single request for the report to work out its figures from."""
    if SAMPLES_FILE:
        Path(SAMPLES_FILE).write_text(json.dumps(samples))
