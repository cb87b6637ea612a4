"""A broker that cannot be used is named, once for each reason."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from earshot_client.bridge.broker import Broker
from tests.stack import free_port, wait_for

NOT_AUTHORIZED = bytes([0x20, 2, 0, 5])  # CONNACK


@contextmanager
def refusing() -> Iterator[tuple[int, threading.Semaphore]]:
    """A broker that refuses every client, and counts them."""
    refused = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed
                    return
                with connection:
                    connection.recv(1024)
                    connection.sendall(NOT_AUTHORIZED)
                    connection.recv(1)
                refused.release()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], refused


def test_a_broker_that_does_not_answer_is_named_once() -> None:
    said: list[str] = []
    port = free_port()
    with closing(Broker(f"mqtt://127.0.0.1:{port}", said.append)) as broker:
        wait_for(lambda: said, 20)
        failed = threading.Semaphore(0)
        say = broker._client.on_connect_fail
        assert say is not None

        def counted(client: object, userdata: object) -> None:
            say(client, userdata)  # type: ignore[arg-type]
            failed.release()

        broker._client.on_connect_fail = counted
        assert failed.acquire(timeout=20)
    assert said == [
        f"127.0.0.1:{port} does not answer: Connection refused; trying again, alerts wait"
    ]


def test_a_broker_that_refuses_the_password_is_named_once() -> None:
    said: list[str] = []
    user = "ann:wrong"
    with (
        refusing() as (port, refused),
        closing(Broker(f"mqtt://{user}@127.0.0.1:{port}", said.append)),
    ):
        assert all(refused.acquire(timeout=20) for _ in range(2))
    assert said == [f"127.0.0.1:{port} refuses the connection: Not authorized; trying again"]
