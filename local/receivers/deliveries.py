"""Deliveries of the local stack: who gets its alerts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local.clients import local_session
from local.deployment.variables import set_variables


@contextmanager
def also_delivered(outputs: Mapping[str, Any], *entries: Mapping[str, Any]) -> Iterator[None]:
    """Add deliveries to those of a stack, and take them out again. They hold at once."""
    secrets = local_session().client("secretsmanager", endpoint_url=outputs["endpoint"])
    secret = outputs["DeliveriesSecretName"]
    names = {entry["name"] for entry in entries}

    def put(added: list[Mapping[str, Any]]) -> None:
        known = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
        others = [one for one in known if one["name"] not in names]
        secrets.put_secret_value(SecretId=secret, SecretString=json.dumps([*others, *added]))
        _read_again(outputs)

    put([*entries])
    try:
        yield
    finally:
        put([])


def _read_again(outputs: Mapping[str, Any]) -> None:
    """Have deliver read its deliveries now, which it does once a minute: by another environment."""
    set_variables(outputs, "DeliverFunction", {"READ_AGAIN": uuid.uuid4().hex})
