"""Counts and states of results, against moto's DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from earshot.labels import Label
from earshot.results import summary
from earshot.results.query import ResultQuery, TimeOf
from earshot.results.result import Feedback
from earshot.results.states import State
from earshot.results.summary import ResultCounts, bucket_length
from earshot.results.table import ResultsTable
from tests.unit.moto_clients import moto_client
from tests.unit.results.moto_results import everything, save
from tests.unit.sample_results import NOON, rejected

HOUR = timedelta(hours=1)
SPAN = ResultQuery(start=NOON, end=NOON + 3 * HOUR)


@pytest.fixture
def counts(table: ResultsTable) -> ResultCounts:
    return ResultCounts(moto_client("dynamodb"), "results")


def rows(found: summary.Summary) -> list[tuple[float, str, str | None, int]]:
    """Minutes after noon, source, label and number of each count."""
    return [
        ((one.start - NOON) / timedelta(minutes=1), one.source, one.label, one.results)
        for one in found.counts
    ]


def test_results_are_counted_by_time_source_and_label(table, counts):
    for minute, source in ((0, "gate"), (59, "gate"), (60, "gate"), (61, "yard"), (200, "yard")):
        save(table, minute, source=source)
    save(table, 62, label=Label.CASUAL)
    table.save(rejected("f" * 32, timestamp=NOON + HOUR))
    found = counts.summary(SPAN, HOUR)
    assert rows(found) == [
        (0, "gate", "siren", 2),
        (60, "gate", None, 1),
        (60, "gate", "casual", 1),
        (60, "gate", "siren", 1),
        (60, "yard", "siren", 1),
    ]
    assert found.end is None


def test_a_clip_counts_and_is_listed_by_when_it_was_recorded(table, counts):
    within = save(table, 130, recorded_at=NOON)
    save(table, 131, recorded_at=NOON - HOUR)  # belongs to the span before
    late = save(table, 60 * 24 * 3, recorded_at=NOON + HOUR)
    save(table, 190, recorded_at=NOON + 3 * HOUR)  # to the one after, though so little later
    save(table, 191)
    too_late = save(table, 60 * 24 * 4, recorded_at=NOON + HOUR)
    ahead = save(table, 132, recorded_at=NOON + 9 * HOUR)  # by a clock that is wrong
    long_ago = save(table, 133, recorded_at=NOON - 4 * 24 * HOUR)
    assert rows(counts.summary(SPAN, HOUR)) == [
        (0, "gate", "siren", 1), (60, "gate", "siren", 1), (120, "gate", "siren", 2)
    ]  # fmt: skip
    expected = [late, long_ago, ahead, within]
    assert everything(table, SPAN, 2) == expected
    assert everything(table, replace(SPAN, source="gate"), 3) == expected
    day_4 = ResultQuery(start=NOON + 4 * 24 * HOUR)
    assert everything(table, day_4, 5) == [too_late]


def test_a_query_may_be_about_the_time_of_the_classification(table, counts):
    save(table, 60 * 24, recorded_at=NOON + HOUR)
    before = save(table, 1, recorded_at=NOON - HOUR)
    query = replace(SPAN, by=TimeOf.CLASSIFIED)
    assert everything(table, query, 5) == [before]
    assert rows(counts.summary(query, HOUR)) == [(0, "gate", "siren", 1)]


def test_the_end_of_all_times_is_an_end_too(table):
    recent = save(table, 1)
    end = datetime.max.replace(tzinfo=UTC)
    assert everything(table, ResultQuery(start=NOON, end=end), 5) == [recent]


def test_states_are_counted_and_filter(table, counts):
    alerted, uncertain, corrected = (
        save(table, 0), save(table, 1, uncertain=True), save(table, 2, label=Label.SIREN)
    )  # fmt: skip
    table.record_alert(alerted, NOON)
    table.add_feedback(corrected, Feedback(Label.CASUAL, False, "", "ann", NOON), 0)
    table.save(rejected("f" * 32, timestamp=NOON))
    (_, count) = counts.summary(SPAN, HOUR).counts
    assert dict(count.states) == {
        State.ALERTED: 1, State.UNCERTAIN: 1, State.REVIEWED: 1, State.CORRECTED: 1
    }  # fmt: skip
    casual = save(table, 3, label=Label.CASUAL)
    wanted = {
        (State.ALERTED,): [alerted],
        (State.UNCERTAIN,): [uncertain],
        (State.CORRECTED,): [corrected],
        (State.REVIEWED,): [corrected],
        (State.UNREVIEWED,): [casual, uncertain, alerted],
        (State.THREAT, State.UNREVIEWED): [uncertain, alerted],
        (State.THREAT,): [corrected, uncertain, alerted],
        (State.REJECTED,): ["f" * 32],
        (State.ALERTED, State.UNCERTAIN): [],
        (State.MUTED,): [],
    }
    for states, ids in wanted.items():
        query = replace(SPAN, states=frozenset(states))
        assert [one.clip_id for one in table.find(query, 9).results] == ids, states
        assert sum(one.results for one in counts.summary(query).counts) == len(ids), states
        of_source = replace(query, source="gate", label=Label.SIREN)
        expected = [one for one in ids if one not in {casual, "f" * 32}]
        assert [one.clip_id for one in table.find(of_source, 9).results] == expected, states


def test_withdrawn_feedback_leaves_the_row_as_it_was(table):
    clip_id = save(table, 0)
    before = table.get(clip_id)
    first = Feedback(Label.CASUAL, False, "", "ann", NOON)
    second = replace(first, label=Label.SIREN, confirmed=True)
    table.add_feedback(clip_id, first, 0)
    table.add_feedback(clip_id, second, 1)
    assert not table.remove_last_feedback(clip_id, [first])
    assert table.remove_last_feedback(clip_id, [first, second])
    assert table.get(clip_id).verified_label == "casual"
    assert table.remove_last_feedback(clip_id, [first])
    assert table.get(clip_id) == before


def test_what_is_too_much_for_one_answer_goes_on_from_its_end(table, counts, monkeypatch):
    for minute in range(30):
        save(table, minute)
    monkeypatch.setattr(summary, "MAX_READS", 1)
    # A read of DynamoDB ends after 1 MB; this one ends sooner.
    query = counts._dynamodb.query
    monkeypatch.setattr(counts._dynamodb, "query", lambda **request: query(**request, Limit=7))
    total, after, answers = 0, None, 0
    while after is not None or not answers:
        found = counts.summary(SPAN, HOUR, after)
        total += sum(one.results for one in found.counts)
        after, answers = found.end, answers + 1
    assert (total, answers) == (30, 5)


@pytest.mark.parametrize(
    ("span", "bucket"),
    [
        (HOUR, timedelta(minutes=1)),
        (10 * HOUR, timedelta(minutes=10)),
        (24 * HOUR, timedelta(minutes=30)),
        (timedelta(days=30), timedelta(days=1)),
        (timedelta(days=90_000), timedelta(days=365)),
    ],
)
def test_a_span_has_few_enough_stretches_of_a_usual_length(span, bucket):
    later = NOON + timedelta(days=9)
    assert bucket_length(ResultQuery(start=NOON - span, end=NOON), later) == bucket
    assert bucket_length(ResultQuery(start=NOON - span), NOON) == bucket
    assert bucket_length(ResultQuery(end=NOON), NOON) == timedelta(days=1)
