"""What requests and answers look like; validation and the OpenAPI document both follow these."""

from __future__ import annotations

from datetime import datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic wants it from here on 3.11
)

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from typing_extensions import TypedDict

from earshot.labels import Label
from earshot.uploads import MAX_SOURCE_LENGTH, SOURCE_PATTERN, parse_time

MAX_COMMENT_LENGTH = 1000

ClipId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Source = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_SOURCE_LENGTH, pattern=SOURCE_PATTERN),
]


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is a text, such as 2026-01-31T12:00:00Z")
    try:
        return parse_time(value)
    except ValueError as error:
        raise ValueError("this is no ISO 8601 time, such as 2026-01-31T12:00:00Z") from error


Time = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _not_a_folder(source: str) -> str:
    if source in {".", ".."} or source != source.strip():
        raise ValueError("a source is a folder's name: not a dot, and no space around it")
    return source


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class UploadRequest(_Request):
    """An upload that is about to come."""

    source: Annotated[Source, AfterValidator(_not_a_folder)] | None = Field(
        default=None, description="Camera or site.", examples=["north gate"]
    )
    recorded_at: Time | None = Field(default=None, description="When the recording began.")
    content_type: Annotated[str, StringConstraints(pattern=r"^audio/[A-Za-z0-9.+-]{1,64}$")] = (
        Field(default="audio/wav", description="Media type of the clip.")
    )


class FeedbackRequest(_Request):
    """What a person says of a clip."""

    label: Annotated[Label, Field(strict=False)] = Field(
        description="What the clip holds: the label that was heard confirms it."
    )
    comment: str = Field(default="", max_length=MAX_COMMENT_LENGTH)


class About(TypedDict):
    """The service and where to go on."""

    name: str
    version: str
    description: str
    links: dict[str, str]


class Health(TypedDict):
    """Alive."""

    status: Literal["ok"]


class Feedback(TypedDict):
    """One thing that was said of a clip."""

    label: Label
    verdict: Literal["confirmed", "corrected"]
    comment: str
    by: str
    at: str


class Reason(TypedDict):
    """Why a clip was rejected."""

    code: str
    detail: str


class Heard(TypedDict):
    """An AudioSet class that YAMNet itself heard."""

    name: str
    score: float


class Event(TypedDict):
    """A stretch of a clip in which something was heard; seconds from its start."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    label: Label
    start_s: float
    end_s: float
    confidence: float


class Result(TypedDict):
    """What was heard in a clip, or why it was rejected; newer models say more."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    clip_id: str
    status: Literal["classified", "rejected"]
    source: str
    timestamp: str
    recorded_at: NotRequired[str]
    bucket: NotRequired[str]
    key: NotRequired[str]
    version_id: NotRequired[str]
    class_id: NotRequired[int]
    label: NotRequired[Label]
    confidence: NotRequired[float]
    probabilities: NotRequired[dict[str, float]]
    uncertain: NotRequired[bool]
    events: NotRequired[list[Event]]
    heard: NotRequired[list[Heard]]
    duration_s: NotRequired[float]
    warnings: NotRequired[list[str]]
    model_version: NotRequired[str]
    model_sha256: NotRequired[str]
    reason: NotRequired[Reason]
    verified_label: NotRequired[Label]
    feedback: NotRequired[list[Feedback]]


class Results(TypedDict):
    """A page of results, newest first."""

    results: list[Result]
    next_cursor: str | None


class Ticket(TypedDict):
    """Where and how to upload: POST a form with these fields first and the clip as `file` last."""

    clip_id: str
    result: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: str


class FeedbackAnswer(TypedDict):
    """A clip after feedback."""

    clip_id: str
    label: Label
    verified_label: Label
    training_key: str | None
    feedback: list[Feedback]


class Champion(TypedDict):
    """The model that serves."""

    version: str
    manifest_sha256: str
    metrics: dict[str, Any] | None


class Status(TypedDict):
    """How the system is."""

    status: Literal["ok"]
    time: str
    uptime_s: float
    model: Champion | None
    queues: dict[str, int]
    last_result: Result | None


class Problem(TypedDict):
    """An error, as RFC 9457 has it."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    type: str
    title: str
    status: int
    detail: str
