"""Chart of results over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from earshot.times import parse_time
from ui.components import palette

# The day at midnight, the seconds where there are any: of themselves, Vega's labels are AM and PM.
_CLOCK_LABEL = (
    "hours(datum.value) + minutes(datum.value) + seconds(datum.value) == 0"
    " ? timeFormat(datum.value, '%d %b') : seconds(datum.value) == 0"
    " ? timeFormat(datum.value, '%H:%M') : timeFormat(datum.value, '%H:%M:%S')"
)


def throughput_chart(
    counts: Sequence[Mapping[str, Any]], now: datetime, window: timedelta, time_zone: str
) -> alt.Chart:
    """Results in each minute up to now, by label.

    Args:
        counts: as `GET /results/summary` answers.
        now, window: end and length of the time axis.
        time_zone: of the axis.
    """
    tones = palette.tones()
    data = pd.DataFrame(
        [
            {
                "time": parse_time(one["start"]),
                "label": palette.title(one["label"]) if one["label"] else palette.REJECTED,
                "clips": one["results"],
            }
            for one in counts
        ],
        columns=["time", "label", "clips"],
    )
    data["time"] = _on_the_wall(pd.to_datetime(data["time"], utc=True), time_zone)
    axis = alt.Axis(
        title=f"time ({time_zone})", titleFontWeight="normal", tickCount=8, labelExpr=_CLOCK_LABEL,
        labelOverlap=True, grid=False,
    )  # fmt: skip
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            alt.X(
                "time:T",
                timeUnit="yearmonthdatehoursminutes",
                scale=alt.Scale(domain=_wall_domain(pd.Series([now - window, now]), time_zone)),
                axis=axis,
            ),
            alt.Y("sum(clips):Q", axis=alt.Axis(title="clips a minute", tickMinStep=1)),
            alt.Color(
                "label:N",
                scale=alt.Scale(
                    domain=[*palette.TITLES, palette.REJECTED],
                    range=[*tones.labels, tones.rejected],
                ),
                legend=alt.Legend(title=None, orient="top", columns=3, columnPadding=6),
            ),
            tooltip=["label:N", alt.Tooltip("sum(clips):Q", title="clips")],
        )
        .properties(height=260)
        .configure_view(stroke=None)
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
