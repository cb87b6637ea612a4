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
from earshot_client.cli.options import Duration, Time, Zone, as_json, explained, label_choice
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
@click.option("--zone", "time_zone", type=Zone(), help="Time zone, such as Europe/Berlin.")
@click.option("--label", "labels", multiple=True, type=label_choice, help="That raise alerts.")
@click.option("--min-confidence", multiple=True, type=Confidence(), help="Such as gunshot=0.8.")
@click.option("--quiet", help="Hours without alerts, such as 22:00-06:00; none for none.")
@click.option("--muted-until", type=Time(), help="No alerts until then.")
@click.option("--mute-for", type=Duration(), help="No alerts for so long, such as 2h; 0s ends it.")
@click.option("--cooldown", type=Duration(), help="Between alerts of a label, such as 10m.")
@click.option("--silent-after", type=Duration(), help="Without a clip an alert; 0s for none.")
@click.option(
    "--retention-days",
    type=click.Choice([*map(str, RETENTION_DAYS), "default"]),
    help="After which its new clips and results are deleted.",
)
@click.option("--digest", multiple=True, type=label_choice, help="Can wait for the daily digest.")
@click.option("--addressee", "addressees", multiple=True, help="Whom alerts are for.")
@as_json
@click.pass_obj
@explained
def set_(
    connect: Connect,
    source: str,
    name: str | None,
    place: str | None,
    time_zone: ZoneInfo | None,
    labels: tuple[str, ...],
    min_confidence: tuple[tuple[str, float], ...],
    quiet: str | None,
    muted_until: datetime | None,
    mute_for: timedelta | None,
    cooldown: timedelta | None,
    silent_after: timedelta | None,
    retention_days: str | None,
    digest: tuple[str, ...],
    addressees: tuple[str, ...],
    as_json: bool,
) -> None:
    """Set what holds for a source; what is not named stays as it is."""
    if mute_for is not None:
        muted_until = datetime.now(UTC) + mute_for
    changes: dict[str, Any] = {
        "name": name,
        "place": place,
        "time_zone": time_zone and time_zone.key,
        "labels": list(labels) or None,
        "min_confidence": dict(min_confidence) or None,
        "muted_until": muted_until and format_time(muted_until),
        "cooldown_s": _seconds(cooldown),
        "silent_after_s": _seconds(silent_after),
        "digest": list(digest) or None,
        "addressees": list(addressees) or None,
    }
    wanted = _settings(connect(), source)
    wanted |= {name: value for name, value in changes.items() if value is not None}
    if quiet is not None:
        start, _, end = quiet.partition("-")
        wanted["quiet_hours"] = None if quiet == "none" else {"start": start, "end": end}
    if retention_days is not None:
        wanted["retention_days"] = None if retention_days == "default" else int(retention_days)
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


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())
