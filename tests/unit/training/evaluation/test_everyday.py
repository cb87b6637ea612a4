"""Everyday sound with a classifier that is known: what is loud is a gunshot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console
from samtranslator.yaml_helper import yaml_parse

from earshot.alerts.service import AlertRules
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label
from local.settings import TEMPLATE
from training.evaluate import ALERT_RULES
from training.evaluation.ambient import ambient_recordings
from training.evaluation.curve_plots import write_plots
from training.evaluation.everyday import Everyday, Threat, classify_everyday, stretch
from training.evaluation.everyday_figures import everyday_figures
from training.evaluation.everyday_tables import everyday_tables
from training.evaluation.false_alarm_files import write_false_alarms
from training.evaluation.scores import THREATS, Scores, Sound

RULES = AlertRules(frozenset(THREATS), min_confidence=0.5, cooldown=timedelta(minutes=5))
QUIET, KNOCK = 0.01, 0.8


def by_peak(sounds: Iterable[Sound]) -> Iterator[Scores]:
    """The peak is the score of a gunshot; between 0.5 and 0.7 it is uncertain."""
    for sound in sounds:
        assert isinstance(sound, np.ndarray)
        peak = float(np.abs(sound).max())
        label = Label.GUNSHOT if peak >= 0.5 else Label.CASUAL
        yield Scores(
            label=label,
            uncertain=0.5 <= peak < 0.7,
            probabilities={Label.CASUAL: 1 - peak, Label.GUNSHOT: peak},
            of_threat={Label.GUNSHOT: peak, Label.EXPLOSION: 0.0, Label.SIREN: 0.0},
            events=(),
            alerts=(label,) if label is Label.GUNSHOT else (),
        )


def hiss(seconds: float, knocks: dict[float, float]) -> np.ndarray:
    """Soft noise, and knocks of some peak at some seconds."""
    waveform = np.random.default_rng(0).uniform(-QUIET, QUIET, round(seconds * SAMPLE_RATE))
    for at_s, peak in knocks.items():
        waveform[round(at_s * SAMPLE_RATE)] = peak
    return waveform


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Everyday:
    folder = tmp_path_factory.mktemp("ambient")
    for name, waveform in {
        # 12 minutes with three knocks: two within a cooldown, the third uncertain.
        "home__door": hiss(720, {5: KNOCK, 65: KNOCK, 700: 0.6}),
        "home__fridge": hiss(60, {}),
        "street__car_horn": hiss(20, {5: KNOCK}),
        "street__siren": hiss(20, {}),
    }.items():
        soundfile.write(folder / f"{name}.flac", waveform, SAMPLE_RATE)
    shot = hiss(1, {0.5: 0.9}).astype(np.float32)
    threats = [Threat(Label.GUNSHOT, "field", "a", shot), Threat(Label.GUNSHOT, "field", "b", shot)]
    return classify_everyday(by_peak, ambient_recordings(folder), threats)


def test_segments_and_long_recordings(found: Everyday) -> None:
    assert len(found.casual) == 78
    assert len(found.apart) == 2
    assert [(s.recording.kind, s.duration_s) for s in found.long] == [("home/door", 720.0)]
    assert sorted(len(clips) for clips in found.mixed.values()) == [6, 6, 6]
    loud = [s.start_s for s in found.casual if s.scores.alerts]
    assert loud == [0.0, 60.0, 700.0]
    assert np.abs(stretch(found.casual[6])).max() == pytest.approx(KNOCK, abs=1e-3)


def test_figures(found: Everyday) -> None:
    figures = everyday_figures(found, RULES)
    assert figures["hours"] == pytest.approx(780 / 3600)
    counts = {name: rates["any"]["count"] for name, rates in figures["alerts_per_hour"].items()}
    assert counts == {
        "all": 3,
        "all_after_cooldown": 2,
        "without_uncertain": 2,
        "without_uncertain_after_cooldown": 1,
    }
    assert figures["by_kind"]["home/door"]["gunshot"]["per_hour"] == pytest.approx(15)
    assert figures["by_kind"]["home/fridge"]["any"]["per_hour"] == 0
    assert list(figures["apart"]) == ["street/car_horn"]
    assert figures["long_recordings"]["recordings"] == 1
    assert figures["long_recordings"]["labeled_a_threat"] == 1
    field = figures["threats"]["gunshot, field"]
    assert (field["clips"], field["groups"], field["alerted"]["recall"]) == (2, 2, 1.0)
    # No knock is as loud as the shots, so they are found without a false alarm.
    assert field["at_false_alarms_per_hour"]["0.1"]["recall"] == 1.0
    assert field["at_false_alarms_per_hour"]["0.1"]["false_alarms"] == 0
    sirens = figures["threats"]["siren, street/siren"]
    assert sirens["clips"] == 2
    assert sirens["labeled"]["recall"] == 0.0
    json.dumps(figures, allow_nan=False)


def test_tables_name_kinds_and_rates(found: Everyday) -> None:
    console = Console(record=True, width=160, file=io.StringIO())
    for line in everyday_tables(everyday_figures(found, RULES)):
        console.print(line)
    text = console.export_text()
    for words in ("home/door", "street/car_horn", "1 of 1 labeled a threat", "at 0.1/h", "[2."):
        assert words in text
    assert "no alert in 1 kinds: home/fridge" in text


def test_false_alarms_can_be_listened_to(found: Everyday, tmp_path: Path) -> None:
    alarms = write_false_alarms(found, tmp_path / "out")
    assert [(a.kind, a.start_s, a.uncertain) for a in alarms] == [
        ("home/door", 0.0, False),
        ("home/door", 60.0, False),
        ("street/car_horn", 0.0, False),
        ("home/door", 700.0, True),
    ]
    assert alarms[0].file == "home-door__gunshot__0.800__00000.0s.wav"
    page = (tmp_path / "out" / "index.html").read_text()
    with (tmp_path / "out" / "false_alarms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert soundfile.info(tmp_path / "out" / row["file"]).duration == 10.0
        assert f'src="{row["file"]}"' in page
    assert len(rows) == 4


def test_plots_are_written(found: Everyday, tmp_path: Path) -> None:
    write_plots(found, everyday_figures(found, RULES), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"operating_gunshot.png", "operating_siren.svg", "false_alerts_by_kind.png"} <= names


def test_only_threats_is_an_error(found: Everyday) -> None:
    with pytest.raises(ValueError, match="no sound without threats"):
        everyday_figures(Everyday(segments=found.apart), RULES)


def test_the_rules_are_the_templates_defaults() -> None:
    defaults = {
        name: parameter.get("Default")
        for name, parameter in yaml_parse(TEMPLATE.read_text())["Parameters"].items()
    }
    assert ",".join(sorted(ALERT_RULES.labels)) == ",".join(
        sorted(defaults["AlertLabels"].split(","))
    )
    assert ALERT_RULES.min_confidence == defaults["AlertMinConfidence"]
    assert ALERT_RULES.cooldown.total_seconds() == defaults["AlertCooldownSeconds"]
