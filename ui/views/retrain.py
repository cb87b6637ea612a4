"""Retrain: learn from labelled clips and corrections, and see what the gate makes of it."""

from __future__ import annotations

import tempfile
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any

import streamlit as st

from earshot.labels import LABELS, label_of
from ui import session
from ui.components import comparison, palette
from ui.errors import guarded

REFRESH = timedelta(seconds=2)
RUN = "run"  # the retraining that is shown, in the page's address too
CORRECTIONS, FILES = "Corrections and labelled clips", "Files of mine"
LEARN, JUDGE = "learn", "judge"
# What a step of infrastructure/retrain.asl.yaml does, for people.
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


@dataclass(frozen=True)
class LabelledFile:
    """A recording with what it holds, and whether it judges or is learnt from."""

    content: bytes
    label: str
    judges: bool


@guarded
def start() -> None:
    """What to learn from, and the button that begins it."""
    with st.container(border=True):
        way = st.segmented_control(
            "Learn from", [CORRECTIONS, FILES], default=CORRECTIONS, required=True
        )
        clips = files() if way == FILES else None
        alone = False
        if way == CORRECTIONS:
            st.caption(
                "Every clip that somebody confirmed or corrected, and whatever labelled clips "
                "have been put into the bucket under `training/`."
            )
        else:
            alone = not st.toggle(
                "Learn from corrections and labelled clips in the bucket too", value=True
            )
        reason = st.text_input(
            "Reason", placeholder="Recorded with the version, such as: new site", max_chars=1000
        )
        ready = way == CORRECTIONS or bool(clips)
        if st.button(
            "Start retraining", type="primary", icon=":material/play_arrow:", disabled=not ready
        ):
            prefix = hand_in(clips) if clips else ""
            wanted = {"prefix": prefix} if alone else {}
            st.query_params[RUN] = session.client().retrain(reason=reason, **wanted)
            st.rerun()


def files() -> list[LabelledFile]:
    """Labelled files; none until each has a label and one is there to learn from."""
    uploaded = st.file_uploader(
        "Labelled recordings",
        "wav",
        accept_multiple_files=True,
        help="WAVs of up to 100 MB. A name that begins with a label, such as gunshot_001.wav, is "
        "understood.",
    )
    if not uploaded:
        return []
    judging = st.toggle(
        "Keep one in three to judge by",
        help="The gate needs at least 20 clips, 3 of each label, that no model has learnt from. "
        "The first retraining of a new installation has none yet.",
    )
    rows = [
        {
            "recording": one.name,
            "label": str(label_of(PurePath(one.name)) or "") or None,
            "use": JUDGE if judging and number % 3 == 2 else LEARN,
        }
        for number, one in enumerate(uploaded)
    ]
    edited = st.data_editor(
        rows,
        key=f"labels {judging} {hash(tuple(one.file_id for one in uploaded))}",
        hide_index=True,
        disabled=["recording"],
        height=min(38 + 35 * len(rows), 320),
        column_config={
            "label": st.column_config.SelectboxColumn(
                options=list(map(str, LABELS)),
                format_func=lambda label: palette.title(str(label)),
                required=True,
            ),
            "use": st.column_config.SelectboxColumn(options=[LEARN, JUDGE], required=True),
        },
        alt="What each recording holds, and what it is used for",
    )
    if missing := [row["recording"] for row in edited if not row["label"]]:
        st.info(f"Say in the table what is in {', '.join(missing)}.", icon=":material/label:")
        return []
    counts = Counter(row["use"] for row in edited)
    st.caption(f"{counts[LEARN]} to learn from, {counts[JUDGE]} to judge by")
    if not counts[LEARN]:
        return []
    return [
        LabelledFile(one.getvalue(), row["label"], row["use"] == JUDGE)
        for row, one in zip(edited, uploaded, strict=True)
    ]


def hand_in(clips: list[LabelledFile]) -> str:
    """Upload labelled files; the prefix to learn from."""
    client = session.client()
    batch = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    bar = st.progress(0.0, text="Uploading")
    prefix = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        for number, one in enumerate(clips):
            path.write_bytes(one.content)
            kept_at = client.upload_training_clip(path, one.label, batch, held_out=one.judges)
            prefix = prefix if one.judges else kept_at
            bar.progress((number + 1) / len(clips), f"Uploading, {number + 1} of {len(clips)}")
    return prefix


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
            st.markdown(f"- {palette.plain(reason)}")
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
