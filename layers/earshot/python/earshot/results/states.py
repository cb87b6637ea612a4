"""States by which results can be filtered."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What has become of a result; several may hold at once."""

    THREAT = "threat"
    ALERTED = "alerted"
    MUTED = "muted"
    UNCERTAIN = "uncertain"
    REJECTED = "rejected"
    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"
    CORRECTED = "corrected"
