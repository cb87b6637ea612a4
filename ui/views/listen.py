"""Listen: hand a recording in, and see what was heard in it, when, and why."""

from __future__ import annotations

import streamlit as st

from earshot.results.result import Result
from ui import session
from ui.components import clip, feedback, palette
from ui.errors import guarded, told
from ui.submission import hear

st.title("Listen")
st.markdown(
    "Drop recordings in or speak into the microphone: each is searched for **gunshots**, "
    "**explosions** and **sirens**."
)


def take_in() -> tuple[list[tuple[str, str, bytes]], str]:
    """Name, identity and content of each recording that was handed in, and their source."""
    files, microphone, place = st.columns([5, 3, 3], gap="medium")
    with files:
        uploaded = st.file_uploader(
            "Recordings",
            ["wav", "flac", "ogg", "mp3", "aiff"],
            accept_multiple_files=True,
            help="WAV in any of its kinds, FLAC, Ogg, MP3 or AIFF; up to 4 hours and 100 MB each.",
        )
    with microphone:
        spoken = st.audio_input("Microphone", sample_rate=16_000)
    source = place.text_input(
        "Source",
        max_chars=128,
        placeholder="Camera or site",
        help="Where the recordings come from, such as north gate. May be left empty.",
    )
    handed_in = [*uploaded, *([spoken] if spoken else [])]
    return [(one.name, one.file_id, one.getvalue()) for one in handed_in], source.strip()


def heard(name: str, file_id: str, content: bytes, source: str) -> Result:
    """Result of a recording, which is heard once however often the page is drawn."""
    results = st.session_state.setdefault("heard", {})
    if file_id not in results:
        bar = st.progress(0.0, text=f"{name}: sending")

        def show(share: float, doing: str) -> None:
            bar.progress(share, text=f"{name}: {doing} …")

        try:
            results[file_id] = hear(
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
    recordings, source = take_in()
    found = []
    for name, file_id, content in recordings:
        with told():  # one that fails keeps no other from being heard
            result = heard(name, file_id, content, source)
            found.append((name, file_id, content, result))
    if not recordings:
        st.caption("Nothing has been handed in yet.")
    if not found:
        return
    chosen = found[0]
    if len(found) > 1:
        st.dataframe(
            [
                {
                    "recording": name,
                    "heard": palette.heard_title(result),
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
            format_func=lambda i: f"{found[i][0]}: {palette.heard_title(found[i][3])}",
        )
        chosen = found[index]
    name, file_id, content, result = chosen
    with st.container(border=True):
        clip.show(result, content, file_id)
        if result.location:
            st.page_link(
                "views/results.py",
                label="Kept among the results",
                icon=":material/inventory_2:",
                query_params={"clip": result.clip_id},
            )
    feedback.ask(result, file_id, lambda new: st.session_state["heard"].update({file_id: new}))


page()
