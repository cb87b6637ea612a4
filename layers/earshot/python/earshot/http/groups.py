"""What people may do, by the groups of the user pool that they are in.

The token of a person names the scopes that the program asked for with which they signed in, which
are the same for everybody. So a person has those of its scopes that their groups have as well. A
machine is in no group; the pool gives its token the scopes of its client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

RESOURCE_SERVER = "earshot"

# The groups of template.yaml.
SCOPES_OF_GROUPS: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "trainer": frozenset({"read", "predict", "train"}),
    "admin": frozenset({"read", "predict", "train", "admin"}),
}


def scopes_of(groups: Iterable[str]) -> frozenset[str]:
    """Scopes such as ``earshot/read`` of all groups together; a group of another name has none."""
    return frozenset(
        f"{RESOURCE_SERVER}/{scope}"
        for group in groups
        for scope in SCOPES_OF_GROUPS.get(group, frozenset())
    )


def groups_in(claim: Any) -> list[str]:
    """Groups of the claim ``cognito:groups``; none if it is missing.

    An HTTP API hands a list on as text, such as ``[admin trainer]``. No name of a group has a space
    in it.
    """
    if isinstance(claim, str):
        return claim.removeprefix("[").removesuffix("]").split()
    return [str(group) for group in claim or ()]
