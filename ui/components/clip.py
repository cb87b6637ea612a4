"""A clip and its result: label, player, spectrogram, probabilities."""

from __future__ import annotations

import io
from collections.abc import Sequence

import soundfile
import streamlit as st

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import RejectedClipError
from earshot.events import Event
from earshot.labels import Label
from earshot.results.result import Rejection, Result
from ui.components import palette
from ui.components.clip_chart import clip_chart, describe_clip, event_words
from ui.components.result_charts import audioset_chart, probabilities_chart
from ui.components.sound import SoundPicture, sound_picture

# What browsers play; see MDN, "Web audio codec guide".
_PLAYABLE = {"WAV PCM_U8", "WAV PCM_16", "WAV PCM_24", "WAV PCM_32", "WAV FLOAT", "WAVEX PCM_16"}
MAX_CONVERTED_S = 600

NOT_KEPT = "This installation does not keep posted clips."
GONE = "The clip was deleted at the end of its retention period."


def show(result: Result, content: bytes | None, key: str) -> None:
    """Everything about one clip.

    Args:
        result: of the clip.
        content: of its file; None if nobody has it any more.
        key: of the widgets, unlike that of any other clip on the page.
    """
    headline(result)
    outcome = result.outcome
    if isinstance(outcome, Rejection):
        st.error(palette.plain(outcome.detail), icon=":material/hearing_disabled:")
        return
    for warning in outcome.warnings:
        st.warning(palette.plain(warning), icon=":material/warning:")
    if content is None:
        st.info(GONE if result.location else NOT_KEPT, icon=":material/info:")
    else:
        _sound(outcome.events, content, key)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        st.markdown("##### Probabilities")
        probabilities = outcome.probabilities
        st.altair_chart(
            probabilities_chart(probabilities),
            alt=", ".join(f"{k} {palette.per_cent(v)}" for k, v in probabilities.items()),
            key=f"{key} probabilities",
        )
    with right, st.container(border=True):
        st.markdown("##### AudioSet top-5")
        st.altair_chart(
            audioset_chart(outcome.audioset_top5),
            alt=", ".join(f"{c.name} {palette.per_cent(c.score)}" for c in outcome.audioset_top5),
            key=f"{key} audioset",
        )


def headline(result: Result) -> None:
    """Label, confidence and model version in one line."""
    classification = result.classification
    if classification:
        look = palette.LOOKS[classification.label]
        st.markdown(f"### :{look.badge}[{look.symbol}] {look.word}")
    else:
        st.markdown(f"### {palette.REJECTED}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if classification:
            sure = palette.sureness(classification)
            words = f"{sure.words}, {palette.per_cent(classification.confidence)}"
            st.badge(words, icon=sure.icon, color=sure.color)  # type: ignore[arg-type]
            length = palette.seconds(classification.duration_s)
            st.badge(length, icon=":material/timer:", color="gray")
            model = f"model {classification.model_version}"
            st.badge(model, icon=":material/deployed_code:", color="gray")
        st.badge(palette.plain(result.source), icon=":material/location_on:", color="gray")
        if classification:
            person_badge(classification.label, result.verified_label)


def person_badge(label: Label, verified: Label | None) -> None:
    """The label that the latest feedback gave a clip, if there is feedback."""
    if verified:
        confirmed = verified == label
        st.badge(
            "Confirmed" if confirmed else f"Corrected to {palette.title(verified)}",
            icon=":material/how_to_reg:",
            color="green" if confirmed else "violet",
        )


def _sound(events: Sequence[Event], content: bytes, key: str) -> None:
    try:
        picture, playable = _picture(content)
    except RejectedClipError as error:
        st.error(str(error), icon=":material/hearing_disabled:")
        return
    start = 0.0
    if events:
        moments = {"From the start": 0.0} | {event_words(e): e.start_s for e in events[:8]}
        chosen = st.pills("Play", list(moments), default="From the start", key=f"{key} moment")
        start = moments.get(chosen or "", 0.0)
    if playable is None:
        st.info("Browsers do not play this kind of file, and it is too long to convert here.")
    else:
        st.audio(playable, start_time=start, alt="The recording", autoplay=start > 0)
    st.altair_chart(
        clip_chart(picture, events), alt=describe_clip(picture, events), key=f"{key} picture"
    )
    if not events:
        st.caption("No events detected in this clip.")


@st.cache_data(max_entries=16, show_spinner="Drawing the recording")
def _picture(content: bytes) -> tuple[SoundPicture, bytes | None]:
    """Picture of a clip, and the clip as browsers play it; None if it is too long for that."""
    picture = sound_picture(io.BytesIO(content))
    with Clip(io.BytesIO(content)) as clip:
        if clip.format in _PLAYABLE and clip.channels <= 2:
            return picture, content
        if picture.duration_s > MAX_CONVERTED_S:
            return picture, None
        buffer = io.BytesIO()
        with soundfile.SoundFile(
            buffer, "w", SAMPLE_RATE, 1, format="WAV", subtype="PCM_16"
        ) as file:
            for block in clip.waveform_blocks():
                file.write(block)
    return picture, buffer.getvalue()
