"""What requests and answers look like; validation and the OpenAPI document both follow these."""

from __future__ import annotations

from datetime import datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic wants it from here on 3.11
    cast,
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
from earshot.retraining.plan import AUGMENTATIONS, DEFAULT_AUGMENTATIONS
from earshot.times import parse_time
from earshot.uploads.objects import MAX_SOURCE_LENGTH, SOURCE_PATTERN, TRAINING_PREFIX

MAX_COMMENT_LENGTH = 1000
MAX_PREFIX_LENGTH = 500

ClipId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Augmentation = Literal["noise", "pitch", "stretch", "background"]
RetrainingId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
Version = Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]{0,8}$")]
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


class TrainingClipRequest(_Request):
    """A labelled clip that is about to come."""

    label: Annotated[Label, Field(strict=False)] = Field(description="What the clip holds.")
    batch: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] = Field(
        description="Name for clips that belong together; the same for all of them."
    )
    held_out: bool = Field(
        default=False, description="It judges new models, and none ever learns from it."
    )


class FeedbackRequest(_Request):
    """What a person says of a clip."""

    label: Annotated[Label, Field(strict=False)] = Field(
        description="What the clip holds: the label that was heard confirms it."
    )
    comment: str = Field(default="", max_length=MAX_COMMENT_LENGTH)


# Folders below one another, none of which is `..`.
_FOLDER_WITHIN_TRAINING = rf"^{TRAINING_PREFIX}([^/.\x00-\x1f]+(\.[^/.\x00-\x1f]+)*/)*$"


def _whole(number: object) -> object:
    """To JSON Schema, 7.0 is an integer."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


class RetrainRequest(_Request):
    """What is asked of a retraining."""

    prefix: str = Field(
        default=TRAINING_PREFIX,
        max_length=MAX_PREFIX_LENGTH,
        pattern=_FOLDER_WITHIN_TRAINING,
        description=f"Folder of clips to learn from, within `{TRAINING_PREFIX}`.",
    )
    augmentations: list[Augmentation] = Field(
        default=cast(list[Augmentation], list(DEFAULT_AUGMENTATIONS)),
        max_length=len(AUGMENTATIONS),
        description="Each gives one more copy of each clip.",
    )
    seed: Annotated[int, BeforeValidator(_whole)] = Field(
        default=0, ge=0, lt=2**32, description="Of all chance in it."
    )
    reason: str = Field(default="", max_length=MAX_COMMENT_LENGTH)


class PromotionRequest(_Request):
    """Why a version is to serve."""

    reason: str = Field(min_length=1, max_length=MAX_COMMENT_LENGTH)
    force: bool = Field(default=False, description="Also if the gate did not let it pass.")


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
    clip_url: NotRequired[str]
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
    alerted_at: NotRequired[str]


class Results(TypedDict):
    """A page of results, newest first."""

    results: list[Result]
    next_cursor: str | None


class Alert(TypedDict):
    """What was told of a result, and when."""

    clip_id: str
    label: Label
    confidence: float
    uncertain: NotRequired[bool]
    events: NotRequired[list[Event]]
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


class Ticket(TypedDict):
    """Where and how to upload: POST a form with these fields first and the clip as `file` last."""

    clip_id: str
    result: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: str


class TrainingTicket(TypedDict):
    """As `Ticket`, for a labelled clip; a retraining that names `prefix` learns from the batch."""

    key: str
    prefix: str
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


class StartedRetraining(TypedDict):
    """A retraining that has begun."""

    id: str
    state: Literal["running"]
    status: str


class Check(TypedDict):
    """One question that the gate asks."""

    name: str
    passed: bool
    candidate: float
    champion: float | None
    limit: float
    excused: NotRequired[bool]
    carried: NotRequired[float]
    reason: str


class Decision(TypedDict):
    """What the gate says of a version."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    promote: bool
    checks: list[Check]


class Retraining(TypedDict):
    """Where a retraining stands; `embedded` is the share of its clips that are heard, 0 to 1."""

    id: str
    state: Literal["running", "promoted", "rejected", "refused", "failed", "aborted"]
    step: str | None
    started: str
    stopped: str | None
    clips: int | None
    embedded: float
    metrics: dict[str, Any] | None
    comparison: dict[str, Any] | None
    version: str | None
    decision: Decision | None
    reasons: list[str]
    champion: str | None


class ModelInShort(TypedDict):
    """A model version."""

    version: str
    created: str | None
    parent: str | None
    champion: bool
    status: str | None
    macro_f1: float | None
    accuracy: float | None
    manifest_sha256: str


class Models(TypedDict):
    """All versions, newest first."""

    models: list[ModelInShort]


class Promotion(TypedDict):
    """How a version became champion."""

    version: str
    manifest_sha256: str
    promoted_at: str
    promoted_by: str
    reason: str
    forced: bool


class Model(ModelInShort):
    """All that is known of a version."""

    metrics: dict[str, Any]
    decision: Decision | None
    outcome: dict[str, Any] | None
    manifest: dict[str, Any]
    promotions: list[Promotion]


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
