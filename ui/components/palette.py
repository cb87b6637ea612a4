"""How labels and confidences look: a color never stands alone, a shape and words go with it.

The colors are Okabe & Ito's (2008), which people with color blindness can tell apart, raised
to at least 4.5:1 on the dark background (WCAG 2.1, 1.4.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import altair as alt

from earshot.alerts.alert import Alert
from earshot.labels import LABELS, Label
from earshot.results.result import Classification, Result

BACKGROUND = "#0f1722"
SURFACE = "#182332"
BORDER = "#2c3b4f"
TEXT = "#e8edf3"
MUTED = "#9fb0c3"
ACCENT = "#56b4e9"


@dataclass(frozen=True)
class Look:
    """How a label is shown.

    Attributes:
        word: for people.
        color: as CSS has it.
        symbol: the label's shape, as a character.
        shape: the same, as Vega names it.
        badge: the nearest of Streamlit's colors.
    """

    word: str
    color: str
    symbol: str
    shape: str
    badge: str

    @property
    def title(self) -> str:
        """Shape and word."""
        return f"{self.symbol} {self.word}"


LOOKS = {
    Label.CASUAL: Look("Casual", "#a9b8c6", "■", "square", "gray"),
    Label.GUNSHOT: Look("Gunshot", "#ff8552", "▲", "triangle-up", "orange"),
    Label.EXPLOSION: Look("Explosion", "#f0d65a", "◆", "diamond", "yellow"),
    Label.SIREN: Look("Siren", "#56b4e9", "●", "circle", "blue"),
}
TITLES = [LOOKS[label].title for label in LABELS]
COLORS = [LOOKS[label].color for label in LABELS]
COLOR_SCALE = alt.Scale(domain=TITLES, range=COLORS)
SHAPE_SCALE = alt.Scale(domain=TITLES, range=[LOOKS[label].shape for label in LABELS])

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
