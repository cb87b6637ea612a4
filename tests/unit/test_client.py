"""Client and command line, with an API that lives in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from earshot.cli import commands, models
from earshot.cli.access import Access, AccessError, ClientCredentials
from earshot.cli.folder import JOURNAL_NAME, Journal, recordings, upload_new
from earshot.client import ApiError, EarshotClient, ResultFilters

API = "https://api.example/v1"


class Api:
    """Answers as the API and S3 do."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.refusals: list[httpx.Response] = []
        self.results: list[dict[str, Any]] = []
        self.uploaded: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911
        request.read()
        self.requests.append(request)
        if self.refusals:
            return self.refusals.pop(0)
        path = request.url.path.removeprefix("/v1")
        if path == "/training-clips":
            said = json.loads(request.content)
            ticket = {"prefix": f"training/{said['batch']}/", "url": "https://s3.example/"}
            return httpx.Response(201, json=ticket | {"fields": {"key": said["label"]}})
        if path == "/uploads":
            n = len(self.uploaded)
            ticket = {"clip_id": f"id{n}", "url": "https://s3.example/", "fields": {"key": f"k{n}"}}
            return httpx.Response(201, json=ticket)
        if request.url.host == "s3.example":
            self.uploaded.append(request.content)
            return httpx.Response(204)
        if path == "/results":
            first = int(request.url.params.get("cursor", 0))
            end = first + min(int(request.url.params["limit"]), 2)
            cursor = str(end) if end < len(self.results) else None
            page = {"results": self.results[first:end], "next_cursor": cursor}
            return httpx.Response(200, json=page)
        if path.startswith("/results/") and path.endswith("/feedback"):
            said = json.loads(request.content)
            answer = {"feedback": [{"verdict": "corrected"}], "training_key": f"t/{said['label']}"}
            return httpx.Response(200, json=answer)
        if path.startswith("/results/"):
            return httpx.Response(200, json=result(path.removeprefix("/results/")))
        if path == "/predict":
            return httpx.Response(200, json=result("posted"))
        return httpx.Response(404, json={"detail": f"There is nothing at {path}"})


def result(clip_id: str) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "status": "classified",
        "label": "siren",
        "confidence": 0.91,
        "duration_s": 3.0,
        "source": "gate",
        "model_version": "v1",
        "timestamp": "2026-01-31T12:00:00.000Z",
    }


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def client(api: Api) -> EarshotClient:
    http = httpx.Client(transport=httpx.MockTransport(api))
    return EarshotClient(API, lambda: "secret-token", http, waits_s=(0, 0))


