"""What a token must allow; template.yaml has the gateway enforce what is documented here."""

from __future__ import annotations

from earshot.http.groups import RESOURCE_SERVER

SCHEME = "token"


def needs(scope: str) -> list[dict[str, list[str]]]:
    """Security requirement of an operation: a token with this scope."""
    return [{SCHEME: [f"{RESOURCE_SERVER}/{scope}"]}]
