"""The HTTP API on the local stack, behind the gateway's own authorizer."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from local.settings import REPOSITORY
from stack import LocalStack
from test_local_stack import sweep, wait_for
from test_main_job import wav
from training.synthetic import siren

DOCUMENT = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path, operation.get("security", [{}])[0].get("token", []))
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
GUARDED = [(method, path, scopes[0]) for method, path, scopes in OPERATIONS if scopes]
PLACES = {"clip_id": "0" * 32, "run": "never", "version": "v1"}


def upload(stack: LocalStack, content: bytes, **wishes: str) -> dict[str, Any]:
    """Upload through a ticket; returns the ticket."""
    status, ticket = stack.call("POST", "/uploads", wishes)
    assert status == 201, ticket
    form = {**ticket["fields"], "file": ("clip.wav", content, "audio/wav")}
    answer = urllib3.request("POST", ticket["url"], fields=form, timeout=120)
    assert answer.status in {200, 201, 204}, answer.data
    return ticket


def result(stack: LocalStack, ticket: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
    """What appears where the ticket says."""

    def found() -> dict[str, Any] | None:
        status, content = stack.call("GET", ticket["result"])
        assert status in {200, 404}, content
        return content if status == 200 else None

    return wait_for(found, seconds)


@pytest.fixture(scope="module")
def siren_wav() -> bytes:
    return wav(siren(3.0))


@pytest.fixture(scope="module")
def expired(local_stack: LocalStack) -> str:
    """A token as the emulator's Cognito signs it, but of yesterday."""
    head, claims, _ = local_stack.token().split(".")  # Cognito makes its key for the first one
    pool = local_stack.outputs["UserPoolId"]
    (key_file,) = (local_stack.folder / "tmp").rglob(f"{pool}-access.pem")
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    content = json.loads(base64.urlsafe_b64decode(claims + "=="))
    content |= {"iat": content["iat"] - 86400, "exp": content["exp"] - 86400}
    claims = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    signature = key.sign(f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@pytest.fixture(scope="module")
def of_another_client(local_stack: LocalStack) -> str:
    """A valid token of the same user pool, for a client that is none of ours."""
    cognito = local_stack.client("cognito-idp")
    pool = local_stack.outputs["UserPoolId"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="stranger",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["earshot/predict", "earshot/read", "earshot/train"],
    )["UserPoolClient"]
    stranger = client["ClientId"], client["ClientSecret"]
    answer = urllib3.request(
        "POST",
        local_stack.outputs["TokenUrl"],
        headers={
            **urllib3.make_headers(basic_auth=":".join(stranger)),
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body="grant_type=client_credentials",
    )
    return str(answer.json()["access_token"])


class TestTokens:
    """Every route turns away who may not use it, whatever the request."""

    @pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
    def test_no_token(self, local_stack: LocalStack, method: str, path: str, scope: str) -> None:
        answer = local_stack.request(method, path.format(**PLACES), token=None)
        assert answer.status == 401

    @pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
    def test_expired(
        self, local_stack: LocalStack, expired: str, method: str, path: str, scope: str
    ) -> None:
        answer = local_stack.request(method, path.format(**PLACES), token=expired)
        assert answer.status == 401

    @pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
    def test_wrong_audience(
        self, local_stack: LocalStack, of_another_client: str, method: str, path: str, scope: str
    ) -> None:
        answer = local_stack.request(method, path.format(**PLACES), token=of_another_client)
        assert answer.status == 401

    @pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
    def test_missing_scope_and_right_scope(
        self, local_stack: LocalStack, method: str, path: str, scope: str
    ) -> None:
        needed = scope.removeprefix("earshot/")
        others = [other for other in ("predict", "read", "train", "admin") if other != needed]
        route = path.format(**PLACES)
        assert local_stack.request(method, route, token=local_stack.token(*others)).status == 403
        answer = local_stack.request(method, route, token=local_stack.token(needed))
        assert answer.status not in {401, 403, 500}

    def test_only_health_is_open(self, local_stack: LocalStack) -> None:
        open_routes = [(method, path) for method, path, scopes in OPERATIONS if not scopes]
        assert open_routes == [("GET", "/health")]
        answer = local_stack.request("GET", "/health", token=None)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})

    def test_an_unknown_route_needs_a_token_too(self, local_stack: LocalStack) -> None:
        assert local_stack.request("GET", "/nothing", token=None).status == 401

    def test_a_preflight_needs_none_and_names_only_our_page(self, local_stack: LocalStack) -> None:
        for origin, let_in in (("http://localhost:8501", True), ("https://evil.example", False)):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            answer = local_stack.request("OPTIONS", "/results", headers=headers, token=None)
            assert answer.status != 401
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is let_in
            assert "Access-Control-Allow-Credentials" not in answer.headers


