"""A clip as the desk shows it: a row of a list, and opened."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import soundfile
import streamlit as st
from PIL import Image

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import RejectedClipError
from earshot.events import Event
from earshot.labels import LABELS, Label
from earshot.results.result import Classification, Rejection, Result
from ui.components import palette
from ui.components.rows import local_time
from ui.components.sound import sound_picture, spectrogram_image

# What browsers play; see MDN, "Web audio codec guide".
_PLAYABLE = {"WAV PCM_U8", "WAV PCM_16", "WAV PCM_24", "WAV PCM_32", "WAV FLOAT", "WAVEX PCM_16"}
MAX_CONVERTED_S = 600
WAVE_COLUMNS = 600
THUMBNAIL = (192, 52)
SHOWN_EVENTS = 60

NOT_KEPT = "This installation does not keep posted clips."
GONE = "The recording was deleted at the end of its retention period."
TOO_LONG = "Browsers do not play this kind of file, and it is too long to convert here."

# The most dangerous first: where several are in one place, it is the one that is drawn.
KEYS = [
    {"name": str(label), "title": palette.title(label), "symbol": palette.LOOKS[label].symbol,
     "key": LABELS.index(label) + 1}
    for label in (Label.GUNSHOT, Label.EXPLOSION, Label.SIREN, Label.CASUAL)
]  # fmt: skip


def row(
    result: Result,
    zone: str,
    thumbnail: str | None = None,
    name: str = "",
    *,
    say_alerted: bool = True,
) -> dict[str, Any]:
    """A row of a list.

    Args:
        result: of the clip.
        zone: in which times are written.
        thumbnail: address of a small spectrogram; empty to keep room for it.
        name: of a file, in place of the time.
        say_alerted: whether it is said that an alert was sent.
    """
    found = result.classification
    when = name or f"{local_time(result.time, zone):%d %b, %H:%M:%S}"
    sure = palette.sureness(found) if found else None
    title = palette.label_title(result)
    notes = ["alert sent"] if result.alerted_at and say_alerted else []
    notes += ["muted"] if result.muted_by else []
    return {
        "id": result.clip_id,
        "label": str(found.label) if found else "rejected",
        "title": title,
        "time": when,
        "source": result.source,
        "words": f"{title}, {result.source}, {when}",
        "sure": f"{sure.words}, {palette.per_cent(found.confidence)}" if sure and found
        else result.outcome.detail if isinstance(result.outcome, Rejection) else "",
        "kind": "why" if not found else "uncertain" if found.uncertain else "",
        "notes": notes,
        "checked": checked(result),
        "thumb": thumbnail,
        "rejected": found is None,
    }  # fmt: skip


def checked(result: Result) -> str:
    """The label that the latest feedback gave a clip, in words; empty without any."""
    verified = result.verified_label
    if not verified or not result.classification:
        return ""
    confirmed = verified == result.classification.label
    return "Confirmed" if confirmed else f"Corrected to {palette.title(verified)}"


def opened(
    result: Result, content: bytes | None, zone: str, mutes: Mapping[str, str], said_zone: str = ""
) -> dict[str, Any]:
    """A clip that is opened.

    Args:
        result: of the clip.
        content: of its file; None if nobody has it any more.
        zone: in which times are written.
        mutes: in words, by the id of the clip whose mute it is.
        said_zone: the zone in words, where it is not that of the page.
    """
    outcome = result.outcome
    times = [*([["Times in", said_zone]] if said_zone else []), *_times(result, zone)]
    whole: dict[str, Any] = {
        "id": result.clip_id,
        "title": palette.label_title(result),
        "label": "rejected",
        "headline": f"at {result.source}",
        "verified": result.verified_label and str(result.verified_label),
        "may": False,
        "warnings": [],
        "events": [],
        "at": 0,
        "src": None,
        "picture": None,
        "silent": "",
        "mutes": [{"id": clip_id, "words": words} for clip_id, words in mutes.items()],
        "facts": [*times, ["Clip", result.clip_id]],
    }
    if isinstance(outcome, Rejection):
        return whole | {"warnings": [outcome.detail]}
    events = outcome.events[:SHOWN_EVENTS]
    picture = _picture(content) if content is not None else None
    src = None
    if picture and picture["playable"]:
        src = (
            result.clip_url if picture["as_it_is"] and result.clip_url else _data(content, picture)
        )
    sure = palette.sureness(outcome)
    lost = GONE if result.location else NOT_KEPT
    return whole | {
        "label": str(outcome.label),
        "headline": f"at {result.source}: {sure.words.lower()}, "
        f"{palette.per_cent(outcome.confidence)}",
        "may": True,
        "warnings": list(outcome.warnings),
        "events": [
            {"label": str(e.label), "title": palette.title(e.label), "words": event_words(e),
             "start": e.start_s, "end": e.end_s}
            for e in events
        ],
        "at": max(0, events[0].start_s - 0.3) if events else 0,
        "src": src,
        "picture": picture and picture["drawn"] | {"words": _describe(outcome)},
        "silent": (picture["error"] or TOO_LONG) if picture else lost,
        "facts": [*times, *_facts(outcome), *_history(result, zone),
                  ["Clip", result.clip_id]],
    }  # fmt: skip


def event_words(event: Event) -> str:
    """An event in words."""
    return (
        f"{palette.title(event.label)} from {event.start_s:.1f} to {event.end_s:.1f} s, "
        f"{palette.per_cent(event.confidence)}"
    )


def _describe(outcome: Classification) -> str:
    words = "; ".join(event_words(event) for event in outcome.events[:8]) or "none"
    length = palette.seconds(outcome.duration_s)
    return f"Waveform and log-mel spectrogram of {length}. Events: {words}."


def _times(result: Result, zone: str) -> list[list[str]]:
    form = "%d %B %Y, %H:%M:%S"
    times = (
        ("Recorded", result.recorded_at),
        ("Classified", result.timestamp),
        ("Alert", result.alerted_at),
    )
    return [[name, f"{local_time(time, zone):{form}}"] for name, time in times if time]


def _facts(outcome: Classification) -> list[list[str]]:
    found = outcome.probabilities
    top5 = ", ".join(f"{c.name} {palette.per_cent(c.score)}" for c in outcome.audioset_top5)
    return [
        ["Probabilities", ", ".join(f"{palette.LOOKS[k].word} {palette.per_cent(found[k])}"
                                    for k in LABELS)],
        ["AudioSet top-5", top5],
        ["Length", palette.seconds(outcome.duration_s)],
        ["Model version", outcome.model_version],
    ]  # fmt: skip


def _history(result: Result, zone: str) -> list[list[str]]:
    return [
        [
            "Feedback",
            f"{local_time(one.at, zone):%d %b, %H:%M} "
            f"{'confirmed' if one.confirmed else 'corrected to'} {palette.title(one.label)}"
            f"{': ' if one.comment else ''}{one.comment}",
        ]
        for one in reversed(result.feedback)
    ]


@st.cache_data(max_entries=32, show_spinner=False)
def _picture(content: bytes) -> dict[str, Any]:
    """Picture of a clip, and how browsers play it: as it is, converted, or not at all."""
    try:
        picture = sound_picture(io.BytesIO(content))
        with Clip(io.BytesIO(content)) as clip:
            as_it_is = clip.format in _PLAYABLE and clip.channels <= 2
    except RejectedClipError as error:
        return {"drawn": None, "playable": False, "as_it_is": False, "error": str(error)}
    every = max(1, -(-len(picture.low) // WAVE_COLUMNS))
    low, high = (
        np.pad(side, (0, -len(side) % every), "edge").reshape(-1, every)
        for side in (picture.low, picture.high)
    )
    wave = np.stack([low.min(axis=1), high.max(axis=1)], axis=1) * 100
    return {
        "drawn": {
            "duration": picture.duration_s,
            "image": _png(spectrogram_image(picture.log_mel)),
            "wave": wave.round().astype(int).tolist(),
        },
        "playable": as_it_is or picture.duration_s <= MAX_CONVERTED_S,
        "as_it_is": as_it_is,
        "error": "",
    }


def _data(content: bytes | None, picture: Mapping[str, Any]) -> str:
    """The recording as a data URL, converted if browsers do not play it as it is."""
    if content is not None and not picture["as_it_is"]:
        buffer = io.BytesIO()
        with (
            Clip(io.BytesIO(content)) as clip,
            soundfile.SoundFile(
                buffer, "w", SAMPLE_RATE, 1, format="FLAC", subtype="PCM_16"
            ) as file,
        ):
            for block in clip.waveform_blocks():
                file.write(block)
        return "data:audio/flac;base64," + base64.b64encode(buffer.getvalue()).decode()
    return "data:audio/wav;base64," + base64.b64encode(content or b"").decode()


def thumbnail(content: bytes) -> str | None:
    """A small spectrogram of a clip; None if it cannot be decoded."""
    try:
        picture = sound_picture(io.BytesIO(content))
    except RejectedClipError:
        return None
    return _png(spectrogram_image(picture.log_mel).resize(THUMBNAIL))


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
