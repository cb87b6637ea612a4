"""What was lost, doubled or late, from what was sent and what arrived."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Sent:
    """One upload.

    Attributes:
        clip_id: of its result.
        source: its folder.
        at: when S3 had taken it.
        status: that its result should have.
        raises_alert: that it is of a sound that raises an alert.
    """

    clip_id: str
    source: str
    at: datetime
    status: str
    raises_alert: bool


def of_results(sent: Sequence[Sent], rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Figures of results.

    Args:
        sent: all uploads.
        rows: of the table: `clip_id`, `key`, `status`, `timestamp`.
    """
    by_clip = {row["clip_id"]: row for row in rows}
    keys = Counter(row["key"] for row in rows)
    return {
        "sent": len(sent),
        "lost": sum(upload.clip_id not in by_clip for upload in sent),
        "doubled": sum(n - 1 for n in keys.values())
        + len(by_clip.keys() - {s.clip_id for s in sent}),
        "wrong": sum(
            upload.clip_id in by_clip and by_clip[upload.clip_id]["status"] != upload.status
            for upload in sent
        ),
        "late": sum(
            upload.clip_id in by_clip and by_clip[upload.clip_id]["timestamp"] - upload.at > LATE
            for upload in sent
        ),
    }


def of_alerts(
    sent: Sequence[Sent], alerts: Sequence[Mapping[str, Any]], cooldown: timedelta
) -> dict[str, int]:
    """Figures of alerts.

    SNS delivers at least once, and a publish whose answer is lost is repeated: copies have the same
    `alert_id`, by which a subscriber knows them. Doubled are those that have another one although
    the same source raised an alert within the cooldown.

    Args:
        sent: all uploads.
        alerts: messages as subscribers got them: `alert_id`, `clip_id`, `source`, `alerted_at`,
            `timestamp`.
        cooldown: of the stack.
    """
    sources: dict[str, dict[str, datetime]] = defaultdict(dict)
    for alert in alerts:
        first = sources[alert["source"]].get(alert["alert_id"], alert["alerted_at"])
        sources[alert["source"]][alert["alert_id"]] = min(first, alert["alerted_at"])
    expected = {upload.source for upload in sent if upload.raises_alert}
    distinct = {alert["alert_id"]: alert for alert in alerts}
    return {
        "expected": len(expected),
        "lost": len(expected - sources.keys()),
        "doubled": sum(_too_close(times.values(), cooldown) for times in sources.values()),
        "unexpected": len(sources.keys() - expected),
        "copies": len(alerts) - len(distinct),
        "late": sum(a["alerted_at"] - a["timestamp"] > LATE for a in distinct.values()),
    }


def _too_close(times: Collection[datetime], cooldown: timedelta) -> int:
    return sum(later - earlier < cooldown for earlier, later in pairwise(sorted(times)))
