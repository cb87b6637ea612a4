"""The table of sources against moto: each method changes its own part of a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from moto import mock_aws

from earshot.errors import UnavailableError
from earshot.labels import Label
from earshot.sources.settings import SourceSettings
from earshot.sources.source import Heartbeat
from earshot.sources.table import SourcesTable
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON

SETTINGS = SourceSettings(place="by the lake", min_confidence={Label.SIREN: 0.75})
BEAT = Heartbeat(NOON, segments=7, level_dbfs=-41.5, microphone="clipped", waiting=2, dropped=1)


@pytest.fixture
def table() -> Iterator[SourcesTable]:
    with mock_aws():
        moto_client("dynamodb").create_table(
            TableName="sources",
            KeySchema=[{"AttributeName": "source", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "source", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield SourcesTable(moto_client("dynamodb"), "sources")


def test_a_source_makes_itself_by_its_first_segment(table):
    assert table.get("gate") is None
    table.seen("gate", NOON, None)
    table.seen("gate", NOON + timedelta(minutes=1), 61.0)
    source = table.get("gate")
    assert (source.first_seen, source.last_segment) == (NOON, NOON + timedelta(minutes=1))
    assert (source.settings, source.clock_off_s) == (SourceSettings(), 61.0)


def test_settings_and_what_is_known_leave_each_other_alone(table):
    table.seen("gate", NOON, None)
    assert table.set("gate", SETTINGS).settings == SETTINGS
    table.beat("gate", BEAT, NOON)
    table.seen("gate", NOON + timedelta(minutes=1), 0.0)
    source = table.get("gate")
    assert source.settings == SETTINGS
    assert (source.level_dbfs, source.usual_level_dbfs) == (-41.5, None), "it is clipped"
    assert (source.microphone, source.waiting, source.dropped) == ("clipped", 2, 1)
    assert table.set("gate", SourceSettings()).last_heartbeat == NOON
    assert [one.source for one in table.all()] == ["gate"]


def test_a_heartbeat_without_segments_is_no_segment(table):
    table.beat("gate", BEAT, NOON)
    later = NOON + timedelta(minutes=3)
    source = table.beat("gate", replace(BEAT, sent_at=later, segments=0), later)
    assert (source.last_segment, source.last_heartbeat) == (NOON, later)


def test_a_heartbeat_of_another_time_shows_a_wrong_clock(table):
    source = table.beat("gate", replace(BEAT, sent_at=NOON - timedelta(hours=1)), NOON)
    assert source.clock_off_s == -3600
    assert table.beat("gate", BEAT, NOON + timedelta(seconds=59)).clock_off_s == 0


def test_faults_are_reported_by_one_alone(table):
    table.seen("gate", NOON, None)
    source = table.get("gate")
    assert table.note_faults(source, {"silent": "since noon"})
    assert not table.note_faults(source, {"silent": "since noon"})
    again = table.get("gate")
    assert again.faults == {"silent": "since noon"}
    assert table.note_faults(again, {})
    assert table.get("gate").faults == {}


def test_a_source_can_be_forgotten(table):
    table.seen("gate", NOON, None)
    assert table.delete("gate")
    assert not table.delete("gate")


def test_failures_are_transient():
    with mock_aws(), pytest.raises(UnavailableError, match="sources"):
        SourcesTable(moto_client("dynamodb"), "missing").all()
