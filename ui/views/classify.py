"""Classify: upload or record clips, and see label, events and probabilities."""

from __future__ import annotations

import streamlit as st

from earshot.errors import EarshotError
from earshot.results.result import Result
from earshot_client.transport import ApiError
from ui import errors, session
from ui.components import palette
from ui.desk import CLIP, Desk
from ui.errors import guarded
from ui.groups import Group
from ui.submission import submit

zone = st.context.timezone or "UTC"
NONE = "Choose a file or record one; its label, events and spectrogram are shown here."


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
            results[file_id] = submit(session.client(), content, source, file_id, show)
        finally:
            bar.empty()
    result: Result = results[file_id]
    return result


@guarded
def page() -> None:
    handed_in, source = choose_clips()
    desk = Desk.of("classify")
    wanted = tuple(file_id for _, file_id, _ in handed_in)
    found, failed = [], 0
    for name, file_id, content in handed_in:
        try:
            found.append((name, result_of(name, file_id, content, source), content))
        except ApiError as error:
            errors.show(error, about=name)  # one that fails does not stop the others
            failed += 1
        except EarshotError as error:
            st.error(f"**{palette.plain(name)}**: {palette.plain(str(error))}")
            failed += 1
    if desk.stale((wanted, failed)):
        results = [result for _, result, _ in reversed(found)]
        names = {result.clip_id: name for name, result, _ in found}
        desk.groups.append(Group("clips", "Clips", NONE, results=results, names=names))
        desk.contents = {result.clip_id: content for _, result, content in found}
        if found:
            st.query_params[CLIP] = found[-1][1].clip_id
    desk.zone = zone
    st.fragment(desk.show)()


st.title("Classify")
st.markdown(
    "Upload clips or record one with the microphone. Each is searched for **gunshots**, "
    "**explosions** and **sirens**."
)
page()
