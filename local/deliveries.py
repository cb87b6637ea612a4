"""Deliveries of the local stack: who gets its alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local.clients import local_session


@contextmanager
def also_delivered(outputs: Mapping[str, Any], *entries: Mapping[str, Any]) -> Iterator[None]:
    """Add deliveries to those of a stack, and take them out again.

    They hold within a minute where deliveries were read before.
    """
    secrets = local_session().client("secretsmanager", endpoint_url=outputs["endpoint"])
    secret = outputs["DeliveriesSecretName"]
    names = {entry["name"] for entry in entries}

    def put(added: list[Mapping[str, Any]]) -> None:
        known = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
        others = [one for one in known if one["name"] not in names]
        secrets.put_secret_value(SecretId=secret, SecretString=json.dumps([*others, *added]))

    put([*entries])
    try:
        yield
    finally:
        put([])
