"""The commands about sources: what holds for each, and how its microphone is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from earshot.sources.settings import RETENTION_DAYS
from earshot.times import format_time
from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import (
    DEFAULT,
    Duration,
    Hours,
    OrDefault,
    Time,
    Zone,
    as_json,
    explained,
    label_choice,
    label_or_default,
)
from earshot_client.cli.output import console, print_json
from earshot_client.transport import ApiError

Connect = Callable[[], EarshotClient]

_NOT_FOUND = 404
SETTINGS = (
    *("name", "place", "time_zone", "labels", "min_confidence", "quiet_hours", "muted_until"),
    *("cooldown_s", "silent_after_s", "retention_days", "digest", "addressees"),
)


class Confidence(click.ParamType):
    """A label's minimum confidence, such as ``gunshot=0.8``."""

    name = "label=confidence"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        label, _, number = value.partition("=")
        try:
            return label_choice.convert(label, param, ctx), float(number)
        except ValueError:
            self.fail(f"{value} is not like gunshot=0.8")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
@explained
def sources(context: click.Context, as_json: bool) -> None:
    """List sources, and what is wrong with them."""
    if context.invoked_subcommand:
        return
    connect: Connect = context.obj
    found = connect().sources()
    if as_json:
        print_json(found)
        return
    table = Table("source", "place", "last segment", "level", "wrong", box=None)
    for one in found:
        level = "" if one["level_dbfs"] is None else f"{one['level_dbfs']:.0f} dBFS"
        wrong = " ".join(one["faults"].values())
        table.add_row(one["source"], one["place"], one["last_segment"] or "never", level, wrong)
    console.print(table)


@sources.command()
@click.argument("source")
@click.pass_obj
@explained
def show(connect: Connect, source: str) -> None:
    """Show a source, as JSON."""
    print_json(connect().source(source))


@sources.command(name="set")
@click.argument("source")
@click.option("--name", help="For people.")
@click.option("--place", help="In words.")
@click.option(
    "--zone", "time_zone", type=OrDefault(Zone()), help="Time zone, such as Europe/Berlin."
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    type=label_or_default,
    help="A label that still raises alerts; all others do not. Once for each.",
)
@click.option(
    "--min-confidence",
    multiple=True,
    type=OrDefault(Confidence()),
    help="Least confidence of an alert, such as gunshot=0.8.",
)
@click.option(
    "--quiet", type=OrDefault(Hours()), help="Hours without alerts, such as 22:00-06:00; or none."
)
@click.option("--muted-until", type=OrDefault(Time()), help="No alerts until then.")
@click.option(
    "--mute-for",
    type=OrDefault(Duration()),
    help="No alerts for so long, such as 2h; 0s ends it.",
)
@click.option(
    "--cooldown", type=OrDefault(Duration()), help="Between alerts of a label, such as 10m."
)
@click.option(
    "--silent-after",
    type=OrDefault(Duration()),
    help="Alert after so long without a clip, such as 10m; 0s for no such alert.",
)
@click.option(
    "--retention-days",
    type=click.Choice([*map(str, RETENTION_DAYS), DEFAULT]),
    help="After which its new clips and results are deleted.",
)
@click.option(
    "--digest",
    multiple=True,
    type=label_or_default,
    help="A label whose alerts wait for the daily digest. Once for each.",
)
@click.option("--addressee", "addressees", multiple=True, help="Whom alerts are for.")
@as_json
@click.pass_obj
@explained
def set_(
    connect: Connect,
    source: str,
    name: str | None,
    place: str | None,
    time_zone: ZoneInfo | str | None,
    labels: tuple[str, ...],
    min_confidence: tuple[tuple[str, float] | str, ...],
    quiet: dict[str, str] | str | None,
    muted_until: datetime | str | None,
    mute_for: timedelta | str | None,
    cooldown: timedelta | str | None,
    silent_after: timedelta | str | None,
    retention_days: str | None,
    digest: tuple[str, ...],
    addressees: tuple[str, ...],
    as_json: bool,
) -> None:
    """Set what holds for a source; what is not named stays as it is.

    The value default takes a setting back: what the template's parameters say holds again.
    """
    given: dict[str, Any] = {
        "name": name,
        "place": place,
        "time_zone": time_zone,
        "labels": labels or None,
        "min_confidence": min_confidence or None,
        "quiet_hours": quiet,
        "muted_until": mute_for if muted_until is None else muted_until,
        "cooldown_s": cooldown,
        "silent_after_s": silent_after,
        "retention_days": retention_days,
        "digest": digest or None,
        "addressees": addressees or None,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    taken_back = {name for name, value in changes.items() if value in (DEFAULT, (DEFAULT,))}
    for setting in changes.keys() - taken_back:
        if isinstance(changes[setting], tuple) and DEFAULT in changes[setting]:
            raise click.UsageError(f"{DEFAULT} stands alone: it takes back what else is named.")
        changes[setting] = _as_json(setting, changes[setting])
    wanted = {**_settings(connect(), source), **changes}
    # What is left out is as the template says.
    wanted = {setting: value for setting, value in wanted.items() if setting not in taken_back}
    changed = connect().set_source(source, wanted)
    if as_json:
        print_json(changed)
        return
    console.print(f"This holds for {source} within a minute.")


def _settings(client: EarshotClient, source: str) -> dict[str, Any]:
    try:
        found = client.source(source)
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return {}
    return {name: found[name] for name in SETTINGS}


def _as_json(setting: str, value: Any) -> Any:
    """The value of an option as the API takes it."""
    if setting == "muted_until" and isinstance(value, timedelta):
        value = datetime.now(UTC) + value
    as_told: dict[str, Callable[[Any], Any]] = {
        "time_zone": lambda zone: zone.key,
        "labels": list,
        "min_confidence": dict,
        "quiet_hours": lambda hours: None if hours == "none" else hours,
        "muted_until": format_time,
        "cooldown_s": lambda duration: round(duration.total_seconds()),
        "silent_after_s": lambda duration: round(duration.total_seconds()),
        "retention_days": int,
        "digest": list,
        "addressees": list,
    }
    return as_told[setting](value) if setting in as_told else value
