"""Which client may send clips of which source, against moto's DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from earshot.access.bindings import ClientBindings
from earshot.access.sources import Binding, SourcePolicy
from earshot.errors import ForbiddenError, UnavailableError
from tests.unit.sample_results import NOON

GATE = Binding("c1", ("north gate",), "ann", NOON)


@pytest.fixture
def bindings() -> Iterator[ClientBindings]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="clients",
            KeySchema=[{"AttributeName": "client_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "client_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield ClientBindings(client, "clients")


def test_bindings_are_kept_replaced_listed_and_removed(bindings):
    assert bindings.get("c1") is None
    bindings.put(replace(GATE, sources=("yard",)))
    bindings.put(GATE)
    bindings.put(replace(GATE, client_id="c0"))
    assert bindings.get("c1") == GATE
    assert [binding.client_id for binding in bindings.all()] == ["c0", "c1"]
    assert bindings.delete("c1")
    assert not bindings.delete("c1")
    assert bindings.get("c1") is None


def test_a_device_may_send_clips_of_its_sources_alone(bindings):
    policy = SourcePolicy(bindings, ["service"])
    with pytest.raises(ForbiddenError, match="c1 is bound to no source"):
        policy.source("c1", "north gate")
    bindings.put(GATE)
    assert policy.source("c1", "north gate") == "north gate"
    assert policy.source("c1", None) == "north gate"
    with pytest.raises(ForbiddenError, match="bound to north gate, not to south gate"):
        policy.source("c1", "south gate")
    bindings.delete("c1")
    with pytest.raises(ForbiddenError):
        policy.source("c1", "north gate")


def test_a_device_with_two_sources_has_to_name_one(bindings):
    bindings.put(replace(GATE, sources=("a", "b")))
    policy = SourcePolicy(bindings, [])
    assert policy.source("c1", "b") == "b"
    with pytest.raises(ForbiddenError, match="bound to a, b, and the request names none"):
        policy.source("c1", None)


def test_a_source_is_the_same_however_it_is_typed(bindings):
    bindings.put(replace(GATE, sources=("caf\u00e9",)))
    assert SourcePolicy(bindings, []).source("c1", " cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize("client_id", ["service", ""])
def test_services_and_local_stacks_without_tokens_name_any_source(bindings, client_id):
    policy = SourcePolicy(bindings, ["service", ""])
    assert policy.source(client_id, "anything") == "anything"
    assert policy.source(client_id, None) is None


def test_a_table_that_fails_lets_nobody_in() -> None:
    class Broken:
        def get_item(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

    broken: Any = Broken()
    with pytest.raises(UnavailableError):
        SourcePolicy(ClientBindings(broken, "clients"), []).source("c1", "north gate")