class TestProblems:
    def problem(self, answer: urllib3.BaseHTTPResponse, status: int) -> dict[str, Any]:
        assert answer.status == status, answer.data
        assert answer.headers["Content-Type"] == "application/problem+json"
        content: dict[str, Any] = answer.json()
        assert content["status"] == status
        return content

    def test_unknown_route(self, local_stack: LocalStack) -> None:
        self.problem(local_stack.request("GET", "/nothing-here"), 404)

    @pytest.mark.parametrize(
        ("method", "route", "allowed"),
        [("GET", "/predict", "POST"), ("DELETE", "/results/" + "0" * 32, "GET")],
    )
    def test_unknown_method(
        self, local_stack: LocalStack, method: str, route: str, allowed: str
    ) -> None:
        answer = local_stack.request(method, route)
        self.problem(answer, 405)
        assert answer.headers["Allow"] == allowed

    @pytest.mark.parametrize(("route", "size"), [("/predict", 4_500_001), ("/uploads", 30_000)])
    def test_a_body_too_large_is_told_of_uploads(
        self, local_stack: LocalStack, route: str, size: int
    ) -> None:
        answer = local_stack.request("POST", route, b"x" * size, {"Content-Type": "audio/wav"})
        assert "POST /uploads" in self.problem(answer, 413)["detail"]

    @pytest.mark.parametrize("route", ["/predict", "/uploads"])
    def test_another_media_type(self, local_stack: LocalStack, route: str) -> None:
        answer = local_stack.request("POST", route, b"<a/>", {"Content-Type": "text/xml"})
        self.problem(answer, 415)

    def test_what_is_wrong_is_named(self, local_stack: LocalStack) -> None:
        answer = local_stack.request("GET", "/results?limit=0&from=yesterday")
        wrong = {one["where"] for one in self.problem(answer, 422)["errors"]}
        assert wrong == {"query.limit", "query.from"}

    def test_broken_json(self, local_stack: LocalStack) -> None:
        headers = {"Content-Type": "application/json"}
        self.problem(local_stack.request("POST", "/uploads", b'{"source":', headers), 400)


class TestService:
    def test_about_and_status(self, local_stack: LocalStack, siren_wav: bytes) -> None:
        status, about = local_stack.call("GET", "/")
        assert (status, about["name"]) == (200, "Earshot")
        heard = result(local_stack, upload(local_stack, siren_wav))
        status, report = local_stack.call("GET", "/status")
        assert status == 200
        assert report["model"]["version"] == "v1"
        assert report["queues"].keys() == {"uploads", "uploads_dead_letter"}
        assert report["last_result"]["timestamp"] >= heard["timestamp"]
        assert report["uptime_s"] > 0

    def test_the_document_is_served_as_it_is_committed(self, local_stack: LocalStack) -> None:
        assert local_stack.call("GET", "/openapi.json") == (200, DOCUMENT)

    def test_the_page_needs_nothing_from_elsewhere(self, local_stack: LocalStack) -> None:
        page = local_stack.request("GET", "/docs").data.decode()
        assert "SwaggerUIBundle" in page
        assert '"/results/{clip_id}/feedback"' in page
        assert "<script src" not in page
        assert "<link" not in page


