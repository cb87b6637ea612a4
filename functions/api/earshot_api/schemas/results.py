"""Answers about results, alerts and feedback."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired  # pydantic wants it from here on 3.11

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from earshot.labels import Label


class Feedback(TypedDict):
    """A confirmation or a correction."""

    label: Label
    verdict: Annotated[
        Literal["confirmed", "corrected"],
        Field(description="Confirmation or correction of the classification's label."),
    ]
    comment: str
    by: str
    at: str


class Reason(TypedDict):
    """Why a clip was rejected."""

    code: str
    detail: str


class AudioSetClass(TypedDict):
    """One of the AudioSet top-5: a class, and YAMNet's highest score for it in the clip."""

    name: str
    score: float


class Event(TypedDict):
    """A stretch of a clip in which a label was detected; seconds from its start."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    label: Label
    start_s: float
    end_s: float
    confidence: float


class Result(TypedDict):
    """A classification, or the reason of a rejection; newer versions may add fields."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    clip_id: str
    status: Literal["classified", "rejected"]
    source: str
    timestamp: str
    recorded_at: NotRequired[str]
    bucket: NotRequired[str]
    key: NotRequired[str]
    clip_url: NotRequired[str]
    version_id: NotRequired[str]
    class_id: NotRequired[int]
    label: NotRequired[Label]
    confidence: NotRequired[float]
    probabilities: NotRequired[dict[str, float]]
    uncertain: NotRequired[bool]
    events: NotRequired[list[Event]]
    event_count: NotRequired[int]
    heard: NotRequired[
        Annotated[
            list[AudioSetClass],
            Field(description="AudioSet top-5: the classes with YAMNet's highest scores."),
        ]
    ]
    duration_s: NotRequired[float]
    warnings: NotRequired[list[str]]
    model_version: NotRequired[str]
    model_sha256: NotRequired[str]
    reason: NotRequired[Reason]
    verified_label: NotRequired[Label]
    feedback: NotRequired[list[Feedback]]
    alerted_at: NotRequired[str]
    muted_by: NotRequired[
        Annotated[
            dict[str, str],
            Field(description="Labels whose alert was muted, and the clip whose mute it was."),
        ]
    ]


class Results(TypedDict):
    """A page of results, newest first."""

    results: list[Result]
    next_cursor: str | None


class Count(TypedDict):
    """Results of one stretch of time, source and label."""

    start: str
    source: str
    label: Annotated[Label | None, Field(description="Null for clips that were rejected.")]
    results: int
    alerted: int
    uncertain: int
    reviewed: int
    corrected: int


class Summary(TypedDict):
    """Counts of results; what is counted in several pages may add to the same stretch."""

    bucket_s: int
    counts: list[Count]
    next_cursor: str | None


class Alert(TypedDict):
    """A message about a result, and when it was sent. Copies of an alert have one `alert_id`."""

    alert_id: str
    clip_id: str
    label: Label
    confidence: float
    uncertain: NotRequired[bool]
    events: NotRequired[list[Event]]
    event_count: NotRequired[int]
    source: str
    timestamp: str
    recorded_at: NotRequired[str]
    model_version: NotRequired[str]
    result: str
    alerted_at: str
    verified_label: NotRequired[Label]


class Alerts(TypedDict):
    """A page of alerts, newest first."""

    alerts: list[Alert]
    next_cursor: str | None


class Mute(TypedDict):
    """A sound of a source that raises no alert: that of a clip which a person called casual."""

    clip_id: str
    source: str
    labels: Annotated[list[Label], Field(description="Those whose alerts are muted.")]
    by: Annotated[str, Field(description="Subject of the person's token.")]
    at: str
    expires_at: str


class Mutes(TypedDict):
    """A page of mutes, newest first."""

    mutes: list[Mute]
    next_cursor: str | None


class FeedbackAnswer(TypedDict):
    """A clip after feedback."""

    clip_id: str
    label: Label
    verified_label: Label | None
    training_key: str | None
    feedback: list[Feedback]
    mute: Annotated[
        Mute | None, Field(description="That this feedback asked for; null without `mute_alike`.")
    ]
