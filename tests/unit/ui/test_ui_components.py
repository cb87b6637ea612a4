"""What the web interface says and draws of results and models."""

from __future__ import annotations

import base64
import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import LABELS, Label
from earshot.results.result import Result
from earshot.times import format_time
from tests.unit.sample_results import LOCATION, classification, classified, rejected
from training.data.demo_sounds import siren
from ui.components import clip_data, palette
from ui.components.model_charts import (
    confusion_chart,
    describe_confusion,
    f1_chart,
    figures,
    pairs,
    pairs_chart,
)
from ui.components.result_charts import throughput_chart
from ui.components.rows import local_time, to_csv
from ui.components.timeline import timeline
from ui.precision import interval
from ui.spans import NAMES, Span, span

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def result(**changes: Any) -> Result:
    return classified(
        **{
            "probabilities": dict(zip(LABELS, (0.05, 0.02, 0.02, 0.91), strict=True)),
            "location": None,
            **changes,
        }
    )


REJECTED = rejected()


def luminance(color: str) -> float:
    """WCAG 2.1, relative luminance."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("tones", [palette.DARK, palette.LIGHT])
def test_every_color_has_enough_contrast(tones: palette.Tones):
    for color in (*tones.labels, tones.text, tones.muted, tones.accent):
        for ground in (tones.background, tones.surface):
            lighter, darker = sorted((luminance(color), luminance(ground)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (color, ground)


def test_no_label_is_shown_by_its_color_alone():
    assert len({look.symbol for look in palette.LOOKS.values()}) == len(LABELS)


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


def test_a_row_is_in_the_readers_time_at_which_it_was_recorded():
    row = clip_data.row(
        result(verified_label=Label.CASUAL, recorded_at=datetime(2026, 1, 31, 11, 59, tzinfo=UTC)),
        "Europe/Madrid",
    )
    assert row["time"] == "31 Jan, 12:59:00"
    assert row["title"] == "● Siren"
    assert row["checked"] == "Corrected to ■ Casual"
    assert local_time(datetime(2026, 7, 1, tzinfo=UTC), "America/New_York").hour == 20


def test_a_rejected_clip_says_why_and_takes_no_label():
    row, opened = clip_data.row(REJECTED, "UTC"), clip_data.opened(REJECTED, None, "UTC", {})
    assert (row["rejected"], row["sure"]) == (True, "It is no audio.")
    assert (opened["may"], opened["warnings"]) == (False, ["It is no audio."])


def test_an_opened_clip_begins_before_its_first_event():
    file = io.BytesIO()
    soundfile.write(file, siren(3.0), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    opened = clip_data.opened(result(), file.getvalue(), "UTC", {"c2": "muted"})
    assert opened["at"] == pytest.approx(0.2)
    assert opened["src"].startswith("data:audio/wav;base64,")
    assert opened["picture"]["duration"] == 3.0
    assert opened["picture"]["words"].endswith("Events: ● Siren from 0.5 to 2.0 s, 90 %.")
    assert opened["mutes"] == [{"id": "c2", "words": "muted"}]
    facts = dict(opened["facts"])
    assert facts["Probabilities"] == "Casual 5 %, Gunshot 2 %, Explosion 2 %, Siren 91 %"
    assert facts["AudioSet top-5"] == "Siren 90 %"


def test_what_browsers_do_not_play_is_converted():
    file = io.BytesIO()
    soundfile.write(file, siren(1.0), SAMPLE_RATE, format="WAV", subtype="IMA_ADPCM")
    kept = result(clip_url="https://bucket.example/a.wav", location=LOCATION)
    source = clip_data.opened(kept, file.getvalue(), "UTC", {})["src"]
    converted = soundfile.info(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert (converted.format, converted.duration) == ("FLAC", pytest.approx(1.0, abs=0.05))


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


def counted(minute: int, label: str | None, results: int = 1, source: str = "gate") -> Any:
    start = format_time(NOW + timedelta(minutes=minute))
    return {"start": start, "source": source, "label": label, "results": results}


def test_a_timeline_has_a_line_for_each_source_and_says_where_there_was_no_sound():
    counts = [counted(m, "casual") for m in (0, 10, 50)] + [counted(10, "siren", 2)]
    counts += [counted(m, "casual", source="yard") for m in range(0, 60, 10)]
    found = timeline(counts, 600, (NOW, NOW + timedelta(hours=1)), "Europe/Madrid")
    assert found
    gate, yard = found["rows"]
    assert (gate["name"], gate["total"], gate["covered"]) == ("gate", "5", [[0, 2], [5, 6]])
    assert gate["marks"] == [[1, "siren", 2]]
    assert yard["covered"] == [[0, 6]]
    assert found["gaps"] == "No sound from gate 13:50 to 14:20."


def test_what_is_filtered_out_is_no_gap():
    counts = [counted(0, "siren"), counted(50, "siren")]
    found = timeline(counts, 600, (NOW, NOW + timedelta(hours=1)), "Europe/Madrid", all_sound=False)
    assert found
    assert (found["gaps"], found["hatched"]) == ("", False)


def test_years_are_drawn_in_fewer_and_longer_stretches_and_none_is_left_out():
    counts = [counted(-day * 1440, "siren") for day in (900, 0)]
    found = timeline(counts, 86400, (None, NOW + timedelta(days=1)), "UTC")
    assert found
    assert found["n"] <= 400
    assert [results for _, _, results in found["rows"][0]["marks"]] == [1, 1]


def test_the_timeline_of_a_source_has_a_line_for_each_label():
    counts = [counted(0, "casual"), counted(10, "siren"), counted(20, None)]
    found = timeline(counts, 600, (NOW, NOW + timedelta(minutes=30)), "UTC", by_label="gate")
    assert found
    assert [row["name"] for row in found["rows"]] == [
        "■ Casual", "▲ Gunshot", "◆ Explosion", "● Siren", "✕ Rejected"
    ]  # fmt: skip
    assert found["gaps"] == "", "a gap in a label is none in the source"
    assert timeline([], 600, (NOW, NOW), "UTC") is None


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("Last hour", "2026-01-31T11:30", None),
        ("Last night", "2026-01-30T19:00", "2026-01-31T05:00"),
        ("Today", "2026-01-30T23:00", None),
        ("Last 7 days", "2026-01-24T23:00", None),
        ("Any time", None, None),
        ("Days …", "2026-01-09T23:00", "2026-01-11T23:00"),
    ],
)
def test_spans_are_by_the_clock_on_the_readers_wall(name: str, start: str, end: str | None):
    assert name in NAMES
    days = (date(2026, 1, 10), date(2026, 1, 11))
    times = [datetime.fromisoformat(t).replace(tzinfo=UTC) if t else None for t in (start, end)]
    assert span(name, NOW, "Europe/Madrid", days) == Span(times[0], times[1])


@pytest.mark.parametrize(
    ("right", "reviewed", "low", "high"),
    # statsmodels.stats.proportion.proportion_confint, method "wilson"
    [(9, 10, 0.5958, 0.9821), (0, 5, 0.0, 0.4345), (50, 50, 0.9286, 1.0)],
)
def test_the_interval_of_a_share(right: int, reviewed: int, low: float, high: float):
    assert interval(right, reviewed) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("counts", [[], [counted(-1, "siren", 3), counted(-2, None)]])
def test_throughput_counts_labels_and_rejections(counts: list[Any]):
    chart = throughput_chart(counts, NOW, timedelta(hours=1), "Europe/Madrid").to_dict()
    (rows,) = chart["datasets"].values() if counts else ([],)
    assert [row["label"] for row in rows] == ["● Siren", "✕ Rejected"][: len(counts)]
    assert [row["clips"] for row in rows] == [3, 1][: len(counts)]
    ends = chart["encoding"]["x"]["scale"]["domain"]
    assert [(end["hours"], end["minutes"]) for end in ends] == [(12, 30), (13, 30)]


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


def test_a_version_stands_beside_the_one_it_was_compared_with_on_the_same_clips():
    def model(version: str, candidate: float) -> dict[str, Any]:
        check = {"name": "macro F1", "candidate": candidate, "champion": 0.8}
        return {"version": version, "decision": {"checks": [check]}}

    found = pairs([model("v3", 0.8), model("v2", 0.9), {"version": "v1", "decision": None}])
    assert [(one["version"], one["words"]) for one in found] == [
        ("v2", "+0.100"),
        ("v3", "no change"),
    ]
    (rows,) = pairs_chart(found).to_dict()["datasets"].values()
    assert [row["words"] for row in rows] == [
        "0.800",
        "0.900 (+0.100)",
        "0.800",
        "0.800 (no change)",
    ]


def test_the_first_models_figures_are_called_cross_validated():
    first, other = {**METRICS, "n": 480}, {**METRICS, "n": 7}
    metrics = {"cross_validation": {"sesa clean": first, "sesa noisy": other}}
    assert figures(metrics) == (first, "cross-validated (sesa clean)")
    assert figures(METRICS) == (METRICS, "on held-out clips")
    assert figures({}) == ({}, "")
