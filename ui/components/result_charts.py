"""Charts of one result, and of many over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from earshot.labels import LABELS, Label
from earshot.results.result import AudioSetClass, Result
from ui.components import palette


def probabilities_chart(probabilities: Mapping[Label, float]) -> alt.LayerChart:
    """The four probabilities as bars, with their numbers."""
    data = pd.DataFrame(
        {
            "label": palette.title(label),
            "probability": probabilities[label],
            "words": palette.per_cent(probabilities[label]),
        }
        for label in LABELS
    )
    return _bars(
        data,
        "label",
        "probability",
        alt.Color("label:N", scale=palette.COLOR_SCALE, legend=None),
        palette.TITLES,
    )


def audioset_chart(classes: Sequence[AudioSetClass]) -> alt.LayerChart:
    """The AudioSet top-5, highest score first."""
    data = pd.DataFrame(
        {"name": one.name, "score": one.score, "words": palette.per_cent(one.score)}
        for one in classes
    )
    return _bars(data, "name", "score", alt.value("#8fb7a3"), list(data["name"]))


def _bars(
    data: pd.DataFrame, name: str, value: str, color: Any, order: list[str]
) -> alt.LayerChart:
    y = alt.Y(f"{name}:N", sort=order, axis=alt.Axis(title=None, labelLimit=190, labelFontSize=13))
    base = alt.Chart(data)
    # Room on the right for the number of a bar that is full.
    x = alt.X(f"{value}:Q", scale=alt.Scale(domain=[0, 1.18]), axis=None)
    bars = base.mark_bar(cornerRadiusEnd=4, height={"band": 0.62}).encode(x, y, color=color)
    words = base.mark_text(align="left", dx=6, fontSize=13, color=palette.TEXT).encode(
        x, y, text="words:N"
    )
    return alt.layer(bars, words).properties(height=34 * len(data)).configure_view(stroke=None)


def timeline_chart(
    results: Sequence[Result], since: datetime | None, until: datetime, time_zone: str
) -> alt.Chart:
    """Results over time: a row for each label, a mark for each clip, larger for more confidence.

    Args:
        results: only those of classified clips are shown.
        since, until: ends of the time axis; without a beginning it is that of the first clip.
        time_zone: of the axis.
    """
    data = pd.DataFrame(
        {
            "time": result.timestamp,
            "label": palette.title(result.classification.label),
            "confidence": result.classification.confidence,
            "source": result.source,
        }
        for result in results
        if result.classification
    )
    times = pd.to_datetime(data["time"], utc=True)
    ends = pd.Series([since or times.min(), until])
    data["time"] = _on_the_wall(times, time_zone)
    return (
        alt.Chart(data)
        .mark_point(filled=True, opacity=0.85)
        .encode(
            alt.X(
                "time:T",
                scale=alt.Scale(domain=_wall_domain(ends, time_zone)),
                axis=_clock_axis(time_zone, grid=True),
            ),
            alt.Y(
                "label:N", sort=palette.TITLES, scale=alt.Scale(domain=palette.TITLES), title=None
            ),
            alt.Color("label:N", scale=palette.COLOR_SCALE, legend=None),
            alt.Shape("label:N", scale=palette.SHAPE_SCALE, legend=None),
            alt.Size("confidence:Q", scale=alt.Scale(domain=[0, 1], range=[30, 180]), legend=None),
            tooltip=[
                alt.Tooltip("label:N", title="label"),
                alt.Tooltip("confidence:Q", format=".0%"),
                alt.Tooltip("source:N"),
                alt.Tooltip("time:T", format="%Y-%m-%d %H:%M:%S"),
            ],
        )
        .properties(height=175)
        .configure_view(stroke=None)
    )


def throughput_chart(
    results: Sequence[Result], now: datetime, window: timedelta, time_zone: str
) -> alt.Chart:
    """Results in each minute up to now, by label."""
    data = pd.DataFrame(
        [{"time": result.timestamp, "label": palette.label_title(result)} for result in results],
        columns=["time", "label"],
    )
    data["time"] = _on_the_wall(pd.to_datetime(data["time"], utc=True), time_zone)
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            alt.X(
                "time:T",
                timeUnit="yearmonthdatehoursminutes",
                scale=alt.Scale(domain=_wall_domain(pd.Series([now - window, now]), time_zone)),
                axis=_clock_axis(time_zone, grid=False),
            ),
            alt.Y("count():Q", axis=alt.Axis(title="clips a minute", tickMinStep=1)),
            alt.Color(
                "label:N",
                scale=alt.Scale(
                    domain=[*palette.TITLES, palette.REJECTED], range=[*palette.COLORS, "#6d7f92"]
                ),
                legend=alt.Legend(title=None, orient="top", columns=3, columnPadding=6),
            ),
            tooltip=["label:N", alt.Tooltip("count():Q", title="clips")],
        )
        .properties(height=260)
        .configure_view(stroke=None)
    )


# The day at midnight, the seconds where there are any: of themselves, Vega's labels are AM and PM.
_CLOCK_LABEL = (
    "hours(datum.value) + minutes(datum.value) + seconds(datum.value) == 0"
    " ? timeFormat(datum.value, '%d %b') : seconds(datum.value) == 0"
    " ? timeFormat(datum.value, '%H:%M') : timeFormat(datum.value, '%H:%M:%S')"
)


def _clock_axis(time_zone: str, *, grid: bool) -> alt.Axis:
    """Times of a 24-hour clock, and of which zone they are."""
    return alt.Axis(
        title=f"time ({time_zone})",
        titleFontWeight="normal",
        tickCount=8,
        labelExpr=_CLOCK_LABEL,
        labelOverlap=True,
        grid=grid,
    )


def _on_the_wall(times: pd.Series, time_zone: str) -> pd.Series:
    """Times as a clock of that zone shows them: Vega knows the browser's zone only by guess."""
    return times.dt.tz_convert(time_zone).dt.tz_localize(None)


def _wall_domain(ends: pd.Series, time_zone: str) -> list[alt.DateTime]:
    """Two times as the ends of a Vega axis."""
    return [
        alt.DateTime(
            year=t.year, month=t.month, date=t.day, hours=t.hour, minutes=t.minute,
            seconds=t.second,
        )
        for t in _on_the_wall(pd.to_datetime(ends, utc=True), time_zone)
    ]  # fmt: skip
