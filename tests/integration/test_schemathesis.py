"""schemathesis drives every operation of the committed document against the local stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from earshot.query import Position, to_cursor
from earshot.uploads import format_time
from local.settings import REPOSITORY
from stack import LocalStack
from test_local_stack import sweep

MAX_EXAMPLES = 25

# What a schema cannot say: which bytes are a recording, and which text is a cursor.
schemathesis.openapi.format("wav", st.just(sweep()))
schemathesis.openapi.media_type("audio/wav", st.just(sweep()))
schemathesis.openapi.format(
    "cursor",
    st.builds(
        lambda time, clip_id: to_cursor(Position(format_time(time), clip_id)),
        st.datetimes(),
        st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    ),
)


schema = schemathesis.openapi.from_dict(
    json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
)


@schema.auth()
class Token:
    """A token of the stack that the tests run against."""

    current = ""

    def get(self, case: schemathesis.Case, context: Any) -> str:
        return Token.current

    def set(self, case: schemathesis.Case, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@pytest.fixture(scope="module")
def api_url(local_stack: LocalStack) -> str:
    Token.current = local_stack.token()
    return str(local_stack.outputs["ApiUrl"])


@schema.parametrize()
@settings(max_examples=MAX_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_operation_keeps_what_the_document_promises(
    case: schemathesis.Case, api_url: str
) -> None:
    case.call_and_validate(base_url=api_url)
