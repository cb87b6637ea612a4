"""What bounds results: events of hours of sound, and pages of large results."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.alerts.alert import alert_about, for_message
from earshot.events import Event, merge_closest
from earshot.labels import Label
from earshot.results import table as results_table
from earshot.results.item import from_item, to_item
from earshot.results.query import ResultQuery
from earshot.results.result import MAX_EVENTS, Feedback, Origin, classified
from earshot.results.serialization import from_json, to_json
from earshot.results.table import MAX_PAGE_CHARACTERS
from tests.unit.sample_results import NOON, classification
from tests.unit.sample_results import classified as sample

ITEM_BYTES = 400 * 2**10  # of DynamoDB
ANSWER_BYTES = 6_000_000  # of Lambda
ORIGIN = Origin("c1", "gate")
# Four hours with an event every 1.5 s, of labels in turn.
THREATS = (Label.GUNSHOT, Label.EXPLOSION, Label.SIREN)
HOURS = tuple(Event(THREATS[n % 3], n * 1.5, n * 1.5 + 0.96, 0.9123) for n in range(9600))


def test_four_hours_with_an_event_every_second_and_a_half_can_be_stored():
    result = classified(ORIGIN, classification(events=HOURS, duration_s=14400.0), NOON)
    item = to_item(result, timedelta(days=1))
    assert len(json.dumps(item)) < ITEM_BYTES / 5
    assert from_item(item) == from_json(to_json(result)) == result
    found = result.classification
    assert found
    assert (len(found.events), found.event_count) == (MAX_EVENTS, 9600)
    assert (found.events[0].start_s, max(e.end_s for e in found.events)) == (0.0, HOURS[-1].end_s)
    message = for_message(alert_about(result, found, NOON))
    assert (len(message.events), message.event_count) == (20, 9600)


def test_few_events_stay_as_they_are():
    result = classified(ORIGIN, classification(events=HOURS[:MAX_EVENTS]), NOON)
    assert result.classification
    assert result.classification.events == HOURS[:MAX_EVENTS]
    assert "event_count" not in to_json(result)


def test_the_closest_of_one_label_are_merged():
    shots = [Event(Label.GUNSHOT, s, s + 1.0, c) for s, c in ((0, 0.5), (1.5, 0.9), (9, 0.6))]
    siren = Event(Label.SIREN, 1.0, 2.0, 0.7)
    merged = merge_closest([shots[0], siren, *shots[1:]], 3)
    assert merged == (Event(Label.GUNSHOT, 0, 2.5, 0.9), siren, shots[2])


@given(
    st.lists(
        st.tuples(st.sampled_from(THREATS), st.floats(0, 100), st.floats(0.1, 5)), max_size=60
    ),
    st.integers(3, 20),
)
def test_merging_loses_no_label_no_time_and_no_confidence(found, limit):
    events = sorted(
        (Event(label, s, s + d, d / 5) for label, s, d in found), key=lambda e: e.start_s
    )
    merged = merge_closest(events, limit)
    assert len(merged) == min(len(events), limit)
    assert [e.start_s for e in merged] == sorted(e.start_s for e in merged)
    for event in events:
        assert any(
            m.label == event.label
            and m.start_s <= event.start_s
            and event.end_s <= m.end_s
            and event.confidence <= m.confidence
            for m in merged
        )


@pytest.mark.long
@pytest.mark.parametrize("query", [ResultQuery(), ResultQuery(min_confidence=0.5)])
def test_a_page_of_large_results_fits_an_answer_and_none_is_left_out(
    table,
    query,
    monkeypatch,
):
    share = 10  # of the real limits, for speed
    monkeypatch.setattr(results_table, "MAX_PAGE_CHARACTERS", MAX_PAGE_CHARACTERS // share)
    comment = Feedback(Label.SIREN, True, "\u00e9" * 1000, "ann", NOON)
    clip_ids = []
    for n in range(12):
        large = sample(
            f"{n:032x}", timestamp=NOON + timedelta(seconds=n), events=HOURS[:MAX_EVENTS],
            feedback=(comment,) * 8,
        )  # fmt: skip
        table.save(large)
        clip_ids.append(large.clip_id)
    found, after, pages = [], None, 0
    while pages < 20:
        page = table.find(query, 200, after)
        body = json.dumps({"results": [to_json(result) for result in page.results]})
        assert len(json.dumps({"body": body})) < ANSWER_BYTES / share
        found += [result.clip_id for result in page.results]
        pages, after = pages + 1, page.end
        if after is None:
            break
    assert found == clip_ids[::-1]
    assert pages > 1


def test_rounding_keeps_the_count_of_a_result_that_is_built_again():
    again = classified(ORIGIN, replace(classification(), event_count=9600), NOON)
    assert again.classification
    assert again.classification.event_count == 9600
