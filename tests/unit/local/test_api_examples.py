"""What the documents show of the HTTP API is of the shape that openapi.json says."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import jsonschema
import pytest

from local.api_examples import DOCUMENTS, Example, Shell, examples, rewritten
from local.settings import REPOSITORY, LocalStackError

OPENAPI = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
SHOWN = {document.name: examples(document.read_text()) for document in DOCUMENTS}
WITH_BODY = {"--json", "-F", "-d", "--data-binary"}


def operation(command: str) -> tuple[str, str] | None:
    """Route and method of a curl command; None if it calls none of the API's."""
    words = shlex.split(command)
    called = [word for word in words if word.startswith("$ApiUrl/")]
    if not called:
        return None
    path = called[0].removeprefix("$ApiUrl").partition("?")[0]
    for route, methods in OPENAPI["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path):
            method = "post" if WITH_BODY & set(words) else "get"
            if "-X" in words:
                method = words[words.index("-X") + 1].lower()
                return (route, method) if method in methods else None  # to show a 405
            assert method in methods, command
            return route, method
    return None


def schema_of(example: Example, answer: Any) -> dict[str, Any] | None:
    """Schema of an answer; without what it must hold, where jq shows a part of it.

    None for the gateway's own answers.
    """
    found = operation(example.command)
    if found is None or answer.keys() == {"message"}:
        return None
    route, method = found
    responses = OPENAPI["paths"][route][method]["responses"]
    is_problem = "title" in answer and "type" in answer
    status = str(answer["status"]) if is_problem else min(responses)
    media_type = "application/problem+json" if is_problem else "application/json"
    content = responses[status]["content"][media_type]
    schema = {**content["schema"], "components": OPENAPI["components"]}
    return without_required(schema) if "jq '" in example.command else schema


def without_required(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: without_required(value)
            for key, value in schema.items()
            if not (key == "required" and isinstance(value, list))
        }
    return [without_required(value) for value in schema] if isinstance(schema, list) else schema


def answers() -> list[Any]:
    return [
        pytest.param(example, id=f"{document} {example.command[-60:]}")
        for document, shown in SHOWN.items()
        for example in shown
        if example.output.startswith("{\n")
    ]


@pytest.mark.parametrize("example", answers())
def test_a_shown_answer_has_the_shape_that_the_api_document_says(example: Example):
    answer = json.loads(example.output)
    schema = schema_of(example, answer)
    if schema is not None:
        jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)


def test_an_answer_of_another_shape_would_be_noticed():
    example = next(one for one in SHOWN["api.md"] if one.command.endswith('/feedback"'))
    answer = json.loads(example.output)
    del answer["verified_label"]
    with pytest.raises(jsonschema.ValidationError, match="verified_label"):
        jsonschema.validate(answer, schema_of(example, answer))


def test_every_route_is_shown_with_what_it_answers():
    shown = {operation(one.command) for one in SHOWN["api.md"] if one.output}
    routes = {(route, method) for route, methods in OPENAPI["paths"].items() for method in methods}
    assert routes - shown == set()


def test_outputs_are_replaced_and_all_else_stays():
    document = "a\n<!-- run -->\n```console\n$ one |\n    two\nold\n$ three\n```\nb\n"
    new = rewritten(document, lambda command: f"<{command.split()[0]}>\n")
    assert new == (
        "a\n<!-- run -->\n```console\n$ one |\n    two\n<one>\n$ three\n<three>\n```\nb\n"
    )
    assert [one.output for one in examples(new)] == ["<one>\n", "<three>\n"]


def test_json_is_indented_with_long_values_cut_and_its_id_is_a_variable(tmp_path):
    shell = Shell(tmp_path, {"Long": "x" * 100})
    shown = shell.run('echo "{\\"clip_id\\": \\"abc\\", \\"policy\\": \\"$Long\\"}"')
    assert json.loads(shown) == {"clip_id": "abc", "policy": "x" * 24 + "…"}
    assert shell.run('echo "is $ClipId"') == "is abc\n"


@pytest.mark.parametrize("command", ["false | cat", "true"])
def test_a_command_that_fails_or_says_nothing_is_no_example(command: str, tmp_path):
    with pytest.raises(LocalStackError):
        Shell(tmp_path, {}).run(command)
