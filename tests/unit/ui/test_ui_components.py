"""What the web interface says and draws of results and models."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from earshot.labels import LABELS, Label
from earshot.results.result import Classification, Result
from tests.unit.sample_results import classification, classified, rejected
from ui.components import palette
from ui.components.clip_chart import clip_chart, describe_clip
from ui.components.model_charts import (
    confusion_chart,
    describe_confusion,
    f1_chart,
    figures,
    history_chart,
)
from ui.components.result_charts import (
    audioset_chart,
    probabilities_chart,
    throughput_chart,
    timeline_chart,
)
from ui.components.rows import local_time, table, to_csv
from ui.components.sound import SoundPicture

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def result(**changes: Any) -> Result:
    return classified(
        **{
            "probabilities": dict(zip(LABELS, (0.05, 0.02, 0.02, 0.91), strict=True)),
            "location": None,
            **changes,
        }
    )


def outcome() -> Classification:
    found = result().classification
    assert found is not None
    return found


REJECTED = rejected()


def luminance(color: str) -> float:
    """WCAG 2.1, relative luminance."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("color", [*palette.COLORS, palette.TEXT, palette.MUTED, palette.ACCENT])
@pytest.mark.parametrize("ground", [palette.BACKGROUND, palette.SURFACE])
def test_every_color_has_enough_contrast(color: str, ground: str):
    assert (luminance(color) + 0.05) / (luminance(ground) + 0.05) >= 4.5


def test_no_label_is_shown_by_its_color_alone():
    assert len({look.symbol for look in palette.LOOKS.values()}) == len(LABELS)
    assert len({look.shape for look in palette.LOOKS.values()}) == len(LABELS)


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.9999, "> 99 %"), (0.98, "98 %"), (0.004, "< 1 %"), (0.0, "0 %")],
)
def test_nothing_is_certain_that_is_not(share: float, text: str):
    assert palette.per_cent(share) == text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confidence": 0.95}, "Very sure"),
        ({"confidence": 0.75}, "Fairly sure"),
        ({"confidence": 0.4}, "Not very sure"),
        ({"confidence": 0.95, "uncertain": True}, "Uncertain: please review"),
    ],
)
def test_a_confidence_has_words(changes: dict[str, Any], words: str):
    assert palette.sureness(classification(**changes)).words == words


@pytest.mark.parametrize(
    ("value", "text"), [(5.94, "5.9 s"), (725, "12 min 5 s"), (7260, "2 h 1 min")]
)
def test_durations_read_well(value: float, text: str):
    assert palette.seconds(value) == text


def test_rows_are_in_the_readers_time():
    row = table([result(verified_label=Label.CASUAL)], "Europe/Madrid").data.iloc[0]
    assert row["time"] == datetime(2026, 1, 31, 13, 0)
    assert row["label"] == "● Siren"
    assert row["checked"] == "corrected to ■ Casual"
    assert local_time(datetime(2026, 7, 1, tzinfo=UTC), "America/New_York").hour == 20


def test_a_confidence_reads_as_elsewhere_and_is_still_sorted_by_its_number():
    shown = table([classified(confidence=0.997), classified(confidence=0.91), REJECTED], "UTC")
    page = shown.to_html()
    assert "&gt; 99 %" in page or "> 99 %" in page
    assert "91 %" in page
    assert "100 %" not in page
    assert "nan" not in page.lower()
    assert list(shown.data["confidence"][:2]) == [0.997, 0.91]


@pytest.mark.parametrize("text", ["![x](https://elsewhere.example/x.png)", "*gate* :material/x:"])
def test_what_others_wrote_is_no_markdown(text: str):
    shown = palette.plain(text)
    assert re.sub(r"\\(.)", r"\1", shown) == text
    assert re.search(r"(?<!\\)[\[\]()*:!]", shown) is None


def test_a_name_in_another_script_stays_as_it_is():
    assert palette.plain("Tür 3") == "Tür 3"


def test_csv_holds_every_result_and_no_formula():
    text = to_csv([result(source="=HYPERLINK(1)"), REJECTED])
    classified, rejected = csv.DictReader(io.StringIO(text))
    assert classified["source"] == "'=HYPERLINK(1)"
    assert classified["probability_siren"] == "0.91"
    assert classified["events"] == "siren 0.5-2.0 s"
    assert rejected["reason"] == "not_audio"


FLAT = np.zeros(1, np.float32)


