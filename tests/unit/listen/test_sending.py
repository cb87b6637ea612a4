"""A segment is sent until it is taken, under the same key, and what is wrong is said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from earshot.times import format_time
from earshot_client.api_client import EarshotClient
from earshot_client.cli.access import AccessError
from earshot_client.listen import sending
from earshot_client.listen.prefilter import in_sample
from earshot_client.listen.sending import Sender, request_key
from earshot_client.listen.spool import Spool
from tests.unit.client.served_api import API, Api, client_of
from tests.unit.listen.sounds import START, segment


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    held = Spool(tmp_path, 10**9)
    yield held
    held.close()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(sending, "_FIRST_WAIT_S", 0.01)
    return Api()


@pytest.fixture
def said() -> list[str]:
    return []


def problem(status: int, detail: str) -> httpx.Response:
    return httpx.Response(status, json={"detail": detail})


def send_all(sender: Sender, spool: Spool) -> None:
    """Send until nothing waits."""
    sender.start()
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while len(spool):
        assert datetime.now(UTC) < deadline, "segments still wait"
        sender.join(0.01)
    sender.end(5)
    assert not sender.is_alive()


def test_segments_are_posted_in_order_each_with_its_time_and_key(api, spool, said):
    for second in (8, 0):
        spool.add(segment(second))
    sender = Sender(client_of(api), spool, "north gate", said.append)
    send_all(sender, spool)
    assert [r.url.params["recorded_at"] for r in api.requests] == [
        "2026-11-27T22:00:00.123Z",
        "2026-11-27T22:00:08.123Z",
    ]
    assert {r.url.params["source"] for r in api.requests} == {"north gate"}
    keys = [r.headers["idempotency-key"] for r in api.requests]
    assert keys == [request_key("north gate", START + timedelta(seconds=s)) for s in (0, 8)]
    assert api.requests[1].content == segment(8).to_wav()
    assert (sender.sent.segments, sender.sent.threats) == (2, 2)
    assert said[0].startswith("siren 0.91 at ")


def test_a_service_that_does_not_answer_is_waited_for_and_gets_the_same_key(api, spool, said):
    api.refusals = [problem(503, "It is being updated.")] * 3 + [problem(429, "Slower.")]
    spool.add(segment())
    sender = Sender(client_of(api), spool, "a", said.append)
    send_all(sender, spool)
    assert len({r.headers["idempotency-key"] for r in api.requests}) == 1
    assert len(api.requests) == 5
    assert said == [
        "nothing can be sent: It is being updated.; 1 segments wait",
        "nothing can be sent: Slower.; 1 segments wait",
        "siren 0.91 at 2026-11-27T22:00:00.123Z: posted",
        "the service answers again; 0 segments wait",
    ]


def test_an_expired_token_is_named_with_what_to_do(api, spool, said):
    api.refusals = [httpx.Response(401, json={"message": "Unauthorized"})]
    spool.add(segment())
    send_all(Sender(client_of(api), spool, "a", said.append), spool)
    assert "the token is refused" in said[0]
    assert "EARSHOT_CLIENT_SECRET" in said[0]


def test_without_a_token_segments_wait(api, spool, said):
    answers = iter([AccessError("There is no token from https://id.example"), None])

    def token() -> str:
        if error := next(answers, None):
            raise error
        return "token"

    spool.add(segment())
    http = httpx.Client(transport=httpx.MockTransport(api))
    send_all(Sender(EarshotClient(API, token, http), spool, "a", said.append), spool)
    assert "There is no token from https://id.example; 1 segments wait" in said[0]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Welcome to the hotel</html>"),
        httpx.Response(200, json={"welcome": "to the hotel"}),
        httpx.Response(404, json={"message": "Not Found"}),
        httpx.Response(403, json={"detail": "The client x is bound to harbor, not to a."}),
    ],
)
def test_whatever_else_answers_takes_no_segment(api, spool, said, answer):
    api.refusals = [answer]
    spool.add(segment())
    send_all(Sender(client_of(api), spool, "a", said.append), spool)
    assert len(api.requests) == 2
    assert said[0].startswith("nothing can be sent: ")


def test_a_clip_that_the_service_rejects_is_not_sent_again(api, spool, said):
    api.refusals = [problem(422, "There is no signal.")]
    spool.add(segment())
    sender = Sender(client_of(api), spool, "a", said.append)
    send_all(sender, spool)
    assert len(api.requests) == 1
    assert (sender.sent.refused, sender.sent.segments) == (1, 0)
    assert said == ["the segment of 2026-11-27T22:00:00.123Z was refused: There is no signal."]


def test_a_segment_that_somebody_deleted_is_counted(api, spool, said, tmp_path):
    spool.add(segment())
    (path,) = tmp_path.glob("*.wav")
    path.unlink()
    send_all(Sender(client_of(api), spool, "a", said.append), spool)
    assert spool.dropped == 1
    assert "was deleted before it was sent" in said[0]


def test_above_the_limit_of_a_request_a_ticket_is_used_and_kept(api, spool, said, tmp_path):
    spool.add(segment(seconds=150))
    ticket_refused = httpx.Response(503)
    requests = api.requests

    class Refusing(Api):
        """S3 breaks off the first time."""

        def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "s3.example" and ticket_refused in api.refusals:
                api.refusals.remove(ticket_refused)
                assert list(tmp_path.glob("*.ticket")), "it is noted before the upload begins"
                return ticket_refused
            return api(request)

    send_first: Callable[[httpx.Request], httpx.Response] = Refusing()

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/uploads"):
            api.refusals = []
            answer = api(request)
            api.refusals = [ticket_refused]
            return answer
        return send_first(request)

    http = httpx.Client(transport=httpx.MockTransport(serve))
    sender = Sender(EarshotClient(API, lambda: "t", http), spool, "a", said.append)
    send_all(sender, spool)
    assert len([r for r in requests if r.url.path.endswith("/uploads")]) == 1, "one ticket"
    assert len(api.uploaded) == 1
    assert b'"recorded_at"' in requests[0].content
    assert format_time(START).encode() in requests[0].content
    assert not list(tmp_path.glob("*.ticket"))


def test_a_key_is_of_one_source_and_one_start():
    keys = {request_key(s, START + timedelta(milliseconds=n)) for s in "ab" for n in (0, 1)}
    assert len(keys) == 4


def test_the_sample_has_its_share_and_is_the_same_each_time():
    times = [START + timedelta(seconds=8 * n) for n in range(10_000)]
    chosen = [t for t in times if in_sample(t, 0.01)]
    assert 70 <= len(chosen) <= 130  # three standard deviations of a binomial
    assert chosen == [t for t in times if in_sample(t, 0.01)]
    assert not any(in_sample(t, 0) for t in times)
    assert all(in_sample(t, 1) for t in times)
