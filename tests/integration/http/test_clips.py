"""Clips by ticket, and their results in pages."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from tests.clips import sweep, wav
from tests.integration.http.tickets import post_form, result, upload
from tests.stack import LocalStack, queue_runs_empty
from training.data.demo_sounds import siren


class TestUploads:
    def test_the_result_appears_where_the_ticket_says(
        self, local_stack: LocalStack, siren_wav: bytes
    ) -> None:
        recorded_at = "2026-01-31T12:00:00+01:00"
        ticket = upload(local_stack, siren_wav, source="north gate", recorded_at=recorded_at)
        found = result(local_stack, ticket)
        assert (found["label"], found["source"]) == ("siren", "north gate")
        assert found["recorded_at"] == "2026-01-31T11:00:00.000Z"
        status, page = local_stack.call("GET", "/results?source=north%20gate")
        assert status == 200
        assert ticket["clip_id"] in {one["clip_id"] for one in page["results"]}

    def test_a_ticket_is_for_one_clip_and_its_first_result_stands(
        self, local_stack: LocalStack, siren_wav: bytes
    ) -> None:
        ticket = upload(local_stack, siren_wav)
        first = result(local_stack, ticket)
        form = {**ticket["fields"], "file": ("x.wav", b"not audio", "audio/wav")}
        post_form(ticket["url"], form)
        # The second upload has been worked on once a later one has its result and none waits.
        result(local_stack, upload(local_stack, siren_wav))
        assert queue_runs_empty(local_stack)
        again = result(local_stack, ticket)
        # The link to the clip is signed anew for each answer; the alert may come between them.
        for one in (first, again):
            assert one.pop("clip_url")
            one.pop("alerted_at", None)
        assert again == first

    def test_a_ticket_is_for_its_own_key_and_size(self, local_stack: LocalStack) -> None:
        _, ticket = local_stack.call("POST", "/uploads", {})
        policy = json.loads(base64.b64decode(ticket["fields"]["policy"]))
        assert ["content-length-range", 1, 100_000_000] in policy["conditions"]
        for change in ({"key": "incoming/elsewhere.wav"}, {"Content-Type": "text/html"}):
            form = {**ticket["fields"], **change, "file": ("x.wav", b"x", "audio/wav")}
            assert post_form(ticket["url"], form).status == 403
        empty = {**ticket["fields"], "file": ("x.wav", b"", "audio/wav")}
        assert post_form(ticket["url"], empty).status == 400

    def test_90_megabytes_become_a_result(self, local_stack: LocalStack) -> None:
        rate, seconds = 96_000, 90_000_000 // (96_000 * 2 * 2)  # stereo, 16 bits
        samples = np.zeros((seconds * rate, 2), np.float32)
        samples[1_000_000:][: 16_000 * 6] = siren(6.0)[:, None]
        content = wav(samples, rate=rate)
        assert len(content) > 89_000_000
        found = result(local_stack, upload(local_stack, content, source="archive"))
        assert found["status"] == "classified"
        assert found["duration_s"] == pytest.approx(seconds)


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

    def test_filters(self, local_stack: LocalStack, siren_wav: bytes) -> None:
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
