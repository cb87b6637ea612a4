"""Time from a sound at the microphone to its alert, with listeners on a local stack.

Each listener is a process of `earshot listen` with a stream of its own, in real time: birds, and a
shot now and then. Onset, end of the segment, result, the alert's own time and its arrival at a
webhook are measured. The segments of each listener are counted: none may be lost or doubled.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.times import parse_time
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from local.clients import forget_aws_settings
from local.demos.classify import demo_stack
from local.demos.streams import Radio
from local.receivers.deliveries import also_delivered
from local.receivers.webhooks import Received, Receiver, receiver
from local.token import issue
from training.data.demo_sounds import birdsong, gunshots

SEGMENT_S, HOP_S = 10.0, 8.0
# From one shot to the next; its place in the hop is another each time.
EVERY_S, STEP_S = 24.0, 3.1
SHOT_S = 2.0
# After the streams have ended, what is under way is waited for, until nothing has come for so long.
GRACE_S = 20.0
MOST_GRACE_S = 300.0
LISTENERS = (1, 10, 50)


@dataclass(frozen=True)
class Effort:
    """How long the streams are, in seconds, for each number of listeners."""

    seconds: tuple[float, ...] = (160.0, 160.0, 600.0)


def onsets(seconds: float) -> list[float]:
    """When shots begin, in seconds from the stream's start."""
    n = int((seconds - EVERY_S) / EVERY_S)
    return [EVERY_S * (k + 1) - EVERY_S / 2 + (k * STEP_S) % HOP_S for k in range(n)]


def sound(seconds: float) -> bytes:
    """A stream of so many seconds as a WAV."""
    waveform = np.resize(birdsong(30.0, 0), int(seconds * SAMPLE_RATE)).copy()
    for onset in onsets(seconds):
        shots = gunshots(SHOT_S, 2)
        # The shot itself begins where the sound first is loud.
        loud = int(np.argmax(np.abs(shots) > 0.5 * np.abs(shots).max()))
        start = int(onset * SAMPLE_RATE) - loud
        waveform[start : start + len(shots)] = shots
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


@contextmanager
def listening(api_url: str, token: str, url: str, source: str, spool: Path) -> Iterator[None]:
    """A listener."""
    command = [sys.executable, "-m", "earshot_client.cli", "listen", url, "--source", source]
    process = subprocess.Popen(
        [*command, "--segment", str(SEGMENT_S), "--hop", str(HOP_S), "--spool", str(spool)],
        env=os.environ | {"EARSHOT_API_URL": api_url, "EARSHOT_TOKEN": token},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)


def measure(listeners: int, seconds: float) -> dict[str, Any]:
    """Time to alert, and segments lost and doubled, with so many listeners."""
    load = psutil.getloadavg()[0]
    arrived: dict[str, float] = {}

    def took(request: Received) -> None:
        arrived.setdefault(request.headers["Earshot-Delivery"], time.time())

    with ExitStack() as stack:
        settings, outputs = stack.enter_context(demo_stack())
        pool, service = outputs["UserPoolId"], outputs["ServiceClientId"]
        token = issue(settings.endpoint, pool, service, ["predict", "read", "admin"])
        client = EarshotClient(outputs["ApiUrl"], lambda: token)
        hook = stack.enter_context(receiver(took))
        entry = {"name": "bench", "kind": "webhook", "url": hook.url}
        stack.enter_context(also_delivered(outputs, entry))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        content = sound(seconds)
        radios: dict[str, Radio] = {}
        with ExitStack() as running:
            for n in range(listeners):
                source = f"listener {n}"
                client.set_source(source, {"cooldown_s": 0})
                radios[source] = Radio([content])
                running.callback(radios[source].close)
                running.enter_context(
                    listening(outputs["ApiUrl"], token, radios[source].url, source, folder / str(n))
                )
            while min(len(radio.began) for radio in radios.values()) == 0:
                time.sleep(0.2)
            last = max(radio.began[0].timestamp() for radio in radios.values())
            time.sleep(max(0.0, last + seconds - time.time()))
            waiting = len(list(folder.glob("*/*.wav")))
            for one in radios.values():
                one.close()
            wait_for_the_rest(hook, folder)
        found = {source: list(client.results(ResultFilters(source=source))) for source in radios}
    began = {source: radio.began[0] for source, radio in radios.items()}
    return {
        "listeners": listeners,
        "seconds": seconds,
        "load_average_before": round(load, 1),
        **segments(found, began, seconds, waiting),
        **times(found, began, [one.json["detail"] for one in hook.received], arrived, seconds),
    }


