"""When a source raises no alert, by its own clock, and what its settings look like as JSON."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from earshot.labels import Label
from earshot.sources.settings import QuietHours, SourceSettings, settings_from_json

NIGHT = QuietHours(time(22), time(6))
LUNCH = QuietHours(time(12), time(13, 30))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        (NIGHT, "22:00", True),
        (NIGHT, "23:59", True),
        (NIGHT, "00:00", True),
        (NIGHT, "05:59", True),
        (NIGHT, "06:00", False),
        (NIGHT, "21:59", False),
        (LUNCH, "12:00", True),
        (LUNCH, "13:29", True),
        (LUNCH, "13:30", False),
        (LUNCH, "11:59", False),
    ],
)
def test_quiet_hours_may_cross_midnight(hours, at, quiet):
    assert hours.hold(time.fromisoformat(at)) is quiet


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        ("2026-01-31T20:59", False),  # 21:59 in Berlin, in winter
        ("2026-01-31T21:00", True),
        ("2026-07-31T19:59", False),  # 21:59 in Berlin, in summer
        ("2026-07-31T20:00", True),
    ],
)
def test_quiet_hours_are_by_the_sources_clock_in_winter_and_in_summer(at, quiet):
    settings = SourceSettings(time_zone="Europe/Berlin", quiet_hours=NIGHT)
    assert settings.silences(utc(at), utc("2026-08-01T12:00")) is quiet


def test_a_mute_ends_by_itself():
    noon = utc("2026-01-31T12:00")
    settings = SourceSettings(muted_until=noon)
    assert settings.silences(noon, noon - timedelta(seconds=1))
    assert not settings.silences(noon - timedelta(hours=1), noon)


def test_settings_are_the_same_after_json():
    settings = SourceSettings(
        name="Gate 3",
        place="by the lake",
        time_zone="Europe/Berlin",
        labels=frozenset({Label.GUNSHOT, Label.SIREN}),
        min_confidence={Label.GUNSHOT: 0.8},
        quiet_hours=NIGHT,
        muted_until=utc("2026-01-31T12:00"),
        cooldown=timedelta(minutes=10),
        silent_after=timedelta(0),
        retention_days=7,
        addressees=("ann@ear.example",),
    )
    assert settings_from_json(settings.to_json()) == settings
    assert settings_from_json({}) == SourceSettings()
    assert settings_from_json(SourceSettings().to_json()) == SourceSettings()
