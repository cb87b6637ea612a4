"""Classify: upload or record clips, and see label, events and probabilities."""

from __future__ import annotations

import streamlit as st

from earshot.results.result import Result
from ui import session
from ui.components import clip, feedback, palette
from ui.errors import guarded, shown_errors
from ui.submission import submit

st.title("Classify")
st.markdown(
    "Upload clips or record one with the microphone. Each is searched for **gunshots**, "
    "**explosions** and **sirens**."
)


def choose_clips() -> tuple[list[tuple[str, str, bytes]], str]:
    """Name, identity and content of each chosen clip, and their source."""
    files, microphone, place = st.columns([5, 3, 3], gap="medium")
    with files:
        uploaded = st.file_uploader(
            "Clips",
            ["wav", "flac", "ogg", "mp3", "aiff"],
            accept_multiple_files=True,
            help="WAV, FLAC, Ogg, MP3 or AIFF; up to 4 hours and 100 MB each.",
        )
    with microphone:
        spoken = st.audio_input("Microphone", sample_rate=16_000)
    source = place.text_input(
        "Source",
        max_chars=128,
        placeholder="Camera or site",
        help="Camera, microphone or site, such as north gate. Optional.",
    )
    chosen = [*uploaded, *([spoken] if spoken else [])]
    return [(one.name, one.file_id, one.getvalue()) for one in chosen], source.strip()


def result_of(name: str, file_id: str, content: bytes, source: str) -> Result:
    """Result of a clip. It is classified once, however often the page is drawn."""
    results = st.session_state.setdefault("results", {})
    if file_id not in results:
        bar = st.progress(0.0, text=f"{name}: Sending")

        def show(share: float, doing: str) -> None:
            bar.progress(share, text=f"{name}: {doing} …")

        try:
            results[file_id] = submit(
                session.client(),
                content,
                source,
                file_id,
                show,
            )
        finally:
            bar.empty()
    result: Result = results[file_id]
    return result


@guarded
def page() -> None:
    clips, source = choose_clips()
    found = []
    for name, file_id, content in clips:
        with shown_errors():  # one that fails does not stop the others
            result = result_of(name, file_id, content, source)
            found.append((name, file_id, content, result))
    if not clips:
        st.caption("No clips yet.")
    if not found:
        return
    chosen = found[0]
    if len(found) > 1:
        st.dataframe(
            [
                {
                    "clip": name,
                    "label": palette.label_title(result),
                    "confidence": result.classification and result.classification.confidence,
                    "seconds": result.classification and result.classification.duration_s,
                }
                for name, _, _, result in found
            ],
            column_config={
                "confidence": st.column_config.ProgressColumn(
                    min_value=0, max_value=1, format="percent"
                )
            },
            hide_index=True,
        )
        index = st.selectbox(
            "Show",
            range(len(found)),
            format_func=lambda i: f"{found[i][0]}: {palette.label_title(found[i][3])}",
        )
        chosen = found[index]
    name, file_id, content, result = chosen
    with st.container(border=True):
        clip.show(result, content, file_id)
        if result.location:
            st.page_link(
                "views/results.py",
                label="Open in Results",
                icon=":material/inventory_2:",
                query_params={"clip": result.clip_id},
            )
    feedback.ask(result, file_id, lambda new: st.session_state["results"].update({file_id: new}))


page()
