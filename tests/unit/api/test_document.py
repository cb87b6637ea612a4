"""The API's OpenAPI document."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

from earshot_api import app, describe, openapi
from tests.unit.api.calls import call, content

REPOSITORY = Path(__file__).parents[3]


class TestDocument:
    def test_the_committed_document_is_that_of_the_code(self):
        committed = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
        made = json.loads(json.dumps(describe.document(app.http)))
        assert committed == made, "run: make openapi"
        assert openapi.document() == made, "run: make openapi"

    def test_it_is_openapi_3_1(self):
        assert openapi.document()["openapi"].startswith("3.1")

    def test_every_error_is_a_problem_save_for_the_gateways_own(self):
        for operations in openapi.document()["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        kinds = {"application/problem+json"}
                        if status == "413":  # over 10 MB the gateway speaks up by itself
                            kinds.add("application/json")
                        if status in {"401", "403"} and operation.get("security"):
                            kinds.add("application/json")
                        if status == "429":
                            kinds = {"application/json"}
                        assert response["content"].keys() == kinds

    def test_it_is_served_and_so_is_its_page(self, services):
        assert content(call("GET", "/openapi.json")) == openapi.document()
        answer = call("GET", "/docs", headers={"accept-encoding": "gzip"})
        page = gzip.decompress(base64.b64decode(answer["body"])).decode()
        assert "SwaggerUIBundle" in page
        assert len(answer["body"]) < 6_000_000, "more is more than Lambda answers with"

    def test_a_stack_that_asks_for_no_token_serves_the_same(self, services):
        services.asks_for_tokens = False
        served = content(call("GET", "/openapi.json", authorizer=None))
        assert served == openapi.document()

    def test_links_lead_to_operations_that_are_there(self):
        operations = {
            operation["operationId"]: operation
            for operations in openapi.document()["paths"].values()
            for operation in operations.values()
        }
        for operation in operations.values():
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    known = {one["name"] for one in operations[link["operationId"]]["parameters"]}
                    assert link["parameters"].keys() <= known
