"""Parameters and bodies of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from earshot.labels import Label
from earshot.model.publishing import FILE_NAME, MAX_FILES, SHA256
from earshot.model.versions import VERSION_PATTERN
from earshot.retraining.plan import AUGMENTATIONS, DEFAULT_AUGMENTATIONS, Augmentation
from earshot.times import parse_time
from earshot.uploads.objects import (
    MAX_SOURCE_LENGTH,
    SOURCE_PATTERN,
    TRAINING_PREFIX,
    clean_source,
)

MAX_COMMENT_LENGTH = 1000
MAX_PREFIX_LENGTH = 500
MAX_SOURCES = 50  # of a client

ClipId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
RetrainingId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Version = Annotated[str, StringConstraints(pattern=rf"^{VERSION_PATTERN}$")]
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


def _folder(source: str) -> str:
    if source in {".", ".."} or source != source.strip():
        raise ValueError("a source is a folder's name: not a dot, and no space around it")
    return clean_source(source)


Folder = Annotated[Source, AfterValidator(_folder)]


class Request(BaseModel):
    """What is not declared is refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class UploadRequest(Request):
    """A clip to upload."""

    source: Folder | None = Field(
        default=None, description="Camera or site.", examples=["north gate"]
    )
    recorded_at: Time | None = Field(default=None, description="When the recording began.")
    content_type: Annotated[str, StringConstraints(pattern=r"^audio/[A-Za-z0-9.+-]{1,64}$")] = (
        Field(default="audio/wav", description="Media type of the clip.")
    )


class BindingRequest(Request):
    """The sources of a client."""

    sources: list[Folder] = Field(
        min_length=1,
        max_length=MAX_SOURCES,
        description="All that the client may send clips of.",
        examples=[["north gate"]],
    )


class TrainingClipRequest(Request):
    """A labeled clip to upload."""

    label: Annotated[Label, Field(strict=False)] = Field(description="What the clip holds.")
    batch: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] = Field(
        description="Name for clips that belong together; the same for all of them."
    )
    held_out: bool = Field(
        default=False,
        description="It is for the held-out set: versions are evaluated on it, never trained.",
    )


class FeedbackRequest(Request):
    """A person's label for a clip."""

    label: Annotated[Label, Field(strict=False)] = Field(
        description="What the clip holds. The label of the classification confirms the result."
    )
    comment: str = Field(default="", max_length=MAX_COMMENT_LENGTH)
    mute_alike: bool = Field(
        default=False,
        description=(
            "Events of this source that sound like those of this clip raise no alert for a while; "
            "with the label casual only."
        ),
    )

    @model_validator(mode="after")
    def _mutes_false_alarms_only(self) -> Self:
        if self.mute_alike and self.label is not Label.CASUAL:
            raise ValueError("`mute_alike` goes with the label casual: threats are not muted")
        return self


# Folders below one another, none of which is `..`.
_FOLDER_WITHIN_TRAINING = rf"^{TRAINING_PREFIX}([^/.\x00-\x1f]+(\.[^/.\x00-\x1f]+)*/)*$"


def whole(number: object) -> object:
    """To JSON Schema, 7.0 is an integer."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


TrainingPrefix = Annotated[
    str, StringConstraints(max_length=MAX_PREFIX_LENGTH, pattern=_FOLDER_WITHIN_TRAINING)
]


class RetrainRequest(Request):
    """A retraining to start."""

    prefix: TrainingPrefix = Field(
        default=TRAINING_PREFIX,
        description=f"Folder of clips to train on, within `{TRAINING_PREFIX}`.",
    )
    augmentations: list[Augmentation] = Field(
        default=list(DEFAULT_AUGMENTATIONS),
        max_length=len(AUGMENTATIONS),
        description="Each gives one more copy of each clip.",
    )
    seed: Annotated[int, BeforeValidator(whole)] = Field(
        default=0, ge=0, lt=2**32, description="Of all random numbers."
    )
    reason: str = Field(default="", max_length=MAX_COMMENT_LENGTH)


class PromotionRequest(Request):
    """A promotion to make."""

    reason: str = Field(min_length=1, max_length=MAX_COMMENT_LENGTH)
    force: bool = Field(
        default=False, description="Promote also a version that did not pass the gate."
    )


Sha256 = Annotated[str, StringConstraints(pattern=rf"^{SHA256.pattern}$")]
_FileName = Annotated[str, StringConstraints(pattern=rf"^{FILE_NAME.pattern}$")]
_Files = Annotated[
    dict[_FileName, Sha256],
    Field(min_length=1, max_length=MAX_FILES, description="SHA-256 of each file."),
    # Pydantic's own schema lets pass what it does not.
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_FILES,
            "propertyNames": {"pattern": rf"^{FILE_NAME.pattern}$"},
            "additionalProperties": {"type": "string", "pattern": rf"^{SHA256.pattern}$"},
        }
    ),
]


class ReleasedManifest(BaseModel):
    """The manifest of a version, as `make train` wrote it."""

    model_config = ConfigDict(extra="allow", strict=True)

    version: str
    files: _Files
    yamnet_weights_sha256: str


class PublicationRequest(Request):
    """A version to publish."""

    manifest: ReleasedManifest = Field(description="Of the version; more members are kept.")
    yamnet_sha256: Sha256 = Field(description="Of the YAMNet flatbuffer that it was trained with.")
