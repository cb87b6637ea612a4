"""Options and error messages that the commands share."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import click

from earshot.errors import EarshotError
from earshot.labels import LABELS
from earshot.times import parse_time
from earshot_client.transport import ApiError

DEFAULT = "default"  # the word that takes a setting back
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# The gateway's own short messages, explained.
_HINTS = {
    "Unauthorized": (
        "The API needs a token, and the one sent is missing, invalid or expired. "
        "Set EARSHOT_TOKEN (on the local stack: export EARSHOT_TOKEN=$(make token))."
    ),
    "Forbidden": "The token does not allow this: it lacks the scope for it.",
}


class Time(click.ParamType):
    """An ISO 8601 time, or how long ago: ``90s``, ``30m``, ``1h``, ``7d``, ``2w``."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := re.fullmatch(r"(\d+)([smhdw])", value):
            return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        try:
            return parse_time(value)
        except ValueError:
            self.fail(f"{value} is neither a time, such as 2026-01-31T12:00, nor like 1h")


class Duration(click.ParamType):
    """A duration: ``90s``, ``30m``, ``1h``, ``7d``, ``2w``."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d+)([smhdw])", value)
        if found is None:
            self.fail(f"{value} is not like 90s, 30m or 1h")
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


class OrDefault(click.ParamType):
    """What another type takes, or the word ``default``: as the template's parameters say."""

    def __init__(self, wanted: click.ParamType) -> None:
        self._wanted = wanted
        self.name = wanted.name

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return value if value == DEFAULT else self._wanted.convert(value, param, ctx)


class Hours(click.ParamType):
    """Hours of each day, such as ``22:00-06:00``, or the word ``none``."""

    name = "hours"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, str] | str:
        if isinstance(value, dict):
            return value
        if value == "none":
            return "none"
        clock = r"(?:[01]\d|2[0-3]):[0-5]\d"
        found = re.fullmatch(rf"({clock})-({clock})", value)
        if found is None:
            self.fail(f"{value} is not like 22:00-06:00, nor none or default")
        return {"start": found[1], "end": found[2]}


class Zone(click.ParamType):
    """A time zone by its IANA name."""

    name = "zone"

    def convert(self, value: Any, param: Any, ctx: Any) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            self.fail(f"{value} is no time zone, such as Europe/Berlin")


P = ParamSpec("P")
R = TypeVar("R")

label_choice = click.Choice([str(label) for label in LABELS])
label_or_default = click.Choice([*label_choice.choices, DEFAULT])
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
source_option = click.option("--source", help="Camera or site.")
recorded_at_option = click.option(
    "--recorded-at",
    type=Time(),
    help="When the recording began. Otherwise by a name such as 20240702_064404.WAV.",
)
zone_option = click.option(
    "--zone",
    type=Zone(),
    default="UTC",
    show_default=True,
    help="Time zone of times in names, such as Europe/Berlin.",
)
# Files that cannot be read are named one by one, and stop no other.
recording_argument = click.Path(path_type=Path, allow_dash=True)
file_argument = click.Path(exists=True, dir_okay=False, path_type=Path)


def sure(question: str) -> None:
    """Ask before something that cannot be undone, or costs money; end the command at a no."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.ClickException("Nobody has answered. With --yes it does not ask.") from None
    if not agreed:
        raise click.Abort


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """Print errors that are meant for people without a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ApiError as error:
            message = str(error)
            if message.startswith("path.clip_id: "):  # a pattern, which says little
                message = "That is no clip id, which has 32 digits; `earshot results` lists them."
            raise click.ClickException(_HINTS.get(message, message)) from error
        except EarshotError as error:
            raise click.ClickException(str(error)) from error

    return run
