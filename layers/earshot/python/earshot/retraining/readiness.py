"""Whether a retraining can succeed, before it starts: what it would learn and who evaluates it.

It goes by the rules of the steps themselves (`nothing_to_learn`, `too_few`) and refuses what they
are certain to refuse. What only the clips' content decides, such as copies of one recording and
files that cannot be read, the run finds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earshot.errors import ModelError, RetrainingRefusedError
from earshot.labels import LABELS
from earshot.model.versions import MANIFEST_NAME
from earshot.retraining.gate import too_few
from earshot.retraining.plan import (
    DEFAULT_AUGMENTATIONS,
    EVERYDAY,
    RELEASED,
    LabeledObject,
    Request,
    labeled_objects,
    nothing_to_learn,
)
from earshot.retraining.traces import DATASET_NAME
from earshot.uploads.objects import HELD_OUT_PREFIX

if TYPE_CHECKING:
    from earshot.model.registry import ModelRegistry
    from earshot.retraining.labeled_clips import LabeledClips

# Of 1000 object versions each, some tenths of a second: a caller waits for it.
MAX_PAGES = 10

NO_CHAMPION = (
    "No version is published yet. The model that came with Earshot becomes the first when a "
    "retraining starts, with the held-out clips that it brings; they are not counted here."
)
NOTHING_NEW = (
    "Every labeled clip there is known to the champion: it was learned from or held out. Correct "
    "results or add labeled clips; or name another `seed` or other `augmentations` to fit "
    "the same clips again."
)
CUT = (
    f"There are more objects than are counted here: {MAX_PAGES * 1000} versions of them under a "
    "prefix. The retraining itself uses all."
)
DRAWN = (
    "The held-out clips so far are too few. One in five of the new recordings is held out, which "
    "may or may not be enough."
)


@dataclass(frozen=True)
class Outlook:
    """What a retraining would start from.

    Attributes:
        champion: that it would be compared with; None if there is none yet.
        reasons: why it would be refused, for certain; none if it can start.
        notes: what else to know of it.
        corrections: corrected clips that the champion has neither learned nor held out.
        new_clips: such clips in all, corrected ones among them.
        clips: labeled clips to learn from, by label.
        held_out: clips to evaluate on, by label: the champion's, and those under ``heldout/``.
        released_held_out: how many of these came with a release.
        complete: all objects were counted.
    """

    champion: str | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    corrections: int
    new_clips: int
    clips: dict[str, int]
    held_out: dict[str, int]
    released_held_out: int
    complete: bool


@dataclass(frozen=True)
class _Known:
    """What the champion has learned and holds out."""

    version: str | None
    clips: frozenset[tuple[str, str]]  # key and version id of the object
    held_out: Mapping[str, int]
    released: int


class Readiness:
    """Looks ahead; every method raises `UnavailableError` where S3 fails."""

    def __init__(self, clips: LabeledClips, registry: ModelRegistry) -> None:
        self._clips = clips
        self._registry = registry

    def require(self, request: Request) -> None:
        """Raise `RetrainingRefusedError` if the retraining is certain to be refused."""
        if reasons := self.outlook(request).reasons:
            raise RetrainingRefusedError(" ".join(reasons))

    def outlook(self, request: Request) -> Outlook:
        """What a retraining would start from, in at most `MAX_PAGES` pages of each prefix."""
        listed, all_listed = self._clips.first_under(request.prefix, MAX_PAGES)
        listed_held_out, all_held_out = self._clips.first_under(HELD_OUT_PREFIX, MAX_PAGES)
        complete = all_listed and all_held_out
        known, reasons = _Known(None, frozenset(), {}, 0), []
        try:
            known = self._known() or known
        except ModelError as error:
            reasons.append(f"The champion cannot be used: {error}.")
        clips, _ = labeled_objects(listed)
        new = _new(clips, known)
        new_held_out = _new(labeled_objects(listed_held_out)[0], known)
        held_out = Counter(known.held_out) + _by_label(new_held_out)
        notes = []
        if not complete:
            notes.append(CUT)
        elif reason := nothing_to_learn(clips, request.prefix):
            reasons.append(reason)
        elif not (new or new_held_out) and _is_plain(request):
            reasons.append(NOTHING_NEW)
        if known.version is None:
            notes += [] if reasons else [NO_CHAMPION]
        elif (shortage := too_few(held_out)) and complete and not request.force:
            # Of new clips some are drawn to be held out; more than all cannot be.
            certain = too_few(held_out + _by_label(new))
            (reasons if certain else notes).append(shortage if certain else DRAWN)
        return Outlook(
            champion=known.version,
            reasons=tuple(reasons),
            notes=tuple(notes),
            corrections=sum(clip.corrected for clip in new),
            new_clips=len(new),
            clips=_of_each(_by_label(clips)),
            held_out=_of_each(held_out),
            released_held_out=known.released,
            complete=complete,
        )

    def _known(self) -> _Known | None:
        champion = self._registry.champion()
        if champion is None:
            return None
        dataset = json.loads(self._registry.verified_reader(champion)(DATASET_NAME) or b"{}")
        manifest = json.loads(self._registry.reader(champion.version)(MANIFEST_NAME))
        held_out: list[dict[str, Any]] = dataset.get("held_out", [])
        labeled = [clip for clip in held_out if not clip["key"].startswith(EVERYDAY)]
        counts = manifest.get("held_out")
        # A release counts its held-out clips and lists none of them.
        released = (
            sum(clip["key"].startswith(RELEASED) for clip in labeled)
            if "held_out" in dataset or counts is None
            else sum(counts.values())
        )
        return _Known(
            champion.version,
            # Nor does it name where the clips lie that it was trained on.
            frozenset(
                (clip["key"], clip["version_id"])
                for clip in (*dataset.get("learnt_from", []), *held_out)
                if "key" in clip
            ),
            Counter(clip["label"] for clip in labeled) if counts is None else counts,
            released,
        )


def _new(clips: Iterable[LabeledObject], known: _Known) -> list[LabeledObject]:
    return [clip for clip in clips if (clip.key, clip.version_id) not in known.clips]


def _is_plain(request: Request) -> bool:
    """Whether it asks for no other fit of the same clips."""
    plain = Request()
    same = set(request.augmentations) == set(DEFAULT_AUGMENTATIONS)
    return same and request.seed == plain.seed and not request.force


def _by_label(clips: Iterable[LabeledObject]) -> Counter[str]:
    return Counter(str(clip.label) for clip in clips)


def _of_each(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(label): counts.get(label, 0) for label in LABELS}
