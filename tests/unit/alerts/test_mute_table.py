"""Mutes against moto's DynamoDB: who makes them, how they are listed, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from moto import mock_aws

from earshot.alerts.mute_table import MutesTable
from earshot.alerts.mutes import MAX_MUTES
from earshot.alerts.muting import MutingService
from earshot.errors import ConflictError, NotFoundError, UnavailableError
from earshot.labels import Label
from earshot.results.table import ResultsTable
from tests.unit.alerts.fakes import Clock
from tests.unit.alerts.test_mutes import KNOCK, embedding, mute, shot
from tests.unit.infrastructure.cloudformation import properties
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON, classified


class Muting:
    def __init__(self) -> None:
        dynamodb = moto_client("dynamodb")
        table = properties("MutesTable")
        dynamodb.create_table(
            TableName="mutes",
            **{
                name: table[name]
                for name in (
                    "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode"
                )
            },
        )  # fmt: skip
        dynamodb.create_table(
            TableName="results",
            KeySchema=[{"AttributeName": "clip_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "clip_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.clock = Clock()
        self.results = ResultsTable(dynamodb, "results")
        self.mutes = MutesTable(dynamodb, "mutes", self.clock)
        self.service = MutingService(self.results, self.mutes, timedelta(days=30), self.clock)

    def add(self, clip_id: str, source: str = "gate") -> None:
        self.results.save(replace(shot(embedding(KNOCK)), clip_id=clip_id, source=source))


@pytest.fixture
def muting() -> Iterator[Muting]:
    with mock_aws():
        yield Muting()


def test_a_mute_is_kept_with_the_embeddings_of_its_clip(muting):
    muting.add("c1")
    made = muting.service.mute("c1", "ann")
    assert muting.mutes.of_source("gate") == [made]
    assert made.embeddings == (embedding(KNOCK),)
    assert made.expires_at == NOON + timedelta(days=30)
    assert muting.mutes.of_source("yard") == []


def test_it_expires_whenever_dynamodb_deletes_it(muting):
    muting.add("c1")
    muting.service.mute("c1", "ann")
    muting.clock.now = NOON + timedelta(days=31)
    assert muting.mutes.of_source("gate") == []
    assert muting.mutes.find(None, 10) == ([], None)
    muting.service.mute("c1", "ann")
    assert len(muting.mutes.of_source("gate")) == 1


def test_pages_of_all_and_of_a_source(muting):
    for n in range(5):
        muting.clock.now = NOON + timedelta(hours=n)
        muting.add(f"{n:032x}", "gate" if n % 2 else "yard")
        muting.service.mute(f"{n:032x}", "ann")
    first, end = muting.mutes.find(None, 3)
    rest, last = muting.mutes.find(None, 3, end)
    assert [int(one.clip_id, 16) for one in (*first, *rest)] == [4, 3, 2, 1, 0]
    assert last is None
    of_gate, _ = muting.mutes.find("gate", 10)
    assert [int(one.clip_id, 16) for one in of_gate] == [3, 1]
    assert of_gate[0].labels == (Label.GUNSHOT,)


def test_the_oldest_of_too_many_would_be_passed_over_so_no_more_are_made(muting):
    for n in range(MAX_MUTES):
        muting.mutes.put(mute(embedding(KNOCK), clip_id=f"m{n}"))
    muting.add("c1")
    with pytest.raises(ConflictError, match="has 20 mutes"):
        muting.service.mute("c1", "ann")
    muting.add("c2", "yard")
    muting.service.mute("c2", "ann")
    assert muting.mutes.delete("m3")
    muting.service.mute("c1", "ann")
    muting.service.mute("c1", "ann")  # for longer


def test_a_clip_without_an_embedding_mutes_nothing(muting):
    muting.results.save(classified("c1", label=Label.CASUAL))
    with pytest.raises(ConflictError, match="without `mute_alike`"):
        muting.service.mute("c1", "ann")
    with pytest.raises(NotFoundError):
        muting.service.mute("c9", "ann")


def test_a_mute_is_deleted_alone_and_with_its_source(muting):
    for clip_id, source in (("c1", "gate"), ("c2", "gate"), ("c3", "gate"), ("c4", "yard")):
        muting.add(clip_id, source)
        muting.service.mute(clip_id, "ann")
    deleted = muting.mutes.delete("c1")
    assert (deleted.clip_id, deleted.source) == ("c1", "gate")
    assert muting.mutes.delete("c1") is None
    muting.mutes.delete_source("gate")
    assert [one.clip_id for one in muting.mutes.find(None, 10)[0]] == ["c4"]


def test_an_absent_table_is_not_available(muting):
    mutes = MutesTable(moto_client("dynamodb"), "absent", muting.clock)
    for call in (
        lambda: mutes.of_source("gate"),
        lambda: mutes.delete("c1"),
        lambda: mutes.put(mute(embedding(KNOCK))),
    ):
        with pytest.raises(UnavailableError):
            call()
