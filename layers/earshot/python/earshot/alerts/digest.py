"""Digests: alerts that can wait come together, once a day."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from earshot.alerts.alert import Alert, to_json
from earshot.alerts.bus import event_of_digest
from earshot.aws.errors import unavailable_on_failure
from earshot.times import format_time, parse_time, shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from earshot.alerts.bus import AlertBus
    from earshot.alerts.delivery import AlertTopic
    from earshot.results.table import ResultsTable

# For a schedule that fails for a while.
_KEPT = timedelta(days=14)
_PREFIX = "digest#"
# Results may be read a moment late: an alert so young may have one all the same.
_MOMENT = timedelta(minutes=1)
# Of a message: SNS takes 256 KiB, EventBridge as much (their quotas).
MAX_ALERTS = 50


class Waiting(NamedTuple):
    """An alert that waits for a digest.

    Attributes:
        subject: key of its row.
        digest_id: of the digest that it was taken into; empty so far.
        alert: its JSON.
    """

    subject: str
    digest_id: str
    alert: dict[str, Any]


class WaitingAlerts:
    """Alerts that wait, as rows of the table of cooldowns.

    Each method raises `UnavailableError` where DynamoDB fails.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, alert: Alert) -> None:
        """Let an alert wait. Added again, it is the same row, whether or not it was taken."""
        expires = int((alert.alerted_at + _KEPT).timestamp())
        with unavailable_on_failure("The table of cooldowns"):
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"subject": {"S": f"{_PREFIX}{alert.alert_id}"}},
                UpdateExpression="SET alert = :alert, expires_at = :expires",
                ExpressionAttributeValues={
                    ":alert": {"S": json.dumps(to_json(alert))},
                    ":expires": {"N": str(expires)},
                },
            )

    def all(self) -> list[Waiting]:
        """All that wait, the oldest first."""
        with unavailable_on_failure("The table of cooldowns"):
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._table,
                FilterExpression="begins_with(subject, :prefix)",
                ExpressionAttributeValues={":prefix": {"S": _PREFIX}},
                ConsistentRead=True,
            )
            rows = [row for page in pages for row in page["Items"]]
        found = [
            Waiting(
                row["subject"]["S"],
                row.get("digest_id", {"S": ""})["S"],
                json.loads(row["alert"]["S"]),
            )
            for row in rows
        ]
        return sorted(found, key=lambda one: one.alert["alerted_at"])

    def take(self, waiting: Waiting, digest_id: str) -> Waiting:
        """Take an alert into a digest, before that is sent."""
        with unavailable_on_failure("The table of cooldowns"):
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"subject": {"S": waiting.subject}},
                UpdateExpression="SET digest_id = :digest",
                ExpressionAttributeValues={":digest": {"S": digest_id}},
            )
        return waiting._replace(digest_id=digest_id)

    def forget(self, waiting: Sequence[Waiting]) -> None:
        """Delete alerts whose digest was sent."""
        with unavailable_on_failure("The table of cooldowns"):
            for one in waiting:
                self._dynamodb.delete_item(
                    TableName=self._table, Key={"subject": {"S": one.subject}}
                )


class DigestService:
    """Sends what waits. Each alert is in one digest, unless its clip was erased or has expired.

    What a digest holds is noted before it is sent, so that one that is sent again after a crash is
    the same, with the same `digest_id`.
    """

    def __init__(
        self,
        waiting: WaitingAlerts,
        results: ResultsTable,
        topic: AlertTopic,
        bus: AlertBus,
        now: Callable[[], datetime],
    ) -> None:
        self._waiting = waiting
        self._results = results
        self._topic = topic
        self._bus = bus
        self._now = now

    def run(self) -> dict[str, int]:
        """Send once; how many digests and alerts.

        Raises:
            UnavailableError: a store or the topic failed; the next time goes on.
        """
        now = self._now()
        digest_id = f"digest-{format_time(now)}"
        taken = [
            one if one.digest_id else self._waiting.take(one, digest_id)
            for one in self._with_result(now)
        ]
        digests = 0
        by_id = attrgetter("digest_id")
        for known_id, rows in groupby(sorted(taken, key=by_id), by_id):
            own = list(rows)
            document = digest_of(known_id, [one.alert for one in own], now)
            self._topic.publish_digest(document, text_of(document))
            self._bus.put(event_of_digest(document, now))
            self._waiting.forget(own)
            digests += 1
        return {"digests": digests, "alerts": len(taken)}

    def _with_result(self, now: datetime) -> list[Waiting]:
        """Alerts that wait and whose clip still has a result; others are forgotten."""
        waiting = self._waiting.all()
        there = self._results.with_result([one.alert["clip_id"] for one in waiting])
        self._waiting.forget(
            [
                one
                for one in waiting
                if one.alert["clip_id"] not in there
                and now - parse_time(one.alert["alerted_at"]) > _MOMENT
            ]
        )
        return [one for one in waiting if one.alert["clip_id"] in there]


def digest_of(digest_id: str, alerts: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """JSON object of a digest: counts by source and label, and the latest alerts."""
    key = itemgetter("source", "label")
    counts = [
        {"source": source, "label": label, "count": len(list(own))}
        for (source, label), own in groupby(sorted(alerts, key=key), key)
    ]
    return {
        "kind": "digest",
        "digest_id": digest_id,
        "at": format_time(now),
        "count": len(alerts),
        "counts": counts,
        "alerts": [dict(one) for one in alerts[-MAX_ALERTS:]],
    }


def text_of(document: Mapping[str, Any]) -> str:
    """A digest as a mail."""
    lines = [f"{document['count']} alerts that could wait:"]
    lines += [f"{one['count']} {one['label']} at {one['source']}" for one in document["counts"]]
    lines.append("")
    for one in document["alerts"]:
        at = shown(datetime.fromisoformat(one["local_time"]), one["time_zone"])
        link = one.get("page_url") or one.get("event_url") or one["clip_id"]
        lines.append(f"{at} {one['label']} at {one['source']}: {link}")
    return "\n".join(lines)