class TestClip:
    picture = SoundPicture(
        3.0, -np.ones(300, np.float32), np.ones(300, np.float32), np.zeros((298, 64), np.float32)
    )

    def test_events_lie_on_the_time_axis_of_sound_and_spectrogram(self):
        chart = clip_chart(self.picture, outcome().events).to_dict()
        domains = {tuple(layer["encoding"]["x"]["scale"]["domain"]) for layer in chart["layer"]}
        assert domains == {(0, 3.0)}
        marks = [layer["mark"]["type"] for layer in chart["layer"]]
        assert marks == ["image", "area", "rect", "rule", "rule", "rect", "text"]
        event = next(rows for rows in chart["datasets"].values() if "sure" in rows[0])[0]
        assert (event["start"], event["end"], event["label"]) == (0.5, 2.0, "● Siren")

    def test_a_clip_without_events_or_spectrogram_is_drawn_too(self):
        short = SoundPicture(0.01, FLAT, FLAT, np.zeros((0, 64), np.float32))
        assert [x["mark"]["type"] for x in clip_chart(short, []).to_dict()["layer"]] == ["area"]

    def test_the_picture_can_be_read_aloud(self):
        words = describe_clip(self.picture, outcome().events)
        assert words.endswith("Events: ● Siren from 0.5 to 2.0 s, 90 %.")


def test_bars_have_their_numbers():
    chart = probabilities_chart(outcome().probabilities).to_dict()
    (rows,) = chart["datasets"].values()
    assert [row["words"] for row in rows] == ["5 %", "2 %", "2 %", "91 %"]
    (rows,) = audioset_chart(outcome().audioset_top5).to_dict()["datasets"].values()
    assert rows == [{"name": "Siren", "score": 0.9, "words": "90 %"}]


def test_the_timeline_is_in_the_readers_time():
    chart = timeline_chart([result()], NOW - timedelta(hours=1), NOW, "Europe/Madrid").to_dict()
    (rows,) = chart["datasets"].values()
    assert rows[0]["time"] == "2026-01-31T13:00:00"
    ends = chart["encoding"]["x"]["scale"]["domain"]
    assert [(end["hours"], end["minutes"]) for end in ends] == [(12, 30), (13, 30)]
    axis = chart["encoding"]["x"]["axis"]
    assert axis["title"] == "time (Europe/Madrid)"
    assert "%H:%M" in axis["labelExpr"]
    assert "%I" not in axis["labelExpr"]


@pytest.mark.parametrize("results", [[], [result(), REJECTED]])
def test_throughput_counts_labels_and_rejections(results: list[Result]):
    chart = throughput_chart(results, NOW, timedelta(hours=1), "UTC").to_dict()
    (rows,) = chart["datasets"].values() if results else ([],)
    assert [row["label"] for row in rows] == ["● Siren", "✕ Rejected"][: len(results)]


METRICS = {
    "n": 20,
    "macro_f1": 0.9,
    "accuracy": 0.9,
    "per_class": {str(label): {"f1": 0.9} for label in LABELS},
    "confusion_matrix": [[5, 0, 0, 0], [0, 4, 1, 0], [0, 0, 5, 0], [0, 0, 0, 5]],
}


def test_models_stand_beside_each_other():
    (rows,) = (
        f1_chart({"candidate": METRICS, "champion v1": METRICS}).to_dict()["datasets"].values()
    )
    assert {row["model"] for row in rows} == {"candidate", "champion v1"}
    assert len(rows) == 8


def test_a_confusion_is_in_the_row_of_the_truth():
    (rows,) = confusion_chart(METRICS).to_dict()["datasets"].values()
    wrong = [row for row in rows if row["clips"] == 1]
    assert [(row["truth"], row["guess"]) for row in wrong] == [("▲ Gunshot", "◆ Explosion")]
    assert describe_confusion(METRICS).endswith("1 gunshot taken for explosion.")


def test_versions_are_shown_in_the_order_they_came():
    models = [
        {"version": v, "macro_f1": f1, "accuracy": f1, "champion": v == "v3", "measured": ""}
        for v, f1 in (("v3", 0.9), ("v2", 0.8), ("v1", None))
    ]
    chart = history_chart(models).to_dict()
    assert chart["layer"][0]["encoding"]["x"]["sort"] == ["v2", "v3"]


def test_the_first_models_figures_are_called_cross_validated():
    first, other = {**METRICS, "n": 480}, {**METRICS, "n": 7}
    metrics = {"cross_validation": {"sesa clean": first, "sesa noisy": other}}
    assert figures(metrics) == (first, "cross-validated (sesa clean)")
    assert figures(METRICS) == (METRICS, "on held-out clips")
    assert figures({}) == ({}, "")
