"""Models: the versions, how good they are, and which of them serves."""

from __future__ import annotations

from typing import Any

import streamlit as st

from earshot.times import parse_time
from earshot_client.api_client import EarshotClient
from ui import session
from ui.components import comparison
from ui.components.model_charts import (
    HELD_OUT,
    confusion_chart,
    describe_confusion,
    figures,
    pairs,
    pairs_chart,
)
from ui.components.rows import local_time
from ui.errors import guarded, shown_errors

zone = st.context.timezone or "UTC"


@guarded
def page() -> None:
    """All versions, and one of them in detail."""
    models = session.client().models()
    if not models:
        st.info(
            "No version is published yet: the model inside the image serves. The first "
            "retraining publishes it as v1."
        )
        return
    models = [{**m, **_figures(m)} for m in models]
    champion = next((m for m in models if m["champion"]), None)
    summary(models, champion)
    if compared := pairs(models):
        with st.container(border=True):
            st.markdown("##### Each version and the one before it, on the same clips")
            st.altair_chart(
                pairs_chart(compared),
                key="pairs",
                alt="; ".join(
                    f"{one['version']}: macro F1 {one['own']:.3f}, before {one['before']:.3f}, "
                    f"{one['words']}"
                    for one in compared
                ),
            )
            st.caption("Two bars beside each other were measured on the same held-out clips.")
    st.caption(f"Times in {zone}.")
    names = [m["version"] for m in models]
    at = names.index(champion["version"]) if champion else 0
    chosen = st.selectbox(
        "Version", names, index=at, help="Choose another one to promote it, or to roll back to it."
    )
    version(session.client().model(chosen), champion)


def summary(models: list[dict[str, Any]], champion: dict[str, Any] | None) -> None:
    """A row for each version."""
    st.dataframe(
        [
            {
                "version": m["version"],
                "use": "★ serves" if m["champion"] else "",
                "outcome": m["status"] or "",
                "macro F1": m["macro_f1"],
                "accuracy": m["accuracy"],
                "measured": m["measured"],
                "came of": m["parent"] or "",
                "made": m["created"] and local_time(parse_time(m["created"]), zone),
            }
            for m in models
        ],
        hide_index=True,
        column_config={
            "macro F1": st.column_config.NumberColumn(format="%.3f"),
            "accuracy": st.column_config.NumberColumn(format="%.3f"),
            "made": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
        alt=f"{len(models)} versions; {champion['version'] if champion else 'none'} is champion",
    )


def version(model: dict[str, Any], champion: dict[str, Any] | None) -> None:
    """One version: its metrics, the gate's decision, its promotions, and a way to promote it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"### {model['version']}")
            if model["champion"]:
                st.badge(
                    "Serves",
                    icon=":material/star:",
                    color="green",
                    help="The champion: clips are classified by this version. To roll back, choose "
                    "an earlier one above.",
                )
            elif session.may("admin") and st.button(
                f"{verb(model, champion)} {model['version']}", type="primary"
            ):
                confirm(model, champion)
        metrics, how = figures(model["metrics"])
        if metrics:
            st.caption(
                f"{how.capitalize()}, {metrics['n']} clips: macro F1 {metrics['macro_f1']:.3f}, "
                f"accuracy {metrics['accuracy']:.3f}"
            )
            left, right = st.columns(2, gap="medium")
            with left:
                st.altair_chart(
                    confusion_chart(metrics), key="confusion", alt=describe_confusion(metrics)
                )
            with right:
                st.dataframe(
                    [{"label": label, **scores} for label, scores in metrics["per_class"].items()],
                    hide_index=True,
                    column_config={
                        name: st.column_config.NumberColumn(format="%.3f")
                        for name in ("precision", "recall", "f1")
                    },
                )
        if model["decision"]:
            comparison.gate(model["decision"])
        if model["promotions"]:
            st.markdown("##### Promotions")
            for one in model["promotions"]:
                when = local_time(parse_time(one["promoted_at"]), zone)
                forced = ", forced" if one["forced"] else ""
                st.text(f"{when:%d %b %Y, %H:%M}  by {one['promoted_by']}{forced}: {one['reason']}")


def _figures(model: dict[str, Any]) -> dict[str, Any]:
    """Of a version in the list: macro F1, accuracy, and how they were measured."""
    known = _details(session.client(), model["version"], model["manifest_sha256"])
    found = {"decision": known["decision"], "measured": HELD_OUT}
    if model["macro_f1"] is not None:
        return found
    metrics, how = figures(known["metrics"])
    return (
        found | {name: metrics.get(name) for name in ("macro_f1", "accuracy")} | {"measured": how}
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _details(_client: EarshotClient, version: str, sha256: str) -> dict[str, Any]:
    """Metrics and decision of a version, which never change under this digest of its manifest."""
    model = _client.model(version)
    return {"metrics": model["metrics"], "decision": model["decision"]}


def verb(model: dict[str, Any], champion: dict[str, Any] | None) -> str:
    """What the exchange is called: a version that was made before the champion is gone back to."""
    back = champion and (model["created"] or "") < (champion["created"] or "")
    return "Roll back to" if back else "Promote"


@st.dialog("Choose the version that serves")
def confirm(model: dict[str, Any], champion: dict[str, Any] | None) -> None:
    """Ask once more, and for a reason; then do it."""
    name = model["version"]
    serves = champion["version"] if champion else "the model inside the image"
    st.markdown(f"**{name}** replaces **{serves}** within a minute.")
    reason = st.text_input(
        "Reason (required)", max_chars=1000, placeholder="Recorded with the promotion"
    ).strip()
    force = False
    if not model["promotions"] and not (model["decision"] or {}).get("promote"):
        seen = "did not pass the gate" if model["decision"] else "was not compared by the gate"
        st.warning(f"This version {seen}.", icon=":material/block:")
        force = st.checkbox("Promote anyway (this is recorded)")
    with st.container(horizontal=True):
        # Not disabled without a reason: the click that ends the typing would be lost.
        replaced = st.button("Yes, replace", type="primary")
        if st.button("Cancel"):
            st.rerun()
    if replaced and not reason:
        st.error("Say why: the reason is recorded with the promotion.")
    elif replaced:
        with shown_errors():
            session.client().promote(name, reason, force=force)
            st.session_state["exchanged"] = f"{name} is the champion now."
            st.rerun()


st.title("Models")
if news := st.session_state.pop("exchanged", None):
    st.success(news, icon=":material/verified:")
page()
