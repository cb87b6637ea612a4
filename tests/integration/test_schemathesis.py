"""schemathesis drives every operation of the committed document against the local stack."""

from __future__ import annotations

import json

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


@pytest.fixture(scope="module")
def token(local_stack: LocalStack) -> str:
    return local_stack.token()


@schema.parametrize()
@settings(
    max_examples=MAX_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_operation_keeps_what_the_document_promises(
    case: schemathesis.Case, local_stack: LocalStack, token: str
) -> None:
    case.call_and_validate(
        base_url=local_stack.outputs["ApiUrl"], headers={"Authorization": f"Bearer {token}"}
    )
