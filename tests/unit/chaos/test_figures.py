"""What counts as lost, doubled and late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.figures import Sent, of_alerts, of_results

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
COOLDOWN = timedelta(minutes=5)


def sent(n: int, source: str = "", *, raises_alert: bool = True) -> Sent:
    return Sent(f"clip{n}", source or f"source{n}", NOON, "classified", raises_alert)


def row(n: int, seconds: float = 1.0, **changes: Any) -> dict[str, Any]:
    when = NOON + timedelta(seconds=seconds)
    return {
        "clip_id": f"clip{n}", "key": f"incoming/{n}", "status": "classified", "timestamp": when,
    } | changes  # fmt: skip


def alert(n: int, source: str = "", seconds: float = 2.0) -> dict[str, Any]:
    return {
        "alert_id": f"clip{n}-siren",
        "source": source or f"source{n}",
        "timestamp": NOON,
        "alerted_at": NOON + timedelta(seconds=seconds),
    }


def test_all_is_well() -> None:
    uploads = [sent(1), sent(2, raises_alert=False)]
    results = of_results(uploads, [row(1), row(2)])
    assert results == {"sent": 2, "lost": 0, "doubled": 0, "wrong": 0, "late": 0}
    assert of_alerts(uploads, [alert(1)], COOLDOWN) == {
        "expected": 1, "lost": 0, "doubled": 0, "unexpected": 0, "copies": 0, "late": 0,
    }  # fmt: skip


def test_results() -> None:
    uploads = [sent(1), sent(2), sent(3)]
    rows = [row(1, seconds=61), row(2, status="rejected"), row(2, clip_id="another")]
    found = of_results(uploads, rows)
    assert (found["lost"], found["wrong"], found["late"]) == (1, 1, 1)
    assert found["doubled"] > 0


def test_alerts() -> None:
    uploads = [sent(1), sent(2), sent(3, raises_alert=False)]
    found = of_alerts(uploads, [alert(1), alert(1), alert(3, seconds=61)], COOLDOWN)
    assert (found["lost"], found["unexpected"]) == (1, 1)
    assert (found["copies"], found["doubled"], found["late"]) == (1, 0, 1)


def test_two_alerts_of_a_source_are_doubled_within_its_cooldown_only() -> None:
    uploads = [sent(1, "gate"), sent(2, "gate"), sent(3, "gate")]
    close = [alert(1, "gate", 0), alert(2, "gate", 299)]
    apart = [alert(1, "gate", 0), alert(3, "gate", 300)]
    assert of_alerts(uploads, close, COOLDOWN)["doubled"] == 1
    assert of_alerts(uploads, apart, COOLDOWN)["doubled"] == 0
