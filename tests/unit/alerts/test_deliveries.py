"""Webhooks: who gets what, in which form, how often, and signed so that it can be verified."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from earshot.alerts.bus import BusEvent, event_of_source_alert
from earshot.alerts.deliveries import DeliveriesError, Delivery, deliveries_from, id_of, post_of
from earshot.alerts.source_alert import SourceAlert
from earshot.sources.settings import SourceSettings
from earshot.sources.source import Source
from local.settings import REPOSITORY
from tests.unit.alerts.test_bus import BERLIN, CLIP_ID, alerted
from tests.unit.sample_results import NOON

HOOK = Delivery("soc", "webhook", "https://soc.example/in", key="key")
FAULT = event_of_source_alert(
    SourceAlert(
        Source("gate", SourceSettings(addressees=("ann",))), "silent", False, "Since.", NOON
    )
)


def sent(delivery: Delivery, event: BusEvent) -> Any:
    return json.loads(post_of(delivery, event.kind, event.detail, NOON).body)


def test_a_webhook_gets_the_event_and_can_verify_it():
    event = alerted()
    post = post_of(HOOK, event.kind, event.detail, NOON)
    assert json.loads(post.body) == {"type": "Earshot Alert", "detail": event.detail}
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", post.headers["Earshot-Signature"])
    assert found
    at, signature = found.groups()
    assert int(at) == NOON.timestamp()
    expected = hmac.new(b"key", at.encode() + b"." + post.body, sha256).hexdigest()
    assert signature == expected
    assert post.headers["Earshot-Delivery"] == f"{CLIP_ID}-siren"


def test_the_document_tells_how_to_verify():
    (code,) = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs" / "alerts.md").read_text(), re.DOTALL
    )
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102 - our own
    event, now = alerted(), datetime.now(UTC)
    post = post_of(HOOK, event.kind, event.detail, now)
    header = post.headers["Earshot-Signature"]
    assert found["is_ours"]("key", header, post.body)
    old = post_of(HOOK, event.kind, event.detail, now - timedelta(minutes=6))
    for forged in (
        ("another", header, post.body),
        ("key", header, post.body + b" "),
        ("key", old.headers["Earshot-Signature"], old.body),
    ):
        assert not found["is_ours"](*forged)


def test_slack_gets_words_and_links():
    body = sent(Delivery("team", "slack", "https://hooks.example/T/B"), alerted())
    assert body["text"] == (
        "Siren at North gate (by the lake). Confidence 90%, 2026-01-31 13:00:00 CET"
    )
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "section"]
    assert f"<https://ui/?clip={CLIP_ID}|Open>" in body["blocks"][2]["text"]["text"]


def test_ntfy_gets_topic_priority_and_actions():
    delivery = Delivery("phone", "ntfy", "https://ntfy.example/base/my-topic", token="test")  # noqa: S106
    event = alerted()
    post = post_of(delivery, event.kind, event.detail, NOON)
    assert post.url == "https://ntfy.example/base/"
    assert post.headers["Authorization"] == "Bearer test"
    body = json.loads(post.body)
    assert (body["topic"], body["priority"]) == ("my-topic", 4)
    assert body["click"] == f"https://ui/?clip={CLIP_ID}"
    assert [one["label"] for one in body["actions"]] == ["Listen", "Whole clip", "Open"]


def test_source_alerts_are_sent_in_each_form():
    assert sent(HOOK, FAULT)["type"] == "Earshot Source Fault"
    slack = sent(replace(HOOK, kind="slack"), FAULT)
    assert slack["text"] == "gate: silent. Since. 2026-01-31 12:00:00 UTC"
    assert sent(replace(HOOK, kind="ntfy", url="https://ntfy.example/t"), FAULT)["actions"] == []
    assert id_of(FAULT.detail) == id_of(dict(FAULT.detail))


def test_each_gets_what_is_meant_for_it():
    everything = HOOK
    anns = replace(HOOK, addressees=frozenset({"ann"}))
    shots = replace(HOOK, labels=frozenset({"gunshot"}))
    event, for_ann = alerted(), alerted(replace(BERLIN, addressees=("ann", "bob")))
    wants = [[one.wants(e.detail) for one in (everything, anns, shots)] for e in (event, for_ann)]
    assert wants == [[True, False, False], [True, True, False]]
    assert [one.wants(FAULT.detail) for one in (everything, anns, shots)] == [True, True, True]


def test_the_list_is_read():
    text = json.dumps(
        [
            {"name": "a", "kind": "slack", "url": "https://x/y", "for": ["ann"]},
            {"name": "b", "kind": "webhook", "url": "http://127.0.0.1:1", "key": "k"},
        ]
    )
    first, second = deliveries_from(text)
    assert (first.addressees, second.key) == (frozenset({"ann"}), "k")
    assert deliveries_from("[]") == deliveries_from("") == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{", "no JSON"),
        ("{}", "list of objects"),
        ('[{"kind": "slack"}]', "1 has no name"),
        ('[{"name": "a", "kind": "fax", "url": "https://x"}]', "'fax' is none of"),
        ('[{"name": "a", "kind": "slack", "url": "ftp://x"}]', "no http"),
        ('[{"name": "a", "kind": "ntfy", "url": "https://x/"}]', "without a topic"),
        ('[{"name": "a", "kind": "slack", "url": "https://x", "for": "ann"}]', "lists"),
        ('[{"name": "a", "kind": "slack", "url": "https://x", "uri": 1}]', "unknown fields: uri"),
        ('[{"name":"a","kind":"slack","url":"https://x"},'
         '{"name":"a","kind":"slack","url":"https://x"}]', "same name"),
    ],
)  # fmt: skip
def test_a_list_that_makes_no_sense_is_refused_in_words(entry, words):
    with pytest.raises(DeliveriesError, match=words):
        deliveries_from(entry)
