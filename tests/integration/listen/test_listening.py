"""`earshot listen`, as a user runs it, on real streams and a real stack."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from earshot.times import parse_time
from local.demos.streams import RATE, Network, network, radio
from tests.clips import wav
from tests.integration.listen.conftest import SHORT, Start
from tests.integration.listen.streams import RTSP_NEEDS, Camera, rtsp_available
from tests.stack import LocalStack, wait_for
from training.data.demo_sounds import birdsong, siren

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")

HOP = timedelta(seconds=1.5)


def sound(seconds: float) -> bytes:
    """Birds, as a WAV."""
    return wav(birdsong(seconds))


@pytest.fixture
def api_network(local_stack: LocalStack) -> Iterator[tuple[Network, str]]:
    """The network between listener and service, and the service's address beyond it."""
    url = local_stack.outputs["ApiUrl"]
    port = urlsplit(url).port
    assert port
    with network(port) as between:
        yield between, url.replace(f":{port}/", f":{between.port}/")


def results(stack: LocalStack, source: str) -> list[dict[str, Any]]:
    """All results of a source, in order of their recording."""
    _, found = stack.call("GET", f"/results?source={source}&limit=200")
    return sorted(found["results"], key=lambda one: one["recorded_at"])


def unalerted(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results without the time of their alert, which may be sent later."""
    return [{name: one[name] for name in one if name != "alerted_at"} for one in found]


def starts(found: list[dict[str, Any]]) -> list[datetime]:
    return [parse_time(one["recorded_at"]) for one in found]


def spooled(tmp_path: Path, source: str) -> list[Path]:
    return sorted((tmp_path / "state" / "earshot" / "listen" / source).glob("*.wav"))


def test_a_siren_in_an_http_stream_is_found_at_its_time(
    local_stack: LocalStack, start: Start
) -> None:
    stream = wav(np.concatenate([birdsong(5.0), siren(4.0), birdsong(30.0)]))
    with radio(stream) as station:
        listening = start(station.url, "--source", "radio", *SHORT)
        listening.says("siren ")
        time.sleep(3)
        assert listening.stop() == 0
    found = results(local_stack, "radio")
    times = starts(found)
    began = station.began[0]
    for i, time_of in enumerate(times):
        late = (time_of - began - i * HOP).total_seconds()
        # The first are cut while ffmpeg still gives on what it held to look at.
        assert -0.2 < late < (1 if i > 2 else 3), "the time is that of the sound"
    sirens = [t - began for t, r in zip(times, found, strict=True) if r["label"] == "siren"]
    # It wails from second 5 to 9: in segments that start between 3.5 and 8.5.
    assert sirens
    assert timedelta(seconds=3) <= min(sirens) <= max(sirens) <= timedelta(seconds=9.5)
    assert "missing from the stream" not in listening.said
    assert " dBFS, peak " in listening.said
    assert ", 0 waiting, " in listening.said.splitlines()[-1], "all was sent before it stopped"


@pytest.mark.long
def test_neither_a_cut_network_nor_a_kill_loses_or_doubles_a_segment(
    local_stack: LocalStack, start: Start, api_network: tuple[Network, str], tmp_path: Path
) -> None:
    between, url = api_network
    arguments = ("--source", "listen-gate", *SHORT)
    with radio(sound(60)) as station:
        first = start(station.url, *arguments, EARSHOT_API_URL=url)
        wait_for(lambda: results(local_stack, "listen-gate"))
        between.cut.set()
        first.says("nothing can be sent: ")
        wait_for(lambda: len(spooled(tmp_path, "listen-gate")) >= 3)
        first.kill()
        waiting = spooled(tmp_path, "listen-gate")
        sent_already = results(local_stack, "listen-gate")
        second = start(station.url, *arguments, EARSHOT_API_URL=url)
        second.says(f"{len(waiting)} earlier segments wait to be sent")
        second.says("nothing can be sent: ")
        # As if the process was killed after the service took a segment and before it was noted.
        for path in waiting:
            shutil.copy(path, tmp_path / path.name)
        between.cut.clear()
        second.says("the service answers again")
        wait_for(lambda: len(spooled(tmp_path, "listen-gate")) == 0)
        assert second.stop() == 0
        for path in waiting:
            shutil.copy(tmp_path / path.name, path)
        before = len(results(local_stack, "listen-gate"))
        third = start(station.url, *arguments, EARSHOT_API_URL=url)
        wait_for(lambda: not any(path.exists() for path in waiting))
        assert third.stop() == 0
    found = starts(results(local_stack, "listen-gate"))
    assert len(found) == len(set(found)), "none is doubled"
    assert before <= len(found)
    until_the_kill = len(sent_already) + len(waiting)
    steps = {b - a for a, b in pairwise(found[:until_the_kill])}
    assert max(steps) < 1.7 * HOP, "none is missing"


@pytest.mark.skipif(not rtsp_available(), reason=RTSP_NEEDS)
def test_a_camera_that_comes_back_is_listened_to_again(
    local_stack: LocalStack, start: Start
) -> None:
    camera = Camera()
    try:
        listening = start(camera.url, "--source", "rtsp-camera", *SHORT)
        wait_for(lambda: len(results(local_stack, "rtsp-camera")) >= 2)
        # Where a busy machine makes the stream falter, a segment may sound like a knock.
        wait_for(lambda: "casual" in {one["label"] for one in results(local_stack, "rtsp-camera")})
        camera.stop()
        listening.says(f"{camera.url}: ")
        gone = len(results(local_stack, "rtsp-camera"))
        camera.start()
        wait_for(lambda: len(results(local_stack, "rtsp-camera")) >= gone + 3)
        assert listening.stop() == 0
    finally:
        camera.stop()
    assert listening.said.count(f"listening to {camera.url}") >= 2
    # A segment in which the stream breaks off may sound like anything, but is a segment.
    assert {one["status"] for one in results(local_stack, "rtsp-camera")} == {"classified"}


def test_bad_streams_are_named_and_survived(
    local_stack: LocalStack, start: Start, tmp_path: Path
) -> None:
    page = b"<html><title>Camera</title><form>Please log in</form></html>"
    rates = [mp3(tmp_path, 44_100, 2), mp3(tmp_path, 22_050, 1)]
    quiet = wav(np.zeros(20 * RATE))
    with radio(page, rates[0] + rates[1], quiet, bytes_s=64_000) as station:
        listening = start(station.url, "--source", "bad", *SHORT)
        listening.says("it sends nothing that ffmpeg can decode (")
        said = listening.says("the microphone is silent: -120 dBFS")
        assert said.count(f"listening to {station.url}") >= 2
        assert listening.stop() == 0
    found = results(local_stack, "bad")
    # Twelve seconds of both rates make seven segments and a rest.
    assert sum(one["status"] == "classified" for one in found) >= 8 + 3


def test_a_codec_that_changes_in_mid_stream_is_said_and_followed(
    local_stack: LocalStack, start: Start, tmp_path: Path
) -> None:
    before, after = transport_stream(tmp_path, "mp2"), transport_stream(tmp_path, "aac")
    with radio(before + 20 * after, 20 * after, bytes_s=len(before) // 6) as station:
        listening = start(station.url, "--source", "codec", *SHORT, "--patience", 3)
        listening.says(f"{station.url}: it has sent no sound for 3 s")
        so_far = len(results(local_stack, "codec"))
        wait_for(lambda: len(results(local_stack, "codec")) >= so_far + 2)
        assert len(station.began) >= 2, "ffmpeg learns of the codec by another connection only"
        assert listening.stop() == 0
    assert {one["status"] for one in results(local_stack, "codec")} == {"classified"}


def transport_stream(folder: Path, codec: str) -> bytes:
    made, source = folder / f"{codec}.ts", folder / f"{codec}.wav"
    source.write_bytes(sound(6))
    encoder = ("-ar", "48000", "-c:a", codec, "-f", "mpegts")
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *encoder, made], check=True)
    return made.read_bytes()


def mp3(folder: Path, rate: int, channels: int) -> bytes:
    made = folder / f"{rate}.mp3"
    source = folder / f"{rate}.wav"
    source.write_bytes(sound(6))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", source, "-ar", str(rate), "-ac", str(channels), made],
        check=True,
    )
    return made.read_bytes()


def test_an_expired_token_keeps_the_segments_and_says_what_to_do(
    local_stack: LocalStack, start: Start, tmp_path: Path
) -> None:
    with radio(sound(20)) as station:
        arguments = (station.url, "--source", "late", *SHORT)
        listening = start(*arguments, EARSHOT_TOKEN=local_stack.expired_token())
        said = listening.says("the token is refused")
        assert "EARSHOT_CLIENT_SECRET" in said
        wait_for(lambda: len(spooled(tmp_path, "late")) >= 2)
        assert listening.stop() == 0
        held = len(spooled(tmp_path, "late"))
        again = start(*arguments)
        again.says(f"{held} earlier segments wait")
        wait_for(lambda: len(results(local_stack, "late")) >= held)
        assert again.stop() == 0


def test_the_prefilter_keeps_birds_back_and_sends_sirens(
    local_stack: LocalStack, start: Start, tmp_path: Path
) -> None:
    recording = tmp_path / "20261127_220000.wav"
    recording.write_bytes(wav(np.concatenate([birdsong(60.0, 3), siren(10.0)])))
    arguments = (recording, "--source", "forest", "--prefilter", "--sample", 0)
    listening = start(*arguments)
    said = listening.says("stopped: ")
    assert "kept back by the prefilter" in said
    assert "the prefilter classifies with v1, which the service serves" in said
    found = unalerted(results(local_stack, "forest"))
    assert 1 <= len(found) <= 6
    assert "siren" in {one["label"] for one in found}
    assert starts(found)[-1] >= datetime(2026, 11, 27, 22, 0, 50, tzinfo=UTC)
    again = start(*arguments)
    again.says("stopped: ")
    now = unalerted(results(local_stack, "forest"))
    assert now == found, "the same recording has the same results"


def test_without_a_sound_card_it_goes_on_trying_and_says_so(start: Start) -> None:
    listening = start("alsa:no-such-card", "--source", "laptop")
    listening.says("alsa:no-such-card: there is no such microphone")
    assert listening.stop() == 0