class TestUploads:
    def test_the_result_appears_where_the_ticket_says(
        self, local_stack: LocalStack, siren_wav: bytes
    ) -> None:
        recorded_at = "2026-01-31T12:00:00+01:00"
        ticket = upload(local_stack, siren_wav, source="north gate", recorded_at=recorded_at)
        heard = result(local_stack, ticket)
        assert (heard["label"], heard["source"]) == ("siren", "north gate")
        assert heard["recorded_at"] == "2026-01-31T11:00:00.000Z"
        status, page = local_stack.call("GET", "/results?source=north%20gate")
        assert status == 200
        assert ticket["clip_id"] in {one["clip_id"] for one in page["results"]}

    def test_a_ticket_is_for_one_clip_and_its_first_result_stands(
        self, local_stack: LocalStack, siren_wav: bytes
    ) -> None:
        ticket = upload(local_stack, siren_wav)
        first = result(local_stack, ticket)
        form = {**ticket["fields"], "file": ("x.wav", b"not audio", "audio/wav")}
        urllib3.request("POST", ticket["url"], fields=form)
        time.sleep(2)
        assert result(local_stack, ticket) == first

    def test_a_ticket_is_for_its_own_key_and_size(self, local_stack: LocalStack) -> None:
        _, ticket = local_stack.call("POST", "/uploads", {})
        policy = json.loads(base64.b64decode(ticket["fields"]["policy"]))
        assert ["content-length-range", 1, 100_000_000] in policy["conditions"]
        for change in ({"key": "incoming/elsewhere.wav"}, {"Content-Type": "text/html"}):
            form = {**ticket["fields"], **change, "file": ("x.wav", b"x", "audio/wav")}
            assert urllib3.request("POST", ticket["url"], fields=form).status == 403
        empty = {**ticket["fields"], "file": ("x.wav", b"", "audio/wav")}
        assert urllib3.request("POST", ticket["url"], fields=empty).status == 400

    def test_90_megabytes_become_a_result(self, local_stack: LocalStack) -> None:
        import numpy as np

        seconds = 90_000_000 // 32_000  # 16 kHz, 16 bits
        samples = np.zeros(seconds * 16_000, np.float32)
        samples[1_000_000:][: 16_000 * 6] = siren(6.0)
        content = wav(samples)
        assert len(content) > 89_000_000
        heard = result(local_stack, upload(local_stack, content, source="archive"), seconds=280)
        assert heard["status"] == "classified"
        assert heard["duration_s"] == pytest.approx(seconds)


class TestResults:
    def test_pages_hold_every_result_once_though_more_arrive(self, local_stack: LocalStack) -> None:
        def post() -> str:
            headers = {"Content-Type": "audio/wav"}
            answer = local_stack.request("POST", "/predict?source=pages", sweep(), headers)
            return str(answer.json()["clip_id"])

        expected = [post() for _ in range(5)]
        seen: list[str] = []
        cursor, pages = "", 0
        while True:
            route = "/results?source=pages&limit=2" + (f"&cursor={cursor}" if cursor else "")
            status, page = local_stack.call("GET", route)
            assert status == 200
            assert len(page["results"]) <= 2
            seen += [one["clip_id"] for one in page["results"]]
            pages += 1
            post()
            if not (cursor := page["next_cursor"]):
                break
        assert seen == expected[::-1]
        assert pages >= 3

    def test_filters(self, local_stack: LocalStack, siren_wav: bytes, tmp_path: Path) -> None:
        siren_id = result(local_stack, upload(local_stack, siren_wav, source="f"))["clip_id"]
        broken = result(local_stack, upload(local_stack, b"text", source="f"))["clip_id"]

        def ids(query: str) -> set[str]:
            status, page = local_stack.call("GET", f"/results?{query}")
            assert status == 200
            return {one["clip_id"] for one in page["results"]}

        assert ids("source=f") == {siren_id, broken}
        assert ids("source=f&label=siren") == {siren_id}
        assert ids("source=f&min_confidence=0.5") == {siren_id}
        assert ids("source=f&min_confidence=5e-324") == {siren_id}, "DynamoDB takes no such number"
        assert ids("source=f&to=2020-01-01T00:00:00Z") == set()
        assert ids("source=f&from=2020-01-01T00:00:00Z") == {siren_id, broken}
        assert siren_id in ids("label=siren&limit=200")
        assert {siren_id, broken} <= ids("limit=200")

    def test_an_unknown_clip(self, local_stack: LocalStack) -> None:
        status, problem = local_stack.call("GET", "/results/" + "0" * 32)
        assert (status, problem["title"]) == (404, "Not Found")