@pytest.fixture
def run(
    client: EarshotClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    monkeypatch.setattr(Access, "client", lambda _: client)

    def run(*arguments: object) -> Any:
        with pytest.raises(SystemExit) as end:
            commands.cli.main([str(argument) for argument in arguments], prog_name="earshot")
        said = capsys.readouterr()
        return SimpleNamespace(exit_code=end.value.code, stdout=said.out, stderr=said.err)

    return run


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

    def test_a_labelled_clip_goes_to_its_batch(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        prefix = client.upload_training_clip(tmp_path / "a.wav", "siren", "b1", held_out=True)
        assert prefix == "training/b1/"
        assert json.loads(api.requests[0].content) == {
            "label": "siren",
            "batch": "b1",
            "held_out": True,
        }
        assert b"RIFF" in api.uploaded[0]

    def test_a_request_key_is_sent(self, api, client, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        client.predict(tmp_path / "a.wav", request="r1")
        assert api.requests[0].headers["Idempotency-Key"] == "r1"

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
        api.results = [{"clip_id": str(n)} for n in range(5)]
        assert list(client.results(ResultFilters())) == api.results
        assert list(client.results(ResultFilters(), limit=3)) == api.results[:3]

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
        assert client.result("c1")["clip_id"] == "c1"

    def test_a_problem_is_told_in_its_own_words(self, api, client):
        api.refusals = [httpx.Response(422, json={"detail": "query.limit: too small"})]
        with pytest.raises(ApiError, match="too small") as caught:
            list(client.results(ResultFilters()))
        assert caught.value.status == 422

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
    def test_an_answer_that_is_no_problem_is_told_too(self, api, client, body):
        api.refusals = [httpx.Response(502, content=body)]
        with pytest.raises(ApiError, match="502 Bad Gateway"):
            client.status()

    def test_no_answer_is_told(self):
        def down(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        http = httpx.Client(transport=httpx.MockTransport(down))
        with pytest.raises(ApiError, match=r"api\.example"):
            EarshotClient(API, lambda: "t", http).status()


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
        now, issued = [0.0], []

        def post(url: str, **request: Any) -> httpx.Response:
            issued.append(request["auth"])
            answer = {"access_token": f"t{len(issued)}", "expires_in": 3600}
            return httpx.Response(200, json=answer, request=httpx.Request("POST", url))

        monkeypatch.setattr(httpx, "post", post)
        access = Access(API, token_url="https://t", client_id="i", client_secret="s")  # noqa: S106
        token = ClientCredentials(access, lambda: now[0])
        assert [token(), token()] == ["t1", "t1"]
        now[0] = 3541
        assert token() == "t2"
        assert issued == [("i", "s")] * 2


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("a.wav", "b/c.WAV", "notes.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(name.encode())
        return tmp_path

    def test_recordings_are_found_in_all_folders(self, folder):
        assert [path.name for path in recordings(folder)] == ["a.wav", "c.WAV"]

    def test_an_upload_that_broke_off_goes_on_where_it_stopped(self, folder):
        tried: list[str] = []

        def upload(path: Path) -> str:
            tried.append(path.name)
            if path.name == "c.WAV" and len(tried) == 2:
                raise ApiError(0, "broke off")
            return f"id of {path.name}"

        with pytest.raises(ApiError):
            upload_new(recordings(folder), Journal(folder), upload, jobs=1)
        # As a kill leaves it: in the middle of a line.
        with (folder / JOURNAL_NAME).open("a") as file:
            file.write('{"file": "b/c')
        done = upload_new(recordings(folder), Journal(folder), upload, jobs=1)
        assert tried == ["a.wav", "c.WAV", "c.WAV"]
        assert list(done.values()) == ["id of a.wav", "id of c.WAV"]

    def test_a_file_that_changed_is_a_new_one(self, folder):
        upload_new(recordings(folder), Journal(folder), lambda path: "first", jobs=2)
        (folder / "a.wav").write_bytes(b"another recording")
        done = upload_new(recordings(folder), Journal(folder), lambda path: "second", jobs=2)
        assert list(done.values()) == ["second", "first"]


class TestCommands:
    def test_predict(self, run, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        done = run("predict", tmp_path / "a.wav", "--json")
        assert done.exit_code == 0, done.stderr
        (shown,) = json.loads(done.stdout)
        assert (shown["label"], shown["name"]) == ("siren", str(tmp_path / "a.wav"))
        assert "siren" in run("predict", tmp_path / "a.wav").stdout

    def test_a_clip_at_fault_spoils_no_other(self, api, run, tmp_path):
        for name in ("a.wav", "b.wav"):
            (tmp_path / name).write_bytes(b"RIFF")
        api.refusals = [httpx.Response(422, json={"detail": "The file is empty"})]
        done = run("predict", tmp_path / "a.wav", tmp_path / "b.wav")
        assert done.exit_code == 1
        assert "b.wav" in done.stdout
        assert "a.wav: The file is empty" in done.stderr

    def test_upload_a_folder_twice(self, api, run, tmp_path):
        for name in ("a.wav", "b.wav"):
            (tmp_path / name).write_bytes(b"RIFF")
        done = run("upload", tmp_path, "--jobs", "1", "--json")
        assert done.exit_code == 0, done.stderr
        assert [one["clip_id"] for one in json.loads(done.stdout)] == ["id0", "id1"]
        again = run("upload", tmp_path, "--no-wait")
        assert again.stdout == "id0\nid1\n"
        assert "2 of 2 are uploaded already" in again.stderr
        assert len(api.uploaded) == 2

    def test_results_since(self, api, run):
        api.results = [result("c1") | {"verified_label": "casual"}]
        done = run("results", "--label", "siren", "--since", "1h")
        assert done.exit_code == 0, done.stderr
        assert "siren (really casual)" in done.stdout
        sent = datetime.fromisoformat(api.requests[0].url.params["from"])
        assert 3590 < (datetime.now(UTC) - sent).total_seconds() < 3660

    @pytest.mark.parametrize("arguments", [("--label", "dog"), ("--since", "lately")])
    def test_what_makes_no_sense_is_told_without_asking(self, api, run, arguments):
        assert run("results", *arguments).exit_code == 2
        assert api.requests == []

    def test_feedback(self, run):
        assert "corrected: gunshot" in run("feedback", "c1", "gunshot").stdout

    def test_a_retraining_is_watched_until_it_ends(self, api, run, monkeypatch):
        monkeypatch.setattr(models, "POLL_S", 0)
        running = {
            "state": "running", "step": None, "embedded": 0.5, "version": None, "reasons": [],
        }  # fmt: skip
        ended = {"state": "rejected", "version": "v2", "reasons": ["macro F1 falls"]}
        api.refusals = [
            httpx.Response(status, json=answer)
            for status, answer in ((202, {"id": "r1"}), (200, running), (200, ended))
        ]
        done = run("retrain", "--prefix", "training/may/")
        assert done.stdout == "r1 rejected v2\nmacro F1 falls\n"
        assert json.loads(api.requests[0].content) == {"prefix": "training/may/", "reason": ""}
        assert [request.url.path[-11:] for request in api.requests[1:]] == ["/retrain/r1"] * 2

    def test_models_are_listed_with_the_champion_marked(self, api, run):
        model = {"version": "v2", "parent": "v1", "status": None, "created": "2026"}
        found = [{**model, "champion": True, "macro_f1": 0.9}]
        api.refusals = [httpx.Response(200, json={"models": found})] * 2
        assert "*  v2       v1" in run("models").stdout
        assert json.loads(run("models", "--json").stdout) == found

    def test_a_promotion_needs_a_reason(self, api, run):
        assert run("models", "promote", "v1").exit_code == 2
        api.refusals = [httpx.Response(200, json={"version": "v1"})]
        assert "v1 is the champion" in run("models", "promote", "v1", "--reason", "alarms").stdout
        (request,) = api.requests
        assert request.url.path.endswith("/models/v1/promote")
        assert json.loads(request.content) == {"reason": "alarms", "force": False}

    def test_an_error_is_one_line_on_standard_error(self, api, run):
        api.refusals = [httpx.Response(403, json={"message": "Forbidden"})]
        done = run("status", "--json")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("Error: The token does not allow this")
        assert done.stderr.count("\n") == 1

    def test_an_answer_of_another_server_is_told(self, api, run):
        api.refusals = [httpx.Response(200, text="<html>It works!</html>")]
        done = run("status")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "not Earshot's API" in done.stderr

    def test_a_missing_token_is_told_with_what_to_do(self, api, run):
        api.refusals = [httpx.Response(401, json={"message": "Unauthorized"})]
        assert "EARSHOT_TOKEN" in run("results").stderr

    def test_classify_without_models_says_where_they_are(self, run, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        done = run("classify", tmp_path / "a.wav", "--yamnet", tmp_path)
        assert done.exit_code == 1
        assert "make setup" in done.stderr

    def test_a_version_is_shown(self, api, run):
        promotion = {"promoted_at": "2026", "promoted_by": "ann", "reason": "better"}
        model = {
            "version": "v2", "parent": "v1", "status": "promoted", "created": "2026",
            "macro_f1": 0.9, "accuracy": 0.9, "champion": True, "promotions": [promotion],
            "decision": {"checks": [{"name": "macro F1", "passed": True}]},
        }  # fmt: skip
        api.refusals = [httpx.Response(200, json=model)] * 2
        shown = run("models", "show", "v2").stdout
        assert "by ann: better" in shown
        assert json.loads(run("models", "show", "v2", "--json").stdout) == model

    def test_files_to_learn_from_are_posted(self, api, run, tmp_path):
        (tmp_path / "siren_1.wav").write_bytes(b"RIFF")
        ended = {"state": "running", "version": None, "reasons": []}
        api.refusals = [httpx.Response(202, json={"id": "r1"}), httpx.Response(200, json=ended)]
        done = run("retrain", tmp_path / "siren_1.wav", "--no-wait", "--json")
        assert json.loads(done.stdout) == ended
        assert b'filename="siren_1.wav"' in api.requests[0].content
        assert run("retrain", tmp_path / "siren_1.wav", "--prefix", "training/x/").exit_code == 2
