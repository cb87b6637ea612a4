"""Which results are muted: those that sound like a muted clip of the same source, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from earshot.alerts.mutes import (
    GREATEST_DISTANCE,
    MAX_MUTES,
    Mute,
    distance,
    mute_to_json,
    muted_labels,
)
from earshot.alerts.service import AlertRules, AlertService
from earshot.classification.event_embeddings import MAX_EMBEDDINGS, as_bytes
from earshot.errors import UnavailableError
from earshot.events import Event, EventEmbedding
from earshot.labels import Label
from earshot.results.result import Result
from tests.unit.alerts.fakes import Bus, Claims, Clock, Mutes, Sent, Topic, WaitingAlerts, links
from tests.unit.sample_results import NOON, classification, classified

KNOCK, OTHER, WAIL = 1, 2, 3
RULES = AlertRules(frozenset({Label.SIREN, Label.GUNSHOT}), 0.5, timedelta(minutes=5))


def values(sound: int, away: float = 0.0) -> bytes:
    """An embedding of a sound, or one at a distance from it."""
    one, aside = np.random.default_rng(sound).standard_normal((2, 1024))
    length = 8.0  # about what YAMNet's have
    moved = one * length / np.linalg.norm(one) + aside * away / np.linalg.norm(aside)
    return as_bytes(moved[None].astype(np.float32))[0].tobytes()


def embedding(sound: int, label: Label = Label.GUNSHOT, away: float = 0.0) -> EventEmbedding:
    return EventEmbedding(label, "yamnet", (values(sound, away), values(sound + 1000)))


def mute(*embeddings: EventEmbedding, source: str = "gate", clip_id: str = "m1") -> Mute:
    return Mute(source, clip_id, embeddings, "ann", NOON, NOON + timedelta(days=30))


def shot(*embeddings: EventEmbedding, **changes: Any) -> Result:
    """Result of a gunshot whose events have these embeddings, one second after the other."""
    events = tuple(Event(e.label, float(n), n + 1.0, 0.9) for n, e in enumerate(embeddings))
    return classified(label=Label.GUNSHOT, events=events, embeddings=embeddings, **changes)


class Alerts:
    """The alert service, and what it was given."""

    def __init__(self, *mutes: Mute) -> None:
        self.topic, self.sent, self.mutes, self.claims = Topic(), Sent(), Mutes(*mutes), Claims()
        ways = (self.topic, Bus(), WaitingAlerts())
        parts: Any = (self.claims, *ways, self.sent, self.mutes, links(), Clock())
        self.service = AlertService(lambda _: RULES, *parts)

    def consider(self, result: Result) -> list[Label]:
        return [alert.label for alert in self.service.consider(result)]


def test_what_sounds_like_a_muted_clip_raises_no_alert_and_says_which_it_was():
    alerts = Alerts(mute(embedding(OTHER), clip_id="m0"), mute(embedding(KNOCK)))
    result = shot(embedding(KNOCK, away=GREATEST_DISTANCE - 0.1))
    assert alerts.consider(result) == []
    assert alerts.topic.alerts == []
    assert alerts.sent.mutes == {"c1": {Label.GUNSHOT: "m1"}}


def test_the_best_patch_may_be_one_beside_the_best_of_the_muted_event():
    alerts = Alerts(mute(embedding(KNOCK)._replace(patches=(values(OTHER), values(KNOCK)))))
    assert alerts.consider(shot(embedding(KNOCK))) == []
    later = shot(embedding(KNOCK)._replace(patches=(values(WAIL), values(KNOCK))))
    assert alerts.consider(replace(later, clip_id="c2")) == [Label.GUNSHOT]


@pytest.mark.parametrize(
    "result",
    [
        shot(embedding(OTHER)),
        shot(embedding(KNOCK, away=GREATEST_DISTANCE + 0.1)),
        shot(embedding(KNOCK), source="yard"),
        shot(embedding(KNOCK)._replace(yamnet="another")),
        shot(embedding(KNOCK), embedding(OTHER)),  # a shot after the muted knock
        shot(embedding(KNOCK), all_embedded=False),
        shot(),
    ],
    ids=["other", "less alike", "source", "yamnet", "two events", "not all embedded", "none"],
)
def test_all_else_raises_its_alert(result):
    alerts = Alerts(mute(embedding(KNOCK)))
    assert alerts.consider(result) == [Label.GUNSHOT]
    assert alerts.sent.mutes == {}


def test_a_label_is_muted_and_no_other():
    alerts = Alerts(mute(embedding(KNOCK, Label.GUNSHOT)))
    wail = embedding(KNOCK, Label.SIREN)
    events = (Event(Label.SIREN, 0.0, 1.0, 0.9),)
    assert alerts.consider(classified(events=events, embeddings=(wail,))) == [Label.SIREN]


def test_a_siren_beside_a_muted_knock_raises_its_alert():
    alerts = Alerts(mute(embedding(KNOCK)))
    result = shot(embedding(KNOCK), embedding(WAIL, Label.SIREN))
    assert alerts.consider(result) == [Label.SIREN]
    assert alerts.sent.mutes == {"c1": {Label.GUNSHOT: "m1"}}


def test_several_mutes_together_mute_a_clip():
    alerts = Alerts(mute(embedding(KNOCK)), mute(embedding(OTHER), clip_id="m2"))
    assert alerts.consider(shot(embedding(OTHER), embedding(KNOCK))) == []
    assert alerts.sent.mutes == {"c1": {Label.GUNSHOT: "m2"}}


def test_a_muted_clip_begins_no_cooldown():
    alerts = Alerts(mute(embedding(KNOCK)))
    assert alerts.consider(shot(embedding(KNOCK))) == []
    assert alerts.consider(replace(shot(embedding(OTHER)), clip_id="c2")) == [Label.GUNSHOT]


def test_what_was_decided_stands_whatever_is_muted_later():
    alerts = Alerts()
    result = shot(embedding(KNOCK))
    assert alerts.consider(result) == [Label.GUNSHOT]
    alerts.mutes.mutes = (mute(embedding(KNOCK)),)
    assert alerts.consider(result) == []
    assert alerts.sent.mutes == {}
    muted = replace(result, clip_id="c2")
    assert alerts.consider(muted) == []
    alerts.mutes.mutes = ()
    assert alerts.consider(muted) == [], "it was muted when it came"
    assert len(alerts.topic.alerts) == 1


def test_a_mute_that_could_not_be_recorded_is_when_the_result_comes_again():
    alerts = Alerts(mute(embedding(KNOCK)))
    alerts.sent.fails = 1
    with pytest.raises(UnavailableError):
        alerts.consider(shot(embedding(KNOCK)))
    assert alerts.consider(shot(embedding(KNOCK))) == []
    assert alerts.sent.mutes == {"c1": {Label.GUNSHOT: "m1"}}


def test_without_the_table_of_mutes_alerts_are_sent():
    alerts = Alerts(mute(embedding(KNOCK)))
    alerts.mutes.fails = 1
    assert alerts.consider(shot(embedding(KNOCK))) == [Label.GUNSHOT]


@pytest.mark.parametrize("aside", [0.0, 0.3, 1.0, 10.0])
def test_as_bytes_the_distance_is_the_same(aside):
    rng = np.random.default_rng(5)
    one, other = np.maximum(rng.standard_normal((2, 1024)), 0).astype(np.float32)  # as of a ReLU
    other = one + np.float32(aside) * other
    exact = np.linalg.norm(one - 3 * other)
    first, second = (row.tobytes() for row in as_bytes(np.stack([one, 3 * other])))
    assert distance(first, second) == pytest.approx(exact, rel=0.02, abs=0.2)


def test_embeddings_without_a_scale_are_like_none():
    unscaled = values(KNOCK)[4:]
    assert distance(unscaled, values(KNOCK)) == distance(unscaled, unscaled) == float("inf")
    assert distance(b"", values(KNOCK)) == float("inf")


def test_the_work_for_a_result_is_bounded():
    """Of as many mutes as a source may have, each with as many events, none sounds like it."""
    events = [embedding(n) for n in range(MAX_EMBEDDINGS)]
    mutes = [mute(*(embedding(100 + n) for n in range(MAX_EMBEDDINGS)), clip_id=f"m{m}")
             for m in range(MAX_MUTES)]  # fmt: skip
    found = classification(label=Label.GUNSHOT, events=(), embeddings=tuple(events))
    assert muted_labels(found, [Label.GUNSHOT], mutes) == {}
    assert 3 * MAX_MUTES * MAX_EMBEDDINGS**2 <= 2500, "comparisons, at 60 us each"


def test_the_json_of_a_mute_has_no_embedding():
    document = mute_to_json(mute(embedding(KNOCK), embedding(WAIL, Label.SIREN)))
    assert document == {
        "clip_id": "m1",
        "source": "gate",
        "labels": ["gunshot", "siren"],
        "by": "ann",
        "at": "2026-01-31T12:00:00.000Z",
        "expires_at": "2026-03-02T12:00:00.000Z",
    }
