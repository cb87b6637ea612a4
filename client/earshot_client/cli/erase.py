"""The command that erases clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import as_json, explained, sure
from earshot_client.cli.output import console, print_json


@click.command()
@click.argument("clip_id", required=False)
@click.option("--source", help="Erase all clips of this source.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_obj
@explained
def erase(
    connect: Callable[[], EarshotClient],
    clip_id: str | None,
    source: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase a clip, or all clips of a source: files, results, training copies and features."""
    if (clip_id is None) == (source is None):
        raise click.UsageError("Either CLIP_ID or --source.")
    if not yes:
        what = f"all clips of {source}" if source else f"the clip {clip_id}"
        sure(f"Erase {what}? This cannot be undone.")
    client = connect()
    erased = client.erase_source(source) if source else [client.erase(str(clip_id))]
    found = _joined(erased)
    if as_json:
        print_json(found)
        return
    for one in found["clip_ids"]:
        console.print(f"erased: {one}")
    console.print(f"{len(found['clip_ids'])} clips, {len(found['objects'])} files. What remains:")
    for one in found["remains"]:
        until = f"until {one['until']}" if one["until"] else "until somebody deletes it"
        console.print(f"- {one['what']}, {until}")


def _joined(answers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What several answers erased, and the last time until which each thing remains."""
    clip_ids: list[str] = []
    objects: list[str] = []
    remains: dict[str, str | None] = {}
    for answer in answers:
        clip_ids += answer["clip_ids"]
        objects += answer["objects"]
        remains |= {one["what"]: one["until"] for one in answer["remains"]}
    left = [{"what": what, "until": until} for what, until in remains.items()]
    return {"clip_ids": clip_ids, "objects": objects, "remains": left}
