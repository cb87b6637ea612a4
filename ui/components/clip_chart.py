"""The picture of a clip: its sound and its events on one time axis."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from earshot.audio.log_mel import MEL_BANDS, MEL_MAX_HZ, MEL_MIN_HZ, hertz_to_mel
from earshot.events import Event
from ui.components import palette
from ui.components.sound import SoundPicture, spectrogram_url

# The clip's chart is one plane: spectrogram below, in mel bands, waveform and events above it.
WAVEFORM = (70.0, 102.0)
EVENTS = (107.0, 119.0)
TICKS_HZ = (250, 500, 1000, 2000, 4000)
WIDE_ENOUGH = 0.09  # of the clip, for an event to have its name written on it


def clip_chart(picture: SoundPicture, events: Sequence[Event]) -> alt.LayerChart:
    """Waveform and spectrogram of a clip on one time axis, with its events over both."""
    layers = [_spectrogram(picture)] if len(picture.log_mel) else []
    layers.append(_waveform(picture))
    if events:
        layers += _events(events, picture.duration_s)
    return (
        alt.layer(*layers)
        .properties(height=340)
        .configure_view(stroke=None)
        .configure_axis(grid=False, domain=False)
    )


def describe_clip(picture: SoundPicture, events: Sequence[Event]) -> str:
    """The clip's chart in words, for those who cannot see it."""
    words = "; ".join(event_words(event) for event in events) or "none"
    length = palette.seconds(picture.duration_s)
    return f"Waveform and log-mel spectrogram of {length}. Events: {words}."


def event_words(event: Event) -> str:
    """An event in words."""
    return (
        f"{palette.title(event.label)} from {event.start_s:.1f} to {event.end_s:.1f} s, "
        f"{palette.per_cent(event.confidence)}"
    )


def _time(picture_or_end: float, field: str = "start") -> alt.X:
    return alt.X(
        f"{field}:Q",
        scale=alt.Scale(domain=[0, picture_or_end], nice=False),
        axis=alt.Axis(title="seconds", tickCount=10),
    )


def _plane(field: str) -> alt.Y:
    bands = {_band(hertz): hertz for hertz in TICKS_HZ}
    names = {
        **{f"{place:.3f}": f"{hertz / 1000:g} kHz" for place, hertz in bands.items()},
        f"{sum(WAVEFORM) / 2:.3f}": "wave",
        f"{sum(EVENTS) / 2:.3f}": "events",
    }
    return alt.Y(
        f"{field}:Q",
        scale=alt.Scale(domain=[0, EVENTS[1]], nice=False),
        axis=alt.Axis(
            title=None,
            values=[float(name) for name in names],
            labelExpr=f"({names})[format(datum.value, '.3f')]",
            labelOverlap=False,
        ),
    )


def _band(hertz: float) -> float:
    """Height of a frequency on the plane; the center of band 0 is 0.5."""
    low, high = hertz_to_mel(MEL_MIN_HZ), hertz_to_mel(MEL_MAX_HZ)
    step = (high - low) / (MEL_BANDS + 1)
    return round(float((hertz_to_mel(hertz) - low) / step) - 0.5, 3)


def _spectrogram(picture: SoundPicture) -> alt.Chart:
    data = pd.DataFrame(
        {
            "url": [spectrogram_url(picture.log_mel)],
            "start": 0.0,
            "end": picture.duration_s,
            "low": 0.0,
            "high": float(MEL_BANDS),
        }
    )
    return (
        alt.Chart(data)
        .mark_image(aspect=False)
        .encode(_time(picture.duration_s), alt.X2("end"), _plane("low"), alt.Y2("high"), url="url")
    )


def _waveform(picture: SoundPicture) -> alt.Chart:
    middle, half = sum(WAVEFORM) / 2, (WAVEFORM[1] - WAVEFORM[0]) / 2
    edges = np.linspace(0, picture.duration_s, len(picture.low) + 1)
    data = pd.DataFrame(
        {
            "start": ((edges[:-1] + edges[1:]) / 2).round(4),
            "low": (middle + half * picture.low).round(2),
            "high": (middle + half * picture.high).round(2),
        }
    )
    return (
        alt.Chart(data)
        .mark_area(color=palette.MUTED, interpolate="linear")
        .encode(_time(picture.duration_s), _plane("low"), alt.Y2("high"))
    )


def _events(events: Sequence[Event], duration_s: float) -> list[alt.Chart]:
    data = pd.DataFrame(
        {
            "start": event.start_s,
            "end": event.end_s,
            "label": palette.title(event.label),
            "words": palette.title(event.label)
            if (event.end_s - event.start_s) > WIDE_ENOUGH * duration_s
            else palette.LOOKS[event.label].symbol,
            "sure": palette.per_cent(event.confidence),
            "bottom": 0.0,
            "low": EVENTS[0],
            "middle": sum(EVENTS) / 2,
            "high": EVENTS[1],
            "center": (event.start_s + event.end_s) / 2,
        }
        for event in events
    )
    color = alt.Color("label:N", scale=palette.COLOR_SCALE, legend=None)
    tooltip = [
        alt.Tooltip("label:N", title="label"),
        alt.Tooltip("sure:N", title="confidence"),
        alt.Tooltip("start:Q", title="from (s)", format=".2f"),
        alt.Tooltip("end:Q", title="to (s)", format=".2f"),
    ]
    chart = alt.Chart(data)
    over = chart.mark_rect(opacity=0.13, strokeWidth=0).encode(
        _time(duration_s), alt.X2("end"), _plane("bottom"), alt.Y2("high"), color, tooltip=tooltip
    )
    edges = [
        chart.mark_rule(strokeDash=[4, 3], strokeWidth=1.5).encode(
            _time(duration_s, side), _plane("bottom"), alt.Y2("high"), color, tooltip=tooltip
        )
        for side in ("start", "end")
    ]
    lane = chart.mark_rect(opacity=1, cornerRadius=4).encode(
        _time(duration_s), alt.X2("end"), _plane("low"), alt.Y2("high"), color, tooltip=tooltip
    )
    words = chart.mark_text(
        align="center", baseline="middle", fontWeight=600, fontSize=12, color=palette.BACKGROUND
    ).encode(_time(duration_s, "center"), _plane("middle"), text="words:N", tooltip=tooltip)
    return [over, *edges, lane, words]
