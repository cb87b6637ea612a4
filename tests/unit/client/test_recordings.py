"""Recordings that a user names: pipes, standard input, and times in names."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from earshot_client.api_client import EarshotClient
from earshot_client.cli.recordings import time_in_name
from tests.unit.client.served_api import Api, result

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("name", "zone", "time"),
    [
        ("20240702_064404.WAV", "UTC", datetime(2024, 7, 2, 6, 44, 4, tzinfo=UTC)),
        ("SM4_20240702_064404.wav", "Europe/Berlin", datetime(2024, 7, 2, 4, 44, 4, tzinfo=UTC)),
        ("20241302_064404.WAV", "UTC", None),
        ("120240702_064404.WAV", "UTC", None),
        ("siren.wav", "UTC", None),
    ],
)
def test_times_in_names(name: str, zone: str, time: datetime | None) -> None:
    assert time_in_name(Path(name), ZoneInfo(zone)) == time


def test_the_time_in_a_name_is_sent_unless_another_is_given(api, run, tmp_path):
    path = tmp_path / "20240702_064404.WAV"
    path.write_bytes(b"RIFF")
    assert run("predict", path).exit_code == 0
    assert run("predict", path, "--recorded-at", "2026-01-31T12:00+01:00").exit_code == 0
    assert run("upload", path, "--no-wait", "--zone", "Europe/Berlin").exit_code == 0
    sent = [request.url.params.get("recorded_at") for request in api.requests[:2]]
    assert sent == ["2024-07-02T06:44:04.000Z", "2026-01-31T11:00:00.000Z"]
    assert json.loads(api.requests[2].content) == {"recorded_at": "2024-07-02T04:44:04.000Z"}


@pytest.mark.parametrize(
    "arguments",
    [("predict", "a.wav", "--zone", "Mars/Base"), ("upload", ".", "--recorded-at", "2026-01-31")],
)
def test_what_makes_no_sense_is_refused(api, run, arguments):
    assert run(*arguments).exit_code == 2
    assert api.requests == []


@pytest.mark.parametrize("command", ["predict", "upload"])
def test_standard_input_is_a_recording(api, run, monkeypatch, command):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"RIFF piped")))
    done = run(command, "-", "--json")
    assert done.exit_code == 0, done.stderr
    (shown,) = json.loads(done.stdout)
    assert (shown["name"], shown["label"]) == ("-", "siren")
    assert any(b"RIFF piped" in request.content for request in api.requests)


def test_a_pipe_is_a_recording(api, run, tmp_path):
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"RIFF" * 50_000))
    writer.start()
    done = run("predict", pipe)
    writer.join()
    assert done.exit_code == 0, done.stderr
    assert api.requests[0].content == b"RIFF" * 50_000


def test_one_bad_file_stops_no_other(api: Api, run: Run, tmp_path: Path) -> None:
    for name in ("large.wav", "z.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    with (tmp_path / "large.wav").open("r+b") as file:
        file.truncate(4_500_001)
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "nowhere")
    names = ("large.wav", "folder.wav", "link.wav", "missing.wav", "z.wav")
    done = run("predict", *(tmp_path / name for name in names))
    assert done.exit_code == 1
    assert "z.wav" in done.stdout
    for name, why in zip(
        names[:4], ("earshot upload", "directory", "No such", "No such"), strict=True
    ):
        assert f"{name}: " in done.stderr
        assert why in done.stderr
    assert len(api.requests) == 1


def test_results_are_printed_as_they_come(api, run, tmp_path, monkeypatch):
    printed: list[str] = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(words)))
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    seen: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(len(printed))
        return api(request)

    monkeypatch.setattr("tests.unit.client.conftest.client_of", lambda _: _client(answer))
    run("predict", tmp_path / "a.wav", tmp_path / "b.wav")
    assert seen == [0, 2], "the header and the first result are there before the second request"
    assert printed[1].endswith("a.wav")


def _client(answer: Callable[[httpx.Request], httpx.Response]) -> Any:
    http = httpx.Client(transport=httpx.MockTransport(answer))
    return EarshotClient("https://api.example/v1", lambda: "t", http, waits_s=(0,))


def test_times_are_shown_with_their_zone_and_nothing_moves_the_cursor(api, run, tmp_path):
    path = tmp_path / "a\x1b[2J.wav"
    path.write_bytes(b"RIFF")
    shown = run("predict", path).stdout
    assert "2026-01-31 12:00:00 UTC" in shown
    assert "\x1b" not in shown


def test_an_array_that_breaks_off_is_json_all_the_same(api, run, tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    answered = httpx.Response(200, json=result("c1"))
    api.refusals = [answered, httpx.Response(401, json={"message": "Unauthorized"})]
    done = run("predict", tmp_path / "a.wav", tmp_path / "b.wav", "--json")
    assert done.exit_code == 1
    assert [one["clip_id"] for one in json.loads(done.stdout)] == ["c1"]
