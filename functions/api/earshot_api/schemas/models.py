"""Answers about model versions and retrainings."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import ConfigDict
from typing_extensions import TypedDict

from earshot.labels import Label


class Champion(TypedDict):
    """The model that serves."""

    version: str
    manifest_sha256: str
    metrics: dict[str, Any] | None


class SharedFile(TypedDict):
    """A file of a version, and where it can be fetched."""

    name: str
    url: str


class SharedYamnet(TypedDict):
    """The YAMNet of a version, and where it can be fetched."""

    sha256: str
    url: str


class SharedChampion(TypedDict):
    """The model that serves; `yamnet` is null where it is the one that came with the software."""

    version: str
    manifest_sha256: str
    files: list[SharedFile]
    yamnet: SharedYamnet | None


class Serving(TypedDict):
    """The model that classify has loaded; `refusal` says why that is not the champion."""

    version: str
    manifest_sha256: str
    yamnet_sha256: str
    refusal: str | None


class FileForm(TypedDict):
    """Where a version's file is to be uploaded: a form with these fields first, the file last."""

    name: str
    url: str
    fields: dict[str, str]


class Publication(TypedDict):
    """How far a version is published; once nothing is missing, it is."""

    version: str
    published: bool
    missing: list[FileForm]


class StartedRetraining(TypedDict):
    """A retraining that was started."""

    id: str
    state: Literal["running"]
    status: str


class Check(TypedDict):
    """One check of the gate."""

    name: str
    passed: bool
    candidate: float
    champion: float | None
    limit: float
    excused: NotRequired[bool]
    carried: NotRequired[float]
    reason: str


class Decision(TypedDict):
    """The gate's decision on a version."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    promote: bool
    checks: list[Check]


class Answer(TypedDict):
    """A label, and its confidence, as a result states it."""

    label: Label
    confidence: float


class CorrectedClip(TypedDict):
    """What the champion said of a corrected clip, and what the candidate says."""

    clip_id: str
    label: Label
    was: Answer
    now: Answer
    correct: bool
    not_used: str | None


class Corrections(TypedDict):
    """Corrections that the champion had not learned: 200 clips at most, wrong ones first."""

    count: int
    correct_before: int
    correct: int
    not_used: int
    clips: list[CorrectedClip]


class LeftOutClip(TypedDict):
    """A clip that was not used, and why."""

    key: str
    reason: str


class LeftOut(TypedDict):
    """Clips that were not used: all counted, 20 at most named."""

    count: int
    clips: list[LeftOutClip]


RunState = Literal["running", "promoted", "rejected", "unchanged", "refused", "failed", "aborted"]


class EarlierRetraining(TypedDict):
    """An earlier retraining, or the one that is under way."""

    id: str
    state: RunState
    started: str
    version: str | None


class Outlook(TypedDict):
    """What a retraining would start from, and whether it can.

    Attributes:
        ready: nothing is known that would have it refused.
        reasons: why it would be refused.
        notes: what is not certain before it has run.
        corrections: corrected clips that the champion has neither learned nor held out.
        new_clips: such clips in all, the corrected ones among them.
        clips: labeled clips to learn from, by label.
        held_out: clips to evaluate on, by label.
        released_held_out: how many of these came with a release.
        complete: all objects were counted; false where there are too many to list them in a moment.
        running: id of the retraining that is under way.
        earlier: the newest retrainings, newest first.
    """

    ready: bool
    reasons: list[str]
    notes: list[str]
    champion: str | None
    corrections: int
    new_clips: int
    clips: dict[Label, int]
    held_out: dict[Label, int]
    released_held_out: int
    complete: bool
    running: str | None
    earlier: list[EarlierRetraining]


class Retraining(TypedDict):
    """State of a retraining; `embedded` is the share of its batches that are embedded, 0 to 1."""

    id: str
    state: RunState
    step: str | None
    started: str
    stopped: str | None
    clips: int | None
    embedded: float
    metrics: dict[str, Any] | None
    comparison: dict[str, Any] | None
    version: str | None
    decision: Decision | None
    corrections: Corrections | None
    left_out: LeftOut | None
    reasons: list[str]
    champion: str | None


class ModelInShort(TypedDict):
    """A model version."""

    version: str
    created: str | None
    parent: str | None
    champion: bool
    status: str | None
    macro_f1: float | None
    accuracy: float | None
    manifest_sha256: str


class Models(TypedDict):
    """A page of the versions, newest first."""

    models: list[ModelInShort]
    next_cursor: str | None


class Promotion(TypedDict):
    """How a version became champion."""

    version: str
    manifest_sha256: str
    promoted_at: str
    promoted_by: str
    reason: str
    forced: bool


class Model(ModelInShort):
    """A version with its metrics, decision, manifest and promotions."""

    metrics: dict[str, Any]
    decision: Decision | None
    outcome: dict[str, Any] | None
    manifest: dict[str, Any]
    promotions: list[Promotion]