def wait_for_the_rest(hook: Receiver, folder: Path) -> None:
    """Return once all segments are sent and no alert has come for a while."""
    end = time.monotonic() + MOST_GRACE_S
    known, since = -1, time.monotonic()
    while time.monotonic() < min(end, since + GRACE_S):
        came = len(hook.received)
        if came != known or any(folder.glob("*/*.wav")):
            known, since = came, time.monotonic()
        time.sleep(1)


def segments(
    found: dict[str, Any], began: dict[str, datetime], seconds: float, waiting: int
) -> dict[str, Any]:
    """What became of the segments of the streams' first play."""
    lost = doubled = total = 0
    lags: list[float] = []
    for source, results in found.items():
        end = began[source].timestamp() + seconds
        own = sorted((r for r in results if r.recorded_at), key=lambda r: r.recorded_at)
        own = [r for r in own if r.recorded_at.timestamp() + SEGMENT_S < end]
        total += len(own)
        starts = [r.recorded_at.timestamp() for r in own]
        steps = [b - a for a, b in pairwise(starts)]
        lost += sum(round(step / HOP_S) - 1 for step in steps if step > 1.5 * HOP_S)
        doubled += sum(step < 0.5 * HOP_S for step in steps)
        expected = int((seconds - SEGMENT_S) / HOP_S)
        lost += max(0, expected - len(own) - lost)
        lags += [r.timestamp.timestamp() - r.recorded_at.timestamp() - SEGMENT_S for r in own]
    return {
        "segments": total,
        "lost": lost,
        "doubled": doubled,
        "waiting_at_the_end": waiting,
        "lag_s": percentiles(lags),
    }


def times(
    found: dict[str, Any],
    began: dict[str, datetime],
    alerts: list[dict[str, Any]],
    arrived: dict[str, float],
    seconds: float,
) -> dict[str, Any]:
    """Time from each onset to its first alert, in parts."""
    results = {result.clip_id: result for own in found.values() for result in own}
    parts: dict[str, list[float]] = {
        "onset_to_segment_s": [], "segment_to_result_s": [], "result_to_alert_s": [],
        "alert_to_receiver_s": [], "total_s": [],
    }  # fmt: skip
    missed = 0
    for source, start in began.items():
        own = [a for a in alerts if a["source"] == source and a["clip_id"] in results]
        for offset in onsets(seconds):
            onset = start.timestamp() + offset
            fitting = [
                (arrived[a["alert_id"]], a)
                for a in own
                if -1 < onset - parse_time(a["recorded_at"]).timestamp() < SEGMENT_S
            ]
            if not fitting:
                missed += 1
                continue
            at, alert = min(fitting, key=lambda one: one[0])
            result = results[alert["clip_id"]]
            segment_end = parse_time(alert["recorded_at"]).timestamp() + SEGMENT_S
            classified = result.timestamp.timestamp()
            parts["onset_to_segment_s"].append(segment_end - onset)
            parts["segment_to_result_s"].append(classified - segment_end)
            decided = parse_time(alert["alerted_at"]).timestamp()
            parts["result_to_alert_s"].append(decided - classified)
            parts["alert_to_receiver_s"].append(at - decided)
            parts["total_s"].append(at - onset)
    return {"onsets": len(parts["total_s"]), "not_alerted": missed} | {
        name: percentiles(values) for name, values in parts.items()
    }


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    if not values:
        return {}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(p50, 2), "p95": round(p95, 2), "max": round(max(values), 2)}


def alert(effort: Effort | None = None) -> dict[str, Any]:
    """Time to alert with each number of listeners."""
    forget_aws_settings()
    seconds = (effort or Effort()).seconds
    measured = {str(n): measure(n, s) for n, s in zip(LISTENERS, seconds, strict=True)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"alert": {"measured": now, "hop_s": HOP_S, "listeners": measured}}


def main() -> None:
    """`python -m bench.alert LISTENERS SECONDS`: one measurement, as JSON."""
    import json

    forget_aws_settings()
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2])), indent=2))


if __name__ == "__main__":
    main()
