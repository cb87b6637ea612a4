"""How labels and confidences look: a color never stands alone, a shape and words go with it.

The colors are Okabe & Ito's (2008), which people with color blindness can distinguish, made lighter
or darker to at least 4.5:1 on their background (WCAG 2.1, 1.4.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import streamlit as st

from earshot.alerts.alert import Alert
from earshot.labels import LABELS, Label
from earshot.results.result import Classification, Result


@dataclass(frozen=True)
class Tones:
    """Colors of charts on a light or a dark page, as CSS has them.

    Attributes:
        background, surface: of the page, and of what is raised.
        text, muted, accent: on either.
        labels: colors of `LABELS`, in their order.
        rejected, second: of rejected clips, and of the second of two models.
        full: of a full cell, on which text is readable.
    """

    background: str
    surface: str
    text: str
    muted: str
    accent: str
    labels: tuple[str, str, str, str]
    rejected: str
    second: str
    full: str


# As in .streamlit/config.toml.
DARK = Tones(
    "#0f1722", "#182332", "#e8edf3", "#9fb0c3", "#56b4e9",
    ("#a9b8c6", "#ff8552", "#f0d65a", "#56b4e9"), "#6d7f92", "#7f93a8", "#2a6f9e",
)  # fmt: skip
LIGHT = Tones(
    "#ffffff", "#f0f4f8", "#17202b", "#4a5a6b", "#0b6299",
    ("#4e5d6c", "#a93c06", "#745c00", "#0b6299"), "#66737f", "#5b6b7b", "#a8d3ee",
)  # fmt: skip


def tones() -> Tones:
    """Those of the page that is being drawn."""
    return LIGHT if st.context.theme.type == "light" else DARK


@dataclass(frozen=True)
class Look:
    """How a label is shown.

    Attributes:
        word: for people.
        symbol: the label's shape, as a character.
    """

    word: str
    symbol: str

    @property
    def title(self) -> str:
        """Shape and word."""
        return f"{self.symbol} {self.word}"


LOOKS = {
    Label.CASUAL: Look("Casual", "■"),
    Label.GUNSHOT: Look("Gunshot", "▲"),
    Label.EXPLOSION: Look("Explosion", "◆"),
    Label.SIREN: Look("Siren", "●"),
}
TITLES = [LOOKS[label].title for label in LABELS]

REJECTED = "✕ Rejected"


def title(label: str) -> str:
    """Shape and word of a label."""
    return LOOKS[Label(label)].title


def label_title(result: Result) -> str:
    """Shape and word of a result's label, or of its rejection."""
    return title(result.classification.label) if result.classification else REJECTED


def plain(text: str) -> str:
    """A text that means itself where Streamlit reads Markdown; a source may be anybody's."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)  # ASCII's punctuation


@dataclass(frozen=True)
class Sureness:
    """A confidence for people: words, one of Streamlit's colors, and one of its icons."""

    words: str
    color: str
    icon: str


def sureness(outcome: Classification | Alert) -> Sureness:
    """Words for the confidence of a classification, or of the one that an alert is about."""
    confidence = outcome.confidence
    if outcome.uncertain:
        return Sureness("Uncertain: please review", "orange", ":material/hearing:")
    if confidence >= 0.9:
        return Sureness("Very sure", "green", ":material/verified:")
    if confidence >= 0.7:
        return Sureness("Fairly sure", "blue", ":material/check:")
    return Sureness("Not very sure", "yellow", ":material/help:")


def per_cent(share: float) -> str:
    """A share such as 0.984 as ``98 %``; only what is exactly 1 is 100 %."""
    return (
        f"{share:.0%}".replace("%", " %")
        if share in (0, 1) or 0.005 <= share < 0.995
        else ("> 99 %" if share > 0.5 else "< 1 %")
    )


def seconds(value: float) -> str:
    """A duration such as ``5.9 s`` or ``12 min 5 s``."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
