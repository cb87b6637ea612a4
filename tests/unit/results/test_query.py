"""Questions to the results, against moto's DynamoDB."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import BadRequestError
from earshot.events import Event
from earshot.labels import Label
from earshot.results import table as results_table
from earshot.results.query import (
    CURSOR_PATTERN,
    Position,
    ResultQuery,
    from_cursor,
    to_cursor,
)
from earshot.results.result import AudioSetClass
from earshot.results.table import ResultsTable
from tests.unit.moto_clients import moto_client
from tests.unit.results.moto_results import everything, ids, save
from tests.unit.sample_results import NOON, classified, rejected


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    "query",
    [
        ResultQuery(),
        ResultQuery(label=Label.SIREN),
        ResultQuery(source="gate"),
        ResultQuery(source="gate", label=Label.SIREN, min_confidence=0.5),
    ],
)
def test_pages_hold_each_match_once_newest_first_whatever_their_size(table, query, limit):
    matching = []
    for n in range(14):
        gate, sure, siren = n % 2 == 0, n % 3 > 0, n % 5 > 0
        clip_id = save(
            table,
            n,
            source="gate" if gate else "yard",
            confidence=0.9 if sure else 0.1,
            label=Label.SIREN if siren else Label.CASUAL,
        )
        if (
            (gate or query.source is None)
            and (siren or query.label is None)
            and (sure or query.min_confidence is None)
        ):
            matching.append(clip_id)
    assert everything(table, query, limit) == matching[::-1]


def test_a_row_that_cannot_be_read_keeps_no_other_from_being_listed(table):
    clip_ids = [save(table, n) for n in range(3)]
    table._dynamodb.update_item(
        TableName="results",
        Key={"clip_id": {"S": clip_ids[1]}},
        UpdateExpression="SET class_id = :new, #label = :new",
        ExpressionAttributeNames={"#label": "label"},
        ExpressionAttributeValues={":new": {"S": "glass"}},
    )
    assert everything(table, ResultQuery(), 1) == [clip_ids[2], clip_ids[0]]
    with pytest.raises(ValueError, match="glass"):  # who erases must not pass over it
        table.find(ResultQuery(), 10, strict=True)


def test_a_rare_match_is_found_behind_many_others_page_by_page(table, monkeypatch):
    monkeypatch.setattr(results_table, "_ROWS_A_READ", 5)
    monkeypatch.setattr(results_table, "_MAX_READS", 2)
    rare = save(table, 0, confidence=0.99)
    for n in range(1, 31):
        save(table, n, confidence=0.2)
    query = ResultQuery(min_confidence=0.9)
    first = table.find(query, 10)
    assert ids(first) == [], "a page reads no more than it may"
    assert first.end is not None
    assert everything(table, query, 10) == [rare]


def test_what_arrives_between_pages_neither_repeats_nor_hides(table):
    old = [save(table, n) for n in range(6)]
    first = table.find(ResultQuery(), 3)
    for n in range(6, 12):
        save(table, n)
    assert ids(first) + ids(table.find(ResultQuery(), 3, first.end)) == old[::-1]


def test_times_include_the_start_and_exclude_the_end(table):
    clip_ids = [save(table, n) for n in range(5)]

    def between(start: int | None, end: int | None) -> list[str]:
        def time(n: int | None) -> datetime | None:
            return None if n is None else NOON + timedelta(minutes=n)

        return everything(table, ResultQuery(start=time(start), end=time(end)), 100)[::-1]

    assert between(1, 3) == clip_ids[1:3]
    assert between(3, None) == clip_ids[3:]
    assert between(None, 2) == clip_ids[:2]
    assert between(3, 3) == between(3, 1) == []


@pytest.mark.parametrize("query", [ResultQuery(), ResultQuery(label=Label.CASUAL)])
@pytest.mark.parametrize(("limit", "buckets"), [(1, 2), (3, 1), (3, 5), (50, 2)])
def test_buckets_are_merged_in_order_though_many_results_have_the_same_time(
    table, query, limit, buckets
):
    table = ResultsTable(moto_client("dynamodb"), "results", buckets=buckets)
    saved = []
    for n in range(40):
        label = list(Label)[n % 4]
        clip_id = hashlib.sha256(str(n).encode()).hexdigest()[:32]
        time = NOON + timedelta(seconds=n // 10)
        if n % 7 == 0:
            table.save(rejected(clip_id, timestamp=time))
        else:
            table.save(classified(clip_id, timestamp=time, label=label))
        if query.label is None or (label is query.label and n % 7):
            saved.append((time, clip_id))
    expected = [clip_id for _, clip_id in sorted(saved, reverse=True)]
    assert everything(table, query, limit) == expected


def test_more_buckets_than_before_find_earlier_results_too(table):
    early = [save(table, n) for n in range(8)]
    more = ResultsTable(moto_client("dynamodb"), "results", buckets=4)
    late = [save(more, n) for n in range(8, 16)]
    assert everything(more, ResultQuery(label=Label.SIREN), 5) == (early + late)[::-1]


def test_the_indexes_hold_less_than_one_write_unit_of_any_result(table):
    """A row of an index is charged for each KB of it, and has keys and what is projected."""
    events = tuple(Event(Label.GUNSHOT, n, n + 0.5, 0.9) for n in range(200))
    heard = tuple(AudioSetClass("Gunshot, gunfire " + str(n), 0.123) for n in range(5))
    clip_id = "a" * 32
    table.save(
        classified(clip_id, events=events, audioset_top5=heard, source="s" * 128, recorded_at=NOON)
    )
    table.record_alert(clip_id, NOON)
    table.record_mutes(clip_id, dict.fromkeys(Label, "b" * 32))
    client = moto_client("dynamodb")
    for index in ("label-time-index", "source-time-index", "alert-time-index"):
        (row,) = client.scan(TableName="results", IndexName=index)["Items"]
        assert len(json.dumps(row)) < 1024, index
        assert "events" not in row
        assert "heard" not in row


def test_what_was_erased_since_the_index_was_read_is_left_out(table, monkeypatch):
    kept, erased = save(table, 0), save(table, 1)
    whole = table._whole

    def without(clip_ids, **options):
        table.delete(erased)
        return whole(clip_ids, **options)

    monkeypatch.setattr(table, "_whole", without)
    assert ids(table.find(ResultQuery(), 10)) == [kept]


def test_rejected_clips_are_listed_but_match_no_label(table):
    table.save(rejected("0" * 32))
    assert everything(table, ResultQuery(), 10) == ["0" * 32]
    assert everything(table, ResultQuery(source="gate"), 10) == ["0" * 32]
    assert everything(table, ResultQuery(source="gate", min_confidence=0), 10) == []


@pytest.mark.parametrize("minutes", [-90, 90])
def test_a_position_outside_of_the_times_is_no_error(table, minutes):
    clip_id = save(table, 0)
    query = ResultQuery(start=NOON, end=NOON + timedelta(hours=1))
    position = Position(NOON + timedelta(minutes=minutes), clip_id)
    assert ids(table.find(query, 10, position)) == ([clip_id] if minutes > 0 else [])


@pytest.mark.parametrize("end", [datetime.min, datetime.max])
def test_the_ends_of_time_are_no_error(table, end):
    end = end.replace(tzinfo=UTC)
    table.find(ResultQuery(end=end), 1)
    table.find(ResultQuery(start=end), 1)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_alerts_are_listed_by_when_they_were_sent_page_by_page(table, limit):
    clips = [save(table, n) for n in range(6)]
    for minute, n in enumerate((3, 0, 4, 1)):
        table.record_alert(clips[n], NOON + timedelta(hours=1, minutes=minute))
    table.record_alert(clips[5], NOON + timedelta(hours=1))  # at the same time as another
    found: list[str] = []
    position: Position | None = None
    while True:
        page = table.find_alerted(limit, position)
        assert len(page.results) <= limit
        found += ids(page)
        if page.end is None:
            break
        position = from_cursor(to_cursor(page.end))
    assert found[:3] == [clips[1], clips[4], clips[0]]
    assert sorted(found[3:]) == [clips[3], clips[5]]


def test_an_alert_that_was_sent_again_is_recorded_once_with_its_first_time(table):
    clip_id = save(table, 1)
    table.record_alert(clip_id, NOON)
    table.record_alert(clip_id, NOON + timedelta(minutes=5))
    (alerted,) = table.find_alerted(10).results
    assert alerted == table.get(clip_id)
    assert alerted.alerted_at == NOON


def test_of_a_result_that_is_gone_no_alert_is_recorded(table):
    table.record_alert("f" * 32, NOON)
    assert table.get("f" * 32) is None
    assert ids(table.find_alerted(10)) == []


# Results are as old as Earshot at most; the pattern holds until the year 2286.
@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2286, 1, 1)),
    st.from_regex("[0-9a-f]{32}", fullmatch=True),
)
def test_a_cursor_means_what_it_was_made_from(time, clip_id):
    milliseconds = time.microsecond // 1000
    position = Position(time.replace(microsecond=milliseconds * 1000, tzinfo=UTC), clip_id)
    assert from_cursor(to_cursor(position)) == position


@given(st.from_regex(CURSOR_PATTERN, fullmatch=True))
def test_whatever_has_the_pattern_is_a_cursor(text):
    assert to_cursor(from_cursor(text)) == text


@given(st.text(min_size=1))
def test_anything_else_is_no_cursor(text):
    with pytest.raises(BadRequestError, match="cursor"):
        from_cursor(text)
