"""The command that takes alerts to MQTT."""

from __future__ import annotations

import signal
import threading

import click

from earshot_client.cli.output import remarks


@click.group()
def bridge() -> None:
    """Take alerts to other systems."""


@bridge.command()
@click.option(
    "--broker",
    envvar="EARSHOT_MQTT_URL",
    default="mqtt://127.0.0.1:1883",
    show_default=True,
    help="mqtt://user:password@host:1883, or mqtts:// with TLS; rather in EARSHOT_MQTT_URL.",
)
@click.option(
    "--queue",
    envvar="EARSHOT_BRIDGE_QUEUE",
    required=True,
    help="The stack's output BridgeQueueUrl; or in EARSHOT_BRIDGE_QUEUE.",
)
def mqtt(broker: str, queue: str) -> None:
    """Publish alerts to an MQTT broker, with Home Assistant's discovery.

    AWS's credentials are found as by the AWS command line. They need sqs:ReceiveMessage and
    sqs:DeleteMessage on the queue.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError

        from earshot_client.bridge.broker import Broker, BrokerError
        from earshot_client.bridge.mqtt import Bridge
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing. Install what the bridge needs: pip install '.[mqtt]'"
        ) from error

    def said(text: str) -> None:
        remarks.print(text, markup=False, highlight=False)

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        sqs = boto3.client("sqs")
        opened = Broker(broker, said)
    except (BrokerError, BotoCoreError) as error:
        raise click.ClickException(str(error)) from error
    try:
        Bridge(sqs, queue, opened, said).run(stop)
    finally:
        opened.close()
