"""The command line, with an API that lives in memory."""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime

import httpx
import pytest

from earshot_client.api_client import EarshotClient
from earshot_client.cli.local_model import MODELS
from earshot_client.transport import ApiError
from tests.unit.client.served_api import result
from training.data.demo_sounds import write_clips


def test_predict(run, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    done = run("predict", tmp_path / "a.wav", "--json")
    assert done.exit_code == 0, done.stderr
    (shown,) = json.loads(done.stdout)
    assert (shown["label"], shown["name"]) == ("siren", str(tmp_path / "a.wav"))
    assert "siren" in run("predict", tmp_path / "a.wav").stdout


def test_a_clip_at_fault_spoils_no_other(api, run, tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    api.refusals = [httpx.Response(422, json={"detail": "The file is empty"})]
    done = run("predict", tmp_path / "a.wav", tmp_path / "b.wav")
    assert done.exit_code == 1
    assert "b.wav" in done.stdout
    assert "a.wav: The file is empty" in done.stderr


def test_upload_a_folder_twice(api, run, tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    done = run("upload", tmp_path, "--jobs", "1", "--json")
    assert done.exit_code == 0, done.stderr
    assert [one["clip_id"] for one in json.loads(done.stdout)] == ["id0", "id1"]
    again = run("upload", tmp_path, "--no-wait")
    assert again.stdout == "id0\nid1\n"
    assert "2 of 2 are uploaded already" in again.stderr
    assert len(api.uploaded) == 2


def test_files_at_fault_do_not_stop_a_folder(api, run, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "b.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "c.wav").mkdir()
    (tmp_path / "._d.wav").write_bytes(b"\0\5\x16\7")
    (tmp_path / "d.wav").write_bytes(b"RIFF")
    done = run("upload", tmp_path, "--jobs", "1")
    assert done.exit_code == 1
    assert "d.wav" in done.stdout
    said = "".join(done.stderr.splitlines())
    assert "/a.wav: The file is empty" in said
    assert "/b.wav: No such file" in said
    assert "._d.wav is a side file" in said
    assert "2 not uploaded" in said
    assert len(api.uploaded) == 1


def test_a_file_that_s3_refuses_does_not_stop_a_folder(api, run, tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    api.refusals = [httpx.Response(413, json={"detail": "too large"})]
    done = run("upload", tmp_path, "--jobs", "1")
    assert done.exit_code == 1
    assert "b.wav" in done.stdout
    assert len(api.uploaded) == 1


@pytest.mark.parametrize("name", ["Police siren [dQw4w9WgXcQ].wav", "[/gate].wav", ":fire:.wav"])
def test_names_are_shown_whole(run, tmp_path, name):
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / name.replace("/", "\u2215")
    path.write_bytes(b"RIFF")
    done = run("predict", path)
    assert done.exit_code == 0, done.stderr
    assert path.name in done.stdout.replace("\n", "")


def test_results_since(api, run):
    api.results = [result("c1") | {"verified_label": "casual"}]
    done = run("results", "--label", "siren", "--since", "1h")
    assert done.exit_code == 0, done.stderr
    assert "siren (really casual)" in done.stdout
    sent = datetime.fromisoformat(api.requests[0].url.params["from"])
    assert 3590 < (datetime.now(UTC) - sent).total_seconds() < 3660


@pytest.mark.parametrize("source", ["[/gate]", "gate [id]", "[bold]yard[/bold]", ":fire:"])
def test_sources_are_shown_as_they_are(api, run, source):
    api.results = [result("c1") | {"source": source}]
    done = run("results")
    assert done.exit_code == 0, done.stderr
    assert source in done.stdout


def test_clients_are_bound_listed_and_revoked(api, run):
    bound = {"client_id": "c1", "sources": ["gate", "yard"], "bound_by": "ann", "bound_at": "2026"}
    api.refusals = [
        httpx.Response(200, json=answer) for answer in (bound, {"clients": [bound]}, bound)
    ]
    assert (
        run("clients", "bind", "c1", "gate", "yard").stdout == "c1 may send clips of gate, yard.\n"
    )
    assert "gate, yard" in run("clients").stdout
    assert "it was bound to gate, yard" in run("clients", "revoke", "c1").stdout
    asked = [(request.method, request.url.path[-11:]) for request in api.requests]
    assert asked == [("PUT", "/clients/c1"), ("GET", "/v1/clients"), ("DELETE", "/clients/c1")]
    assert json.loads(api.requests[0].content) == {"sources": ["gate", "yard"]}


@pytest.mark.parametrize("arguments", [("--label", "dog"), ("--since", "lately")])
def test_what_makes_no_sense_is_refused_without_a_request(api, run, arguments):
    assert run("results", *arguments).exit_code == 2
    assert api.requests == []


def test_alerts_are_listed_with_later_feedback(api, run):
    alert = {
        "label": "siren", "confidence": 0.91, "uncertain": False, "events": [], "source": "gate",
        "timestamp": "2026-01-31T12:00:00.000Z", "model_version": "v1",
        "alerted_at": "2026-01-31T12:00:01.000Z",
    }  # fmt: skip
    api.results = [
        {"alert_id": f"{one}-siren", "clip_id": one, **alert, "result": f"/results/{one}"}
        for one in ("c1", "c2")
    ]
    api.results[0]["verified_label"] = "casual"
    shown = run("alerts", "--limit", "2").stdout
    assert "2026-01-31 12:00:01 UTC  siren (really casual)        0.91  gate    c1" in shown
    assert json.loads(run("alerts", "--json").stdout) == api.results


MUTE = {
    "clip_id": "c1", "source": "gate", "labels": ["gunshot"], "by": "ann",
    "at": "2026-01-31T12:00:00.000Z", "expires_at": "2026-03-02T12:00:00.000Z",
}  # fmt: skip


def test_a_false_alarm_is_muted_listed_and_unmuted(api, run):
    given = {"feedback": [{"verdict": "corrected"}], "training_key": None, "mute": MUTE}
    page = {"mutes": [MUTE], "next_cursor": None}
    api.refusals = [httpx.Response(200, json=answer) for answer in (given, page, MUTE)]
    shown = run("feedback", "c1", "casual", "--mute-alike").stdout
    assert "no alert at gate as gunshot, until 2026-03-02" in shown
    assert "earshot unmute c1" in shown
    assert "c1" in run("mutes", "--source", "gate").stdout
    assert "raises alerts at gate again" in run("unmute", "c1").stdout
    sent = [(request.method, request.url.path) for request in api.requests]
    assert sent[1:] == [("GET", "/v1/mutes"), ("DELETE", "/v1/mutes/c1")]
    assert json.loads(api.requests[0].content)["mute_alike"] is True
    assert api.requests[1].url.params["source"] == "gate"


def test_threats_are_not_muted(api, run):
    refused = run("feedback", "c1", "gunshot", "--mute-alike")
    assert refused.exit_code == 2
    assert api.requests == []


def test_feedback(run):
    assert "corrected: gunshot" in run("feedback", "c1", "gunshot").stdout


def test_models_are_listed_with_the_champion_marked(api, run):
    model = {"version": "v2", "parent": "v1", "status": None, "created": "2026"}
    found = [{**model, "champion": True, "macro_f1": 0.9}]
    api.refusals = [httpx.Response(200, json={"models": found, "next_cursor": None})] * 2
    assert "*  v2       v1" in run("models").stdout
    assert json.loads(run("models", "--json").stdout) == found


def test_a_promotion_needs_a_reason(api, run):
    assert run("models", "promote", "v1").exit_code == 2
    api.refusals = [httpx.Response(200, json={"version": "v1"})]
    assert "v1 is the champion" in run("models", "promote", "v1", "--reason", "alarms").stdout
    (request,) = api.requests
    assert request.url.path.endswith("/models/v1/promote")
    assert json.loads(request.content) == {"reason": "alarms", "force": False}


def test_an_error_is_one_line_on_standard_error(api, run):
    api.refusals = [httpx.Response(403, json={"message": "Forbidden"})]
    done = run("status", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The token does not allow this")
    assert done.stderr.count("\n") == 1


def test_an_answer_of_another_server_is_explained(api, run):
    api.refusals = [httpx.Response(200, text="<html>It works!</html>")]
    done = run("status")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "not Earshot's API" in done.stderr


def test_a_missing_token_is_explained_with_what_to_do(api, run):
    api.refusals = [httpx.Response(401, json={"message": "Unauthorized"})]
    assert "EARSHOT_TOKEN" in run("results").stderr


def test_classify_without_models_says_where_they_are(run, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    done = run("classify", tmp_path / "a.wav", "--yamnet", tmp_path)
    assert done.exit_code == 1
    assert f"no yamnet.json in {tmp_path}" in done.stderr


def test_a_version_with_a_yamnet_of_its_own_runs_on_it(run, tmp_path):
    version = shutil.copytree(MODELS / "v1", tmp_path / "v2")
    own = shutil.copytree(MODELS / "yamnet", version / "yamnet")
    description = json.loads((own / "yamnet.json").read_text())
    (own / "yamnet.json").write_text(json.dumps({**description, "weights_sha256": "0" * 64}))
    done = run("classify", write_clips(tmp_path)[0], "--model", version)
    assert done.exit_code == 1
    assert "trained on the embeddings of other YAMNet weights" in done.stderr


def test_a_version_is_shown(api, run):
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


def test_a_source_is_erased_request_after_request(api, run):
    left = [{"what": "logs", "until": "2026-03-02"}, {"what": "alerts", "until": None}]
    answers = [
        {"clip_ids": [clip], "objects": [f"incoming/{clip}.wav"], "remains": left, "more": more}
        for clip, more in (("c1", True), ("c2", False))
    ]
    api.refusals = [httpx.Response(200, json=answer) for answer in answers]
    done = run("erase", "--source", "north gate", "--yes")
    assert done.stdout.splitlines() == [
        "erased: c1",
        "erased: c2",
        "2 clips, 2 files. What remains:",
        "- logs, until 2026-03-02",
        "- alerts, until somebody deletes it",
    ]
    asked = [(request.method, dict(request.url.params)) for request in api.requests]
    assert asked == [("DELETE", {"source": "north gate"})] * 2


@pytest.mark.parametrize("arguments", [(), ("c1", "--source", "gate")])
def test_what_to_erase_has_to_be_clear(api, run, arguments):
    assert run("erase", *arguments, "--yes").exit_code == 2
    assert api.requests == []


def test_nothing_is_erased_unasked(api, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run("erase", "c1").exit_code == 1
    assert api.requests == []


def test_where_nobody_can_answer_it_says_how_to_go_on(api, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    refused = run("erase", "c1")
    assert refused.exit_code == 1
    assert "With --yes it does not ask." in refused.stderr
    assert api.requests == []


def test_what_is_no_clip_id_is_said_in_words(api, run):
    detail = "path.clip_id: String should match pattern '^[0-9a-f]{32}$'"
    api.refusals = [httpx.Response(422, json={"detail": detail})]
    refused = run("feedback", "CLIP", "casual")
    assert "That is no clip id" in refused.stderr
    assert "earshot results" in refused.stderr


@pytest.mark.parametrize(
    ("address", "says"), [("http://127.0.0.1:9", True), ("https://api.example", False)]
)
def test_a_local_stack_that_is_down_is_named(address, says):
    def refuse(request):
        raise httpx.ConnectError("[Errno 111] Connection refused", request=request)

    http = httpx.Client(transport=httpx.MockTransport(refuse))
    with pytest.raises(ApiError, match="does not answer") as refused:
        EarshotClient(address, lambda: "", http).sources()
    assert ("make up" in str(refused.value)) == says
