"""classify is asked which model it serves."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from earshot.errors import UnavailableError
from earshot.operations.classify_function import WHAT_SERVES, ClassifyFunction

SERVING = {"version": "v2", "manifest_sha256": "0", "yamnet_sha256": "1", "refusal": None}


@pytest.fixture
def stub() -> Any:
    with Stubber(boto3.client("lambda", region_name="eu-central-1")) as stub:
        yield stub


def answer(content: Any, **members: str) -> dict[str, Any]:
    body = json.dumps(content).encode()
    return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **members}


def test_its_answer_is_handed_on(stub):
    asked = {"FunctionName": "classify:live", "Payload": json.dumps(WHAT_SERVES).encode()}
    stub.add_response("invoke", answer(SERVING), asked)
    assert ClassifyFunction(lambda: stub.client, "classify:live").serving() == SERVING


def test_a_failure_and_a_refusal_of_lambda_are_no_answer(stub):
    classify = ClassifyFunction(lambda: stub.client, "classify:live")
    stub.add_response("invoke", answer({"errorMessage": "no model"}, FunctionError="Unhandled"))
    with pytest.raises(UnavailableError, match="no model"):
        classify.serving()
    stub.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
    with pytest.raises(UnavailableError):
        classify.serving()
