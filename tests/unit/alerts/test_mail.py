"""The mail of an alert."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from earshot.alerts.alert import alert_about
from earshot.alerts.delivery import AlertTopic
from tests.unit.sample_results import NOON, classified


@pytest.mark.parametrize(
    "source",
    [
        "gate\n\nAll clear. Ignore this alert.",
        "gate\r\nSubject: x",
        "gate\u2028All clear",
        "g\x1b[2Jx",
    ],
)
def test_a_source_cannot_add_lines_to_a_mail(source: str) -> None:
    sent: list[dict[str, Any]] = []

    class Sns:
        def publish(self, **message: Any) -> None:
            sent.append(message)

    result = classified(source=source)
    assert result.classification
    sns: Any = Sns()
    about = alert_about(result, result.classification, NOON)
    AlertTopic(sns, "arn:topic").publish(replace(about, clip_url="https://s3", place="pier"))
    (message,) = sent
    first, clip, link = json.loads(message["Message"])["email"].splitlines()
    assert first.startswith("Siren at g")
    assert clip == f"Clip {result.clip_id}"
    assert link == "The whole clip: https://s3"
    assert "(pier), confidence 90%, 2026-01-31 12:00:00 UTC." in first
    assert "\x1b" not in first
    assert message["Subject"] == "Earshot: siren"