class TestFeedback:
    def keys(self, stack: LocalStack, clip_id: str) -> list[str]:
        listing = stack.client("s3").list_objects_v2(
            Bucket=stack.outputs["UploadsBucketName"], Prefix="training/"
        )
        keys = [item["Key"] for item in listing.get("Contents", [])]
        return [key for key in keys if clip_id in key]

    def test_a_correction_becomes_training_data_and_history_is_kept(
        self, local_stack: LocalStack, siren_wav: bytes
    ) -> None:
        ticket = upload(local_stack, siren_wav)
        clip_id = result(local_stack, ticket)["clip_id"]
        route = ticket["result"] + "/feedback"

        status, corrected = local_stack.call("POST", route, {"label": "explosion"})
        assert status == 200
        assert corrected["training_key"] == f"training/explosion/corrections/{clip_id}.wav"
        assert self.keys(local_stack, clip_id) == [corrected["training_key"]]
        copy = local_stack.client("s3").get_object(
            Bucket=local_stack.outputs["UploadsBucketName"], Key=corrected["training_key"]
        )
        assert copy["Body"].read() == siren_wav

        assert local_stack.call("POST", route, {"label": "explosion"}) == (200, corrected)

        status, confirmed = local_stack.call("POST", route, {"label": "siren", "comment": "sorry"})
        assert [said["verdict"] for said in confirmed["feedback"]] == ["corrected", "confirmed"]
        assert self.keys(local_stack, clip_id) == [f"training/siren/corrections/{clip_id}.wav"]
        _, kept = local_stack.call("GET", ticket["result"])
        assert (kept["label"], kept["verified_label"]) == ("siren", "siren")
        assert kept["feedback"] == confirmed["feedback"]

    def test_a_posted_clip_is_not_kept_and_a_rejected_one_has_nothing_to_correct(
        self, local_stack: LocalStack, siren_wav: bytes
    ) -> None:
        headers = {"Content-Type": "audio/wav"}
        posted = local_stack.request("POST", "/predict", siren_wav, headers).json()
        route = f"/results/{posted['clip_id']}/feedback"
        status, answer = local_stack.call("POST", route, {"label": "siren"})
        assert (status, answer["training_key"]) == (200, None)
        ticket = upload(local_stack, b"text")
        result(local_stack, ticket)
        status, _ = local_stack.call("POST", ticket["result"] + "/feedback", {"label": "siren"})
        assert status == 409

    def test_feedback_to_nothing(self, local_stack: LocalStack) -> None:
        route = "/results/" + "0" * 32 + "/feedback"
        assert local_stack.call("POST", route, {"label": "siren"})[0] == 404
        assert local_stack.call("POST", route, {"label": "dog"})[0] == 422


class TestCommandLine:
    """The command `earshot`, as a user runs it."""

    def run(self, stack: LocalStack, *arguments: object) -> Any:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "EARSHOT_API_URL": stack.outputs["ApiUrl"],
            "EARSHOT_TOKEN": stack.token(),
        }
        done = subprocess.run(
            [sys.executable, "-m", "earshot.cli", *map(str, arguments), "--json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_a_folder_is_uploaded_found_and_corrected(
        self, local_stack: LocalStack, siren_wav: bytes, tmp_path: Path
    ) -> None:
        for n in range(3):
            (tmp_path / f"{n}.wav").write_bytes(siren_wav)
        uploaded = self.run(local_stack, "upload", tmp_path, "--source", "cli")
        assert [one["label"] for one in uploaded] == ["siren"] * 3
        found = self.run(local_stack, "results", "--source", "cli", "--since", "1h")
        assert {one["clip_id"] for one in found} == {one["clip_id"] for one in uploaded}
        clip_id = found[0]["clip_id"]
        answer = self.run(local_stack, "feedback", clip_id, "casual", "--comment", "a test")
        assert answer["verified_label"] == "casual"
        (posted,) = self.run(local_stack, "predict", tmp_path / "0.wav", "--source", "cli")
        assert posted["label"] == "siren"
        assert self.run(local_stack, "status")["model"]["version"] == "v1"

    def test_classify_needs_no_stack(
        self, local_stack: LocalStack, siren_wav: bytes, tmp_path: Path
    ) -> None:
        (tmp_path / "a.wav").write_bytes(siren_wav)
        (tmp_path / "b.wav").write_bytes(b"text")
        heard, broken = self.run(local_stack, "classify", tmp_path / "a.wav", tmp_path / "b.wav")
        assert (heard["label"], broken["status"]) == ("siren", "rejected")
