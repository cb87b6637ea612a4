"""The command that listens to a microphone or a stream."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource

from earshot.uploads.objects import clean_source, digest
from earshot_client.api_client import EarshotClient
from earshot_client.cli.local_model import model_option, yamnet_for, yamnet_option
from earshot_client.cli.options import explained, recorded_at_option, source_option, zone_option
from earshot_client.cli.output import remarks
from earshot_client.cli.recordings import time_in_name

if TYPE_CHECKING:
    from earshot_client.listen.prefilter import Prefilter

_MB = 10**6
# To send what was recorded last. Systemd waits for 90 s, containers for 10.
_GRACE_S = 8.0
_LONGEST_NAME = 200  # of a folder; file systems take 255 bytes


@click.command()
@click.argument("stream", default="microphone")
@source_option
@recorded_at_option
@zone_option
@click.option(
    "--segment", type=click.FloatRange(1, 600), default=10.0, show_default=True, help="Seconds."
)
@click.option(
    "--hop",
    type=click.FloatRange(0.5, 600),
    default=8.0,
    show_default=True,
    help="Seconds from the start of a segment to that of the next.",
)
@click.option("--spool", type=click.Path(path_type=Path), help="Folder of what waits to be sent.")
@click.option(
    "--spool-mb", type=click.IntRange(1), default=1000, show_default=True, help="Its limit."
)
@click.option("--prefilter", is_flag=True, help="Send only what may be a threat, and a sample.")
@click.option(
    "--threshold",  # docs/listen.md has what is sent, and what is kept back, at others
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="Of the prefilter: lowest probability of a threat that is sent.",
)
@click.option(
    "--sample",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Of the prefilter: share of the rest to send.",
)
@model_option
@yamnet_option
@click.option(
    "--report", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds."
)
@click.option(
    "--heartbeat", "heartbeat_s", type=click.FloatRange(1), default=60.0, show_default=True,
    help="Seconds between heartbeats, which report the listener and its microphone.",
)  # fmt: skip
@click.option(
    "--patience",
    type=click.FloatRange(1),
    default=20.0,
    show_default=True,
    help="Seconds without sound after which a stream is opened again.",
)
@click.pass_obj
@explained
def listen(
    connect: Callable[[], EarshotClient],
    stream: str,
    source: str | None,
    recorded_at: datetime | None,
    zone: ZoneInfo,
    segment: float,
    hop: float,
    spool: Path | None,
    spool_mb: int,
    prefilter: bool,
    threshold: float,
    sample: float,
    model: Path,
    yamnet: Path | None,
    report: float,
    heartbeat_s: float,
    patience: float,
) -> None:
    """Send a microphone or a stream in segments, day and night, until it is stopped.

    STREAM is an address such as rtsp://camera/stream, a device such as alsa:hw:1,0, a file, - for
    standard input, or microphone: the one that this machine offers first. Needs ffmpeg.
    """
    # numpy, for this command alone
    from earshot_client.listen.heartbeat import Heartbeat
    from earshot_client.listen.inputs import input_of
    from earshot_client.listen.listener import Listener, Options, speaker
    from earshot_client.listen.sending import Sender
    from earshot_client.listen.spool import Spool

    if hop > segment:
        raise click.UsageError("--hop is longer than --segment: sound would be left out.")
    name = clean_source(source or socket.gethostname())
    began = recorded_at or time_in_name(Path(stream), zone)
    wanted = input_of(stream, at_once=began is not None)
    say = speaker(remarks.print)
    client = connect()
    chosen = None
    if prefilter:
        named = click.get_current_context().get_parameter_source("model") != ParameterSource.DEFAULT
        chosen = _prefilter(client, model, yamnet, named, threshold, sample, say)
    options = Options(segment, hop, began, report, patience)
    with Spool(spool or _default_spool(name), spool_mb * _MB) as held:
        sender = Sender(client, held, name, say)
        listener = Listener(wanted, options, held, sender, chosen, say)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: listener.stop())
        if len(held):
            say(f"{len(held)} earlier segments wait to be sent")
        sender.start()
        heartbeat = Heartbeat(client, name, listener.vitals, heartbeat_s, say)
        if wanted.live:
            heartbeat.start()
        try:
            listener.run()
        finally:
            heartbeat.end()
            sender.end(_GRACE_S if wanted.live or listener.stopped else None)
            say(f"stopped: {listener.summary()}")
    if len(held) and not (wanted.live or listener.stopped):
        raise click.ClickException(f"{len(held)} segments wait; run it again to send them.")


def _prefilter(
    client: EarshotClient,
    model: Path,
    yamnet: Path | None,
    named: bool,
    threshold: float,
    sample: float,
    say: Callable[[str], None],
) -> Prefilter:
    """The prefilter: of the model that was named, or of the service's champion."""
    from earshot.yamnet.flatbuffer import Yamnet
    from earshot_client.listen.champion import FollowedChampion
    from earshot_client.listen.prefilter import Prefilter
    from earshot_client.model_folder import classifier_of

    loaded = Yamnet(yamnet_for(model, yamnet))
    if named:
        classifier = classifier_of(model, loaded)
        return Prefilter(lambda: classifier, threshold, sample)
    champion = FollowedChampion(client, loaded, model, say)
    champion.start()
    return Prefilter(champion, threshold, sample, follows=True)


def _default_spool(source: str) -> Path:
    """Where systemd has this service keep its state, or else the user's own folder for it."""
    name = quote(source, safe=" ")
    folder = name if len(name) <= _LONGEST_NAME else digest(source)
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state, folder)
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home, "earshot", "listen", folder)
