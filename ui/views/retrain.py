"""Retrain: learn from labelled clips and corrections, and see what the gate makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePath
from typing import Any

import streamlit as st

from earshot.form import MAX_BODY_BYTES
from earshot.labels import LABELS, label_of
from ui import session
from ui.components import comparison, looks
from ui.guard import guarded

REFRESH = timedelta(seconds=2)
RUN = "run"  # the retraining that is shown, in the page's address too
CORRECTIONS, FILES = "Corrections and labelled clips", "Files of mine"
# What a step of training/retrain.asl.yaml does, for people.
STEPS = {
    "Plan": "Choose the clips",
    "EmbedBatches": "Listen to them",
    "Train": "Learn",
    "Evaluate": "Measure candidate and champion",
    "Judge": "Ask the gate",
    "Promote": "Exchange the model",
    "Notify": "Tell",
}
OF_STEP = {"Gate": "Judge", "Reject": "Promote", "RecordFailure": "Notify"}


@guarded
def start() -> None:
    """What to learn from, and the button that begins it."""
    with st.container(border=True):
        way = st.segmented_control(
            "Learn from", [CORRECTIONS, FILES], default=CORRECTIONS, required=True
        )
        clips = files() if way == FILES else None
        if way == CORRECTIONS:
            st.caption(
                "Every clip that somebody confirmed or corrected, and whatever labelled clips "
                "have been put into the bucket under `training/`."
            )
        reason = st.text_input(
            "Reason", placeholder="Recorded with the version, such as: new site", max_chars=1000
        )
        ready = way == CORRECTIONS or bool(clips)
        if st.button(
            "Start retraining", type="primary", icon=":material/play_arrow:", disabled=not ready
        ):
            client = session.client()
            run = client.retrain_on(clips, reason) if clips else client.retrain(reason=reason)
            st.query_params[RUN] = run
            st.rerun()


def files() -> list[tuple[str, bytes]]:
    """Name and content of labelled files; none until each has a label and all fit."""
    uploaded = st.file_uploader(
        "Labelled recordings",
        "wav",
        accept_multiple_files=True,
        help="WAVs. A name that begins with a label, such as gunshot_001.wav, is understood.",
    )
    if not uploaded:
        return []
    rows = [
        {"recording": one.name, "label": str(label_of(PurePath(one.name)) or "")}
        for one in uploaded
    ]
    edited = st.data_editor(
        rows,
        key=f"labels {hash(tuple(one.file_id for one in uploaded))}",
        hide_index=True,
        disabled=["recording"],
        column_config={
            "label": st.column_config.SelectboxColumn(
                "label",
                options=list(map(str, LABELS)),
                format_func=lambda label: looks.title(str(label)),
                required=True,
            )
        },
    )
    size = sum(one.size for one in uploaded)
    if size > MAX_BODY_BYTES:
        st.warning(
            f"These are {size / 1e6:.1f} MB; {MAX_BODY_BYTES / 1e6:.1f} MB go with one request. "
            "Take fewer, or put them into the bucket under `training/<label>/`.",
            icon=":material/weight:",
        )
        return []
    if missing := [row["recording"] for row in edited if not row["label"]]:
        st.info(f"What is in {', '.join(missing)}?", icon=":material/label:")
        return []
    return [
        (f"{row['label']}_{number:03}_{one.name}", one.getvalue())
        for number, (row, one) in enumerate(zip(edited, uploaded, strict=True))
    ]


@guarded
def watch(run: str) -> None:
    """Where a retraining stands, asked for anew until it ends."""
    stands = session.client().retraining(run)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"##### Retraining `{run}`")
            comparison.state_badge(stands["state"])
            if stands["version"]:
                st.badge(stands["version"], icon=":material/deployed_code:", color="gray")
        if stands["state"] == "running":
            steps(stands)
            return
        st.session_state["ended"] = run
        for reason in stands["reasons"]:
            st.markdown(f"- {reason}")
    if stands["state"] == "promoted":
        st.success(
            f"{stands['version']} is the champion now. Clips are heard by it within a minute.",
            icon=":material/verified:",
        )
    found = stands.get("comparison")
    if found:
        comparison.show(found, run)
    if stands["decision"]:
        comparison.gate(stands["decision"])


def steps(stands: dict[str, Any]) -> None:
    """The steps, the one at work among them, and how far it is."""
    names = list(STEPS)
    step = OF_STEP.get(stands["step"] or "Plan", stands["step"] or "Plan")
    at = names.index(step) if step in names else 0
    for place, (name, words) in enumerate(STEPS.items()):
        if place < at:
            st.markdown(f":material/check_circle: {words}")
        elif place > at:
            st.markdown(f":gray[:material/radio_button_unchecked: {words}]")
        else:
            st.markdown(f":material/progress_activity: **{words} …**")
            if name == "EmbedBatches" and stands["clips"]:
                share = stands["embedded"]
                st.progress(share, text=f"{share:.0%} of {stands['clips']} clips")


st.title("Retrain")
st.markdown(
    "A new model learns from labelled clips and from what people corrected. It takes over only "
    "if **the gate** finds it no worse than the model that serves, on clips neither has learnt "
    "from."
)
start()
if run := st.query_params.get(RUN):
    ended = st.session_state.get("ended") == run
    st.fragment(watch, run_every=None if ended else REFRESH)(run)
