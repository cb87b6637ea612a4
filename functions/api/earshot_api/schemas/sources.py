"""Requests and answers about sources."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from typing_extensions import TypedDict

from earshot.labels import Label
from earshot_api.schemas.requests import Request, Time, whole

_MAX_ADDRESSEES = 20
_WEEK_S = 7 * 86400
_ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Label = Annotated[Label, Field(strict=False)]
# Shown in terminals and mails, so without control characters; see `clean_source`.
_Text = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e]*$")
]
# A message attribute of SNS holds them as JSON, and a subscription's filter names them.
# A bound within the pattern would take a tenth of a second to compile, at each cold start.
_Addressee = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.+@:/ -]+$")
]
_Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError("this is no time zone, such as Europe/Berlin") from error
    return name


class QuietHoursRequest(Request):
    """Hours of each day, by the source's own time."""

    start: _ClockTime = Field(examples=["22:00"])
    end: _ClockTime = Field(examples=["06:00"], description="Before the start: of the next day.")


class SourceRequest(Request):
    """Settings of a source; what is left out, or null, is as the template's parameters say."""

    name: _Text = Field(default="", description="For people.")
    place: _Text = Field(default="", description="In words.")
    time_zone: Annotated[_Text, AfterValidator(_zone)] = Field(
        default="UTC", examples=["Europe/Berlin"]
    )
    labels: list[_Label] | None = Field(
        default=None, max_length=len(Label), description="That raise alerts."
    )
    min_confidence: dict[_Label, _Confidence] = Field(
        default={}, description="Minimum confidence for an alert, by label."
    )
    quiet_hours: QuietHoursRequest | None = Field(
        default=None, description="In which no alert is raised."
    )
    muted_until: Time | None = Field(default=None, description="No alert is raised until then.")
    cooldown_s: Annotated[int, Field(ge=0, le=_WEEK_S), BeforeValidator(whole)] | None = Field(
        default=None, description="Seconds after an alert in which its label raises no other."
    )
    silent_after_s: Annotated[int, Field(ge=0, le=_WEEK_S), BeforeValidator(whole)] | None = Field(
        default=None,
        description="Seconds without a clip after which an alert is raised. 0 for none.",
    )
    retention_days: Literal[1, 3, 7, 14, 30, 60, 90, 180, 365] | None = Field(
        default=None,
        description=(
            "Days after which clips and results of the source are deleted, if that is sooner than "
            "by the template's parameters. It holds for those that come from then on."
        ),
    )
    digest: list[_Label] = Field(
        default=[],
        max_length=len(Label),
        description="Labels whose alerts can wait for the daily digest.",
    )
    addressees: list[_Addressee] = Field(
        default=[],
        max_length=_MAX_ADDRESSEES,
        description="Whom alerts are for: the message attribute `addressees`.",
    )


class HeartbeatRequest(Request):
    """What a listener reports about itself."""

    sent_at: Time = Field(description="By the listener's clock.")
    segments: Annotated[int, Field(ge=0, le=10**6), BeforeValidator(whole)] = Field(
        description="Recorded since the last heartbeat."
    )
    level_dbfs: Annotated[float, Field(ge=-200, le=10, allow_inf_nan=False)] | None = None
    microphone: _Text | None = Field(
        default=None, description="What is wrong with the microphone, for a person."
    )
    waiting: Annotated[int, Field(ge=0, le=10**9), BeforeValidator(whole)] = 0
    dropped: Annotated[int, Field(ge=0, le=10**9), BeforeValidator(whole)] = 0


class QuietHours(TypedDict):
    """Hours of each day."""

    start: str
    end: str


class Source(TypedDict):
    """A source: its settings, and what is known of its microphone."""

    source: str
    name: str
    place: str
    time_zone: str
    labels: list[str] | None
    min_confidence: dict[str, float]
    quiet_hours: QuietHours | None
    muted_until: str | None
    cooldown_s: int | None
    silent_after_s: int | None
    retention_days: int | None
    digest: list[str]
    addressees: list[str]
    first_seen: str | None
    last_segment: str | None
    last_heartbeat: str | None
    level_dbfs: float | None
    usual_level_dbfs: float | None
    microphone: str | None
    waiting: int
    dropped: int
    clock_off_s: float
    faults: dict[str, str]


class Sources(TypedDict):
    """All sources, by name."""

    sources: list[Source]
