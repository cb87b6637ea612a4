"""Client of the API, access and uploads, with an API that lives in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from earshot_client.api_client import EarshotClient
from earshot_client.cli.access import Access, AccessError, ClientCredentials
from earshot_client.filters import ResultFilters
from earshot_client.transport import ApiError
from tests.unit.client.served_api import API, Api, client_of, result


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def client(api: Api) -> EarshotClient:
    return client_of(api)


SENT = {"alerted_at": "2026-01-31T12:00:01.000Z", "result": "/results/c"}


class TestClient:
    def test_every_call_carries_the_token_but_s3_does_not_see_it(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        client.upload(tmp_path / "a.wav", "gate", datetime(2026, 1, 31, tzinfo=UTC))
        ticket, s3 = api.requests
        assert ticket.headers["Authorization"] == "Bearer secret-token"
        assert json.loads(ticket.content) == {
            "source": "gate",
            "recorded_at": "2026-01-31T00:00:00.000Z",
        }
        assert "Authorization" not in s3.headers
        assert s3.content.index(b'name="key"') < s3.content.index(b'name="file"'), "S3 wants so"
        assert b"RIFF" in s3.content

    def test_a_labeled_clip_goes_to_its_batch(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        prefix = client.upload_training_clip(tmp_path / "a.wav", "siren", "b1", held_out=True)
        assert prefix == "training/b1/"
        assert json.loads(api.requests[0].content) == {
            "label": "siren",
            "batch": "b1",
            "held_out": True,
        }
        assert b"RIFF" in api.uploaded[0]

    def test_a_posted_clip_is_the_whole_body(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF\x00\xff")
        recorded_at = datetime(2026, 1, 31, tzinfo=UTC)
        posted = client.predict(tmp_path / "a.wav", "north gate", recorded_at)
        (request,) = api.requests
        assert posted.classification.confidence == 0.91
        assert (request.content, request.headers["Content-Type"]) == (b"RIFF\x00\xff", "audio/wav")
        assert dict(request.url.params) == {
            "source": "north gate",
            "recorded_at": "2026-01-31T00:00:00.000Z",
        }

    def test_a_request_key_is_sent(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        client.predict(tmp_path / "a.wav", request="r1")
        assert api.requests[0].headers["Idempotency-Key"] == "r1"

    def test_every_post_has_a_key_that_its_further_tries_share(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        api.refusals = [httpx.Response(503, json={})]
        client.predict(tmp_path / "a.wav")
        first, again = (request.headers["Idempotency-Key"] for request in api.requests)
        assert first == again
        client.predict(tmp_path / "a.wav")
        assert api.requests[-1].headers["Idempotency-Key"] != first

    def test_a_connection_that_breaks_is_tried_again(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        broken = iter([httpx.ReadError("reset by peer")])

        def answer(request: httpx.Request) -> httpx.Response:
            for error in broken:
                raise error
            return api(request)

        retrying = replace(client, http=httpx.Client(transport=httpx.MockTransport(answer)))
        assert retrying.predict(tmp_path / "a.wav").clip_id == "posted"

    def test_names_stay_within_their_part_of_the_route(self, api, client):
        with pytest.raises(ApiError):
            client.model("../results?limit=1#")
        assert api.requests[0].url.raw_path.endswith(b"/models/..%2Fresults%3Flimit%3D1%23")

    def test_a_clip_is_fetched_without_the_token(self, api, client):
        api.refusals = [httpx.Response(200, content=b"RIFF"), httpx.Response(403, content=b"")]
        assert client.fetch("https://s3.example/clip") == b"RIFF"
        assert "Authorization" not in api.requests[0].headers
        with pytest.raises(ApiError, match="403"):
            client.fetch("https://s3.example/clip")

    def test_progress_adds_up(self, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"x" * 300_000)
        sent: list[int] = []
        client.upload(tmp_path / "a.wav", sent=sent.append)
        assert sum(sent) == 300_000
        assert len(sent) > 2

    def test_results_come_page_after_page_up_to_a_limit(self, api, client):
        api.results = [result(str(n)) for n in range(5)]
        assert [one.clip_id for one in client.results(ResultFilters())] == list("01234")
        assert [one.clip_id for one in client.results(ResultFilters(), limit=3)] == list("012")

    def test_alerts_come_page_after_page_up_to_a_limit(self, api, client):
        api.results = [result(f"c{n}") | SENT for n in range(5)]
        assert [alert.clip_id for alert in client.alerts(3)] == ["c0", "c1", "c2"]
        assert [request.url.path for request in api.requests] == ["/v1/alerts"] * 2

    def test_filters_are_sent(self, api, client):
        filters = ResultFilters("siren", "gate", datetime(2026, 1, 1, tzinfo=UTC), None, 0.5)
        list(client.results(filters))
        sent = dict(api.requests[0].url.params)
        assert sent == {
            "label": "siren",
            "source": "gate",
            "from": "2026-01-01T00:00:00.000Z",
            "min_confidence": "0.5",
            "limit": "200",
        }

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_busy_api_is_asked_again(self, api, client, status):
        api.refusals = [httpx.Response(status, json={"message": "later"})] * 2
        assert client.result("c1").clip_id == "c1"

    def test_a_problem_is_shown_in_its_own_words(self, api, client):
        api.refusals = [httpx.Response(422, json={"detail": "query.limit: too small"})]
        with pytest.raises(ApiError, match="too small") as caught:
            list(client.results(ResultFilters()))
        assert caught.value.status == 422

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
    def test_an_answer_that_is_no_problem_is_shown_too(self, api, client, body):
        api.refusals = [httpx.Response(502, content=body)]
        with pytest.raises(ApiError, match="502 Bad Gateway"):
            client.status()

    def test_no_answer_is_an_error(self):
        def down(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        http = httpx.Client(transport=httpx.MockTransport(down))
        with pytest.raises(ApiError, match=r"api\.example"):
            EarshotClient(API, lambda: "t", http).status()


def machine_token(answer: Callable[[httpx.Request], httpx.Response]) -> ClientCredentials:
    """Tokens of the client ``i`` from an endpoint that answers so."""
    url = "https://t.example/token"
    access = Access(API, token_url=url, client_id="i", client_secret="s")  # noqa: S106
    return ClientCredentials(access, httpx.Client(transport=httpx.MockTransport(answer)))


class TestAccess:
    def test_the_environment_goes_before_the_profile(self, tmp_path):
        config = tmp_path / "config.toml"
        config.write_text('[default]\napi_url = "https://a"\ntoken = "t"\n[site]\napi_url = "b"\n')
        assert Access.find(None, {}, config) == Access("https://a", "t")
        environment = {"EARSHOT_TOKEN": "u"}
        assert Access.find(None, environment, config) == Access("https://a", "u")
        assert Access.find("site", environment, config) == Access("b", "u")
        with pytest.raises(AccessError, match="no profile nowhere"):
            Access.find("nowhere", {}, config)

    @pytest.mark.parametrize("text", ["[default", "[default]\npassword = 1"])
    def test_a_file_that_makes_no_sense_is_explained(self, tmp_path, text):
        (tmp_path / "config.toml").write_text(text)
        with pytest.raises(AccessError, match=r"config\.toml"):
            Access.find(None, {}, tmp_path / "config.toml")

    @pytest.mark.parametrize(
        ("access", "missing"),
        [(Access(), "EARSHOT_API_URL"), (Access(API, client_id="i"), "EARSHOT_TOKEN_URL")],
    )
    def test_what_is_missing_is_named(self, access, missing):
        with pytest.raises(AccessError, match=missing):
            access.client()

    def test_without_a_token_none_is_sent(self, api, client):
        anonymous = EarshotClient(API, Access(API).client().token, client.http)
        anonymous.result("c1")
        assert "Authorization" not in api.requests[0].headers

    def test_a_machines_token_is_kept_until_shortly_before_its_end(self, monkeypatch):
        now = [1.8e9]
        monkeypatch.setattr(time, "time", lambda: now[0])
        asked: list[httpx.Request] = []

        def issue(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, json={"access_token": f"t{len(asked)}", "expires_in": 3600})

        token = machine_token(issue)
        assert [token(), token()] == ["t1", "t1"]
        now[0] += 3541
        assert token() == "t2"
        for request in asked:
            assert (request.method, str(request.url)) == ("POST", "https://t.example/token")
            assert request.headers["Authorization"] == "Basic aTpz"  # i:s, base64
            assert request.content == b"grant_type=client_credentials"

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (httpx.Response(400, json={"error": "invalid_client"}), "invalid_client"),
            (httpx.Response(403, json={"message": "Forbidden"}), "Forbidden"),
            (httpx.Response(429, text="slow down"), "429"),
            (httpx.Response(503, text="later"), "503"),
        ],
    )
    def test_a_refused_token_is_explained(self, answer, why):
        token = machine_token(lambda _: answer)
        for _ in range(2):  # nothing of the refusal is kept
            with pytest.raises(AccessError, match=f"no token from https://t.example/.*{why}"):
                token()
