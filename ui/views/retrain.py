"""Retrain: train a candidate on labeled clips and corrections, and see the gate's checks."""

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
from ui.components import comparison, outlook, palette
from ui.errors import guarded

REFRESH = timedelta(seconds=5)
RUN = "run"  # the retraining that is shown, in the page's address too
CORRECTIONS, FILES = "Corrections and labeled clips", "Uploaded files"
TRAIN, HOLD_OUT = "train", "hold out"
zone = st.context.timezone or "UTC"
# What a step of infrastructure/retrain.asl.yaml does, for people.
STEPS = {
    "Plan": "Choose the clips",
    "EmbedBatches": "Embed the clips",
    "Train": "Train the candidate",
    "Evaluate": "Evaluate candidate and champion",
    "ApplyGate": "Apply the gate",
    "Promote": "Promote or reject",
    "Notify": "Notify",
}
OF_STEP = {"Passed?": "ApplyGate", "Reject": "Promote", "RecordFailure": "Notify"}


@dataclass(frozen=True)
class LabeledFile:
    """A labeled clip, for training or for the held-out set."""

    content: bytes
    label: str
    held_out: bool


@guarded
def start() -> None:
    """Choice of the clips, and the button that starts a retraining."""
    with st.container(border=True):
        way = st.segmented_control(
            "Train on", [CORRECTIONS, FILES], default=CORRECTIONS, required=True
        )
        ahead = session.client().outlook()
        clips, alone = None, False
        if way == CORRECTIONS:
            st.caption(
                "All clips that were confirmed or corrected, and all labeled clips under "
                "`training/` in the bucket."
            )
        else:
            clips = files()
            alone = not st.toggle(
                "Also train on corrections and labeled clips in the bucket", value=True
            )
        outlook.show(ahead, files=None if clips is None else held_and_not(clips), alone=alone)
        if ahead["running"]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.info(
                    "A retraining is under way; there is one at a time.",
                    icon=":material/hourglass_top:",
                )
                st.button("Show it", on_click=open_run, args=[ahead["running"]])
        reason = st.text_input(
            "Reason", placeholder="Recorded with the version, such as: new site", max_chars=1000
        )
        ready = not ahead["running"] and (bool(clips) if way == FILES else not ahead["reasons"])
        if st.button(
            "Start retraining", type="primary", icon=":material/play_arrow:", disabled=not ready
        ):
            prefix = hand_in(clips) if clips else ""
            wanted = {"prefix": prefix} if alone else {}
            st.query_params[RUN] = session.client().retrain(reason=reason, **wanted)
            st.rerun()
    outlook.earlier(ahead["earlier"], zone, open_run)


def held_and_not(clips: list[LabeledFile]) -> tuple[Counter[str], Counter[str]]:
    """Numbers of files by label: of those to train on, and of those to evaluate on."""
    trained, held_out = (
        Counter(one.label for one in clips if one.held_out is held) for held in (False, True)
    )
    return trained, held_out


def open_run(run: str) -> None:
    """Show a retraining."""
    st.query_params[RUN] = run


def files() -> list[LabeledFile]:
    """Labeled files; none until each has a label and one is for training."""
    uploaded = st.file_uploader(
        "Labeled clips",
        "wav",
        accept_multiple_files=True,
        help="WAVs of up to 100 MB. A name that begins with a label, such as gunshot_001.wav, "
        "sets the label.",
    )
    if not uploaded:
        return []
    holding_out = st.toggle(
        "Hold out one in three for evaluation",
        help="The gate needs at least 20 clips, 3 of each label, that no model was trained "
        "on. A new installation has none yet.",
    )
    rows = [
        {
            "clip": one.name,
            "label": str(label_of(PurePath(one.name)) or "") or None,
            "use": HOLD_OUT if holding_out and number % 3 == 2 else TRAIN,
        }
        for number, one in enumerate(uploaded)
    ]
    edited = st.data_editor(
        rows,
        key=f"labels {holding_out} {hash(tuple(one.file_id for one in uploaded))}",
        hide_index=True,
        disabled=["clip"],
        height=min(38 + 35 * len(rows), 320),
        column_config={
            "label": st.column_config.SelectboxColumn(
                options=list(map(str, LABELS)),
                format_func=lambda label: palette.title(str(label)),
                required=True,
            ),
            "use": st.column_config.SelectboxColumn(options=[TRAIN, HOLD_OUT], required=True),
        },
        alt="Label and use of each clip",
    )
    if missing := [row["clip"] for row in edited if not row["label"]]:
        named = palette.plain(", ".join(missing))
        st.info(f"Choose a label in the table for {named}.", icon=":material/label:")
        return []
    counts = Counter(row["use"] for row in edited)
    st.caption(f"{counts[TRAIN]} for training, {counts[HOLD_OUT]} held out")
    if not counts[TRAIN]:
        return []
    return [
        LabeledFile(one.getvalue(), row["label"], row["use"] == HOLD_OUT)
        for row, one in zip(edited, uploaded, strict=True)
    ]


def hand_in(clips: list[LabeledFile]) -> str:
    """Upload labeled files; returns the prefix of the training clips."""
    client = session.client()
    batch = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    bar = st.progress(0.0, text="Uploading")
    prefix = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        for number, one in enumerate(clips):
            path.write_bytes(one.content)
            kept_at = client.upload_training_clip(path, one.label, batch, held_out=one.held_out)
            prefix = prefix if one.held_out else kept_at
            bar.progress((number + 1) / len(clips), f"Uploading, {number + 1} of {len(clips)}")
    return prefix


@guarded
def watch(run: str) -> None:
    """State of a retraining, refreshed until it ends."""
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
        if st.session_state.get("ended") != run:
            st.session_state["ended"] = run
            st.rerun()  # what the next one would start from is another
        for reason in stands["reasons"]:
            st.markdown(f"- {palette.plain(reason)}")
    if stands["state"] == "promoted":
        st.success(
            f"{stands['version']} is the champion now. It serves within a minute.",
            icon=":material/verified:",
        )
    if stands["state"] == "rejected":
        st.warning(
            f"{stands['version']} was not promoted: {stands['champion']} stays champion.",
            icon=":material/block:",
        )
    if stands["state"] == "unchanged":
        st.info(f"No change: {stands['champion']} stays champion.", icon=":material/equal:")
    if stands["corrections"]:
        comparison.corrections(stands["corrections"], serves=stands["state"] == "promoted")
    if stands["left_out"]:
        comparison.left_out(stands["left_out"])
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
    "A candidate is trained on labeled clips and corrections. It is promoted only if it passes "
    "**the gate**: on held-out clips it must be no worse than the champion, which is the version "
    "that serves."
)
if run := st.query_params.get(RUN):
    ended = st.session_state.get("ended") == run
    st.fragment(watch, run_every=None if ended else REFRESH)(run)
start()
