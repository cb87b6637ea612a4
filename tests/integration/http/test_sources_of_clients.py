"""A device that is bound to its sources, on a stack that asks for tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from local.token import issue
from tests.stack import LocalStack


@pytest.fixture
def device(local_stack: LocalStack) -> Callable[..., tuple[int, Any]]:
    """Calls the API with the token of the template's device client."""
    outputs = local_stack.outputs
    token = issue(
        outputs["endpoint"], outputs["UserPoolId"], outputs["DeviceClientId"], ["predict"]
    )

    def call(method: str, route: str, body: bytes, kind: str, **more: str) -> tuple[int, Any]:
        headers = {"Content-Type": kind, **more}
        answer = local_stack.request(method, route, body, headers, token=token)
        return answer.status, answer.json()

    return call


def test_a_device_sends_clips_of_its_sources_until_it_is_revoked(
    local_stack: LocalStack, device: Any, siren_wav: bytes
) -> None:
    client = local_stack.outputs["DeviceClientId"]
    ticket = json.dumps({"source": "north gate"}).encode()
    status, problem = device("POST", "/uploads", ticket, "application/json")
    assert (status, "bound to no source" in problem["detail"]) == (403, True)

    status, bound = local_stack.call("PUT", f"/clients/{client}", {"sources": ["north gate"]})
    assert (status, bound["sources"]) == (200, ["north gate"])
    assert bound in local_stack.call("GET", "/clients")[1]["clients"]
    status, issued = device("POST", "/uploads", ticket, "application/json")
    assert (status, issued["fields"]["key"].split("/")[1]) == (201, "north gate")
    status, result = device("POST", "/predict", siren_wav, "audio/wav")
    assert (status, result["source"]) == (200, "north gate")

    other = json.dumps({"source": "harbor"}).encode()
    status, problem = device("POST", "/uploads", other, "application/json")
    assert (status, problem["status"]) == (403, 403)
    status, problem = device("POST", "/predict?source=harbor", siren_wav, "audio/wav")
    assert status == 403
    assert problem["detail"] == f"The client {client} is bound to north gate, not to harbor."

    assert local_stack.call("DELETE", f"/clients/{client}")[0] == 200
    assert device("POST", "/predict", siren_wav, "audio/wav")[0] == 403
    assert device("POST", "/uploads", ticket, "application/json")[0] == 403


def test_the_ticket_of_a_source_takes_no_other(
    local_stack: LocalStack, device: Any, siren_wav: bytes
) -> None:
    client = local_stack.outputs["DeviceClientId"]
    local_stack.call("PUT", f"/clients/{client}", {"sources": ["north gate"]})
    _, issued = device("POST", "/uploads", b"{}", "application/json")
    local_stack.call("DELETE", f"/clients/{client}")
    fields = issued["fields"] | {"x-amz-meta-source": "harbor"}
    body, kind = urllib3.encode_multipart_formdata({**fields, "file": ("a.wav", siren_wav)})
    answer = urllib3.request("POST", issued["url"], body=body, headers={"Content-Type": kind})
    assert answer.status == 403, "S3 takes no field that the ticket does not name"


def test_an_idempotency_key_answers_with_the_clients_own_result(
    local_stack: LocalStack, device: Any, siren_wav: bytes
) -> None:
    client = local_stack.outputs["DeviceClientId"]
    local_stack.call("PUT", f"/clients/{client}", {"sources": ["north gate"]})
    key = {"Idempotency-Key": "1"}
    headers = {"Content-Type": "audio/wav", **key}
    theirs = local_stack.request("POST", "/predict?source=harbor", siren_wav, headers).json()
    said = {"label": "casual", "comment": "a secret"}
    assert local_stack.call("POST", f"/results/{theirs['clip_id']}/feedback", said)[0] == 200
    again = local_stack.request("POST", "/predict?source=harbor", siren_wav, headers).json()
    assert again == theirs, "feedback is for those who may read"
    _, ours = device("POST", "/predict", siren_wav, "audio/wav", **key)
    assert ours["clip_id"] != theirs["clip_id"]
    assert ours["source"] == "north gate"
    local_stack.call("DELETE", f"/clients/{client}")
