"""From the bus to webhooks on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from earshot.alerts.deliveries import signature
from earshot.results.table import ResultsTable
from local.receivers.deliveries import also_delivered
from local.receivers.webhooks import Receiver, receiver
from tests.integration.alerts.test_alerting import detection
from tests.stack import LocalStack, messages, wait_for


@pytest.fixture(scope="module")
def hooks(local_stack: LocalStack) -> Iterator[Receiver]:
    """One receiver for three deliveries, distinguished by path."""
    with (
        receiver() as hook,
        also_delivered(
            local_stack.outputs,
            {"name": "soc", "kind": "webhook", "url": f"{hook.url}/soc", "key": "key"},
            {"name": "team", "kind": "slack", "url": f"{hook.url}/team", "for": ["team"]},
            {"name": "phone", "kind": "ntfy", "url": f"{hook.url}/phone/topic", "for": ["ann"]},
        ),
    ):
        yield hook


def paths(hook: Receiver, alert_id: str) -> list[str]:
    return sorted(one.path for one in hook.received if one.headers["Earshot-Delivery"] == alert_id)


def test_an_alert_is_delivered_signed_to_those_it_is_for_and_again_where_one_refuses(
    local_stack: LocalStack, hooks: Receiver, siren_wav: bytes
) -> None:
    wanted = {"addressees": ["ann"], "place": "quay 3", "time_zone": "Asia/Tokyo"}
    assert local_stack.call("PUT", "/sources/delivered", wanted)[0] == 200
    # An alert of an earlier test may still be on its way: only this source's is refused.
    hooks.refuses = lambda one: (
        not hooks.refused and one.path == "/soc" and one.json["detail"].get("source") == "delivered"
    )
    headers = {"Content-Type": "audio/wav"}
    post = local_stack.request("POST", "/predict?source=delivered", siren_wav, headers)
    alert_id = f"{post.json()['clip_id']}-siren"
    wait_for(lambda: len(paths(hooks, alert_id)) == 2, 30)
    assert paths(hooks, alert_id) == ["/phone/", "/soc"]
    assert len(hooks.refused) == 1
    assert hooks.refused[0].headers["Earshot-Delivery"] == alert_id
    (one,) = (r for r in hooks.received if r.path == "/soc" and alert_id in r.body.decode())
    at = int(one.headers["Earshot-Signature"].partition(",")[0].removeprefix("t="))
    assert abs(at - datetime.now(UTC).timestamp()) < 60
    assert one.headers["Earshot-Signature"] == signature("key", at, one.body)
    detail: dict[str, Any] = one.json["detail"]
    assert (detail["place"], detail["local_time"][-6:]) == ("quay 3", "+09:00")
    for link in ("clip_url", "event_url"):
        assert urllib3.request("GET", detail[link]).status == 200
    assert urlsplit(detail["clip_url"]).path.endswith(post.json()["clip_id"])
    wait_for(lambda: messages(local_stack, "DeliveriesQueueUrl") == 0, 30)
    assert paths(hooks, alert_id) == ["/phone/", "/soc"], "each got it once"
    assert messages(local_stack, "DeliveriesDeadLetterQueueUrl") == 0


def test_an_alert_for_nobody_by_name_is_for_those_that_name_nobody(
    local_stack: LocalStack, hooks: Receiver
) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    result = detection("for nobody", 1)
    table.save(result)
    wait_for(lambda: paths(hooks, f"{result.clip_id}-siren"), 30)
    wait_for(lambda: messages(local_stack, "DeliveriesQueueUrl") == 0, 30)
    assert paths(hooks, f"{result.clip_id}-siren") == ["/soc"]
