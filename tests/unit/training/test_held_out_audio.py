"""Everyday sound that is never trained on: its list shares no source with the training lists."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from pathlib import Path

import pytest

from earshot.labels import Label
from tests.unit.training.test_everyday_audio import EVERYDAY_SOURCES, FREE, RESERVED
from training.data.open_audio.sources import HELD_OUT, SOURCES, Package, read_sources

HELD_OUT_SOURCES = {listed.name: listed for listed in read_sources(HELD_OUT).packages}
TRAINED_ON = {
    listed.name for listed in (*EVERYDAY_SOURCES.packages, *read_sources(SOURCES).packages)
}
FETCHED = os.environ.get("HELD_OUT_AUDIO")
THREATENING = re.compile(
    r"explo|bomb|gun|shot|shoot|missil|rocket|laser|siren|alarm|claxon|boom", re.IGNORECASE
)
A_RIDE = "hydrolics_wh_space_shot.flac"


@pytest.mark.parametrize("listed", HELD_OUT_SOURCES.values(), ids=lambda listed: listed.name)
def test_listed_sources_are_pinned_free_and_of_no_other_list(listed: Package):
    assert re.fullmatch(r"[0-9a-f]{64}", listed.sha256) or (
        listed.repository.startswith("https://") and re.fullmatch(r"[0-9a-f]{40}", listed.version)
    )
    assert listed.name not in TRAINED_ON
    assert not RESERVED.search(listed.name)
    for licence in (listed.licence, *(licence for _, licence in listed.licences)):
        assert all(FREE.fullmatch(part) for part in licence.split(" OR ")), licence
    assert {label for _, label in listed.rules} <= {Label.CASUAL, ""}
    assert listed.kinds


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ("crossfire-client", "Explosion.wav"),
        ("crossfire-client", "Gun-5.wav"),
        ("wordwarvi-sound", "synthetic_gunshot_2.ogg"),
        ("wordwarvi-sound", "missile_alarm.ogg"),
        ("libreoffice-common", "explos.wav"),
        ("brainparty-data", "soft_boom.wav"),
        ("heroes-sound-effects", "claxon.wav"),
        ("pychess", "alarm.ogg"),
        ("crossfire-client", "TowerClock.wav"),
        ("pychess", "invalid.ogg"),
        ("bugsquish", "bonus.wav"),
        ("trackballs-data", "music/crazy.ogg"),
        ("gamine-data", "eraser1.wav"),
    ],
)
def test_what_may_be_a_threat_or_is_not_free_or_was_trained_on_is_left_out(package: str, path: str):
    assert HELD_OUT_SOURCES[package].label_of(path) == ""


def test_thunder_is_casual():
    rides = HELD_OUT_SOURCES["OpenRCT2/OpenSoundEffects"]
    assert rides.label_of("openrct2.sound/samples/thunder_3.flac") == Label.CASUAL
    assert rides.kind_of("openrct2.sound/samples/thunder_3.flac") == "weather"


@pytest.mark.skipif(not FETCHED, reason="HELD_OUT_AUDIO is not set")
def test_what_was_fetched_is_diverse_and_holds_no_threat_by_name():
    with (Path(FETCHED or "") / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    seconds: dict[str, float] = defaultdict(float)
    for row in rows:
        seconds[row["package"]] += float(row["duration_s"])
    assert sum(seconds.values()) >= 1.5 * 3600
    assert len(seconds) >= 15
    assert max(seconds.values()) <= 0.15 * sum(seconds.values())
    assert {row["label"] for row in rows} == {Label.CASUAL}
    names = {Path(row["source"]).name for row in rows} - {A_RIDE}
    assert not [name for name in names if THREATENING.search(name)]
