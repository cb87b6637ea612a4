"""The plan of a retraining: a snapshot of labeled clips in the bucket, cut into batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import cycle, islice
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from earshot.errors import BadRequestError, RetrainingRefusedError
from earshot.labels import CORRECTIONS_FOLDER, LABELS, Label, label_of
from earshot.uploads.objects import HELD_OUT_PREFIX, TRAINING_PREFIX

# Beginnings of the keys of held-out clips that came with a released version, and of segments of
# everyday sound among them, which are no labeled clips.
RELEASED = "released/"
EVERYDAY = f"{RELEASED}everyday/"

BATCH_CLIPS = 16
# A batch must be embedded, with its augmented copies, within a Lambda's 15 minutes and memory.
BATCH_BYTES = 48 * 2**20
BACKGROUNDS_A_BATCH = 2
MAX_BACKGROUND_BYTES = 4 * 2**20

Augmentation = Literal["noise", "pitch", "stretch", "background"]
AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)
# Pitch shift and time stretch cost accuracy on gunshots (docs/retraining.md), so they are there to
# be asked for.
DEFAULT_AUGMENTATIONS: tuple[Augmentation, ...] = ("noise", "background")


@dataclass(frozen=True)
class Request:
    """What is asked of a retraining.

    Attributes:
        prefix: of the clips to train on; within ``training/``.
        requested_by: person, client or schedule.
        reason: for the record.
        force: promote also a candidate that does not pass the gate; for an operator.
        augmentations: of `AUGMENTATIONS`; each gives one more copy of each clip.
        seed: of all random numbers.
    """

    prefix: str = TRAINING_PREFIX
    requested_by: str = ""
    reason: str = ""
    force: bool = False
    augmentations: tuple[str, ...] = DEFAULT_AUGMENTATIONS
    seed: int = 0

    @classmethod
    def from_input(cls, document: dict[str, Any]) -> Request:
        """Request of an execution's input.

        Raises:
            BadRequestError: a member is unknown, of the wrong kind, or not allowed.
        """
        if unknown := document.keys() - cls.__dataclass_fields__.keys():
            raise BadRequestError(
                f"Unknown: {', '.join(sorted(unknown))}. "
                f"Accepted: {', '.join(cls.__dataclass_fields__)}."
            )
        request = cls(**{**document, "augmentations": _names(document.get("augmentations"))})
        if not isinstance(request.prefix, str) or not _within_training(request.prefix):
            raise BadRequestError(f"The prefix must be a folder within {TRAINING_PREFIX}.")
        if not isinstance(request.force, bool) or type(request.seed) is not int:
            raise BadRequestError("`force` must be true or false, and `seed` a whole number.")
        if request.force and not (request.requested_by and request.reason):
            raise BadRequestError("With `force`, `requested_by` and `reason` are required.")
        return request


@dataclass(frozen=True)
class LabeledObject:
    """One version of a labeled clip in the uploads bucket.

    Attributes:
        key: its key.
        version_id: the version in the snapshot; later uploads do not change it.
        size: in bytes.
        label: that its key states.
        held_out: it lies under ``heldout/``.
        corrected: a person has corrected its label.
    """

    key: str
    version_id: str
    size: int
    label: Label
    held_out: bool
    corrected: bool


@dataclass(frozen=True)
class Batch:
    """Clips that one call of the embedding function embeds.

    Attributes:
        index: of the batch, from 0.
        clips: to embed.
        backgrounds: casual clips to mix under the others.
    """

    index: int
    clips: tuple[LabeledObject, ...]
    backgrounds: tuple[LabeledObject, ...]

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``batches.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Batch:
        """Of an item of ``batches.json``."""
        return cls(
            document["index"], _objects(document["clips"]), _objects(document["backgrounds"])
        )


@dataclass(frozen=True)
class Plan:
    """A snapshot in batches.

    Attributes:
        batches: of all clips.
        counts: clips to train on, by label.
        held_out: clips under ``heldout/``.
        ignored: keys of objects that state no label.
    """

    batches: tuple[Batch, ...]
    counts: dict[str, int]
    held_out: int
    ignored: tuple[str, ...] = field(default=())

    @property
    def n_clips(self) -> int:
        """Clips of all batches."""
        return sum(len(batch.clips) for batch in self.batches)


def labeled_object(key: str, version_id: str, size: int) -> LabeledObject | None:
    """Labeled clip of an object version; None if its key states no label."""
    path = PurePosixPath(key)
    label = label_of(path)
    if label is None or path.suffix.lower() != ".wav":
        return None
    return LabeledObject(
        key=key,
        version_id=version_id,
        size=size,
        label=label,
        held_out=key.startswith(HELD_OUT_PREFIX),
        corrected=path.parent.name == CORRECTIONS_FOLDER,
    )


def labeled_objects(
    objects: Iterable[tuple[str, str, int]],
) -> tuple[list[LabeledObject], tuple[str, ...]]:
    """Labeled clips among objects, in the order of their keys, and keys that state no label.

    Args:
        objects: key, version id and size of each.
    """
    clips: list[LabeledObject] = []
    ignored: list[str] = []
    for key, version_id, size in sorted(objects):
        clip = labeled_object(key, version_id, size)
        if clip:
            clips.append(clip)
        elif not key.endswith("/"):
            ignored.append(key)
    return clips, tuple(ignored)


def nothing_to_learn(clips: Sequence[LabeledObject], prefix: str) -> str | None:
    """Why a retraining on these clips of a prefix cannot start; None if it can."""
    if clips:
        return None
    return (
        f"There is no labeled WAV under {prefix}. Put clips there as "
        f"<label>/<name>.wav or <label>_<name>.wav, where <label> is one of "
        f"{', '.join(LABELS)}."
    )


def make_plan(objects: Iterable[tuple[str, str, int]], request: Request) -> Plan:
    """Cut a snapshot of the bucket into batches.

    Args:
        objects: key, version id and size of the current objects under the request's prefix and
            under ``heldout/``.
        request: what is asked.

    Raises:
        RetrainingRefusedError: there is no clip to train on.
    """
    clips, ignored = labeled_objects(objects)
    to_learn = [clip for clip in clips if not clip.held_out]
    if reason := nothing_to_learn(to_learn, request.prefix):
        raise RetrainingRefusedError(reason)
    quiet = [
        clip
        for clip in to_learn
        if clip.label is Label.CASUAL and clip.size <= MAX_BACKGROUND_BYTES
    ]
    # By chance, but always the same for the same seed; in turn, so that all of them are used.
    quiet.sort(key=lambda clip: sha256(f"{request.seed} {clip.key}".encode()).digest())
    turns = cycle(quiet)
    n_backgrounds = min(BACKGROUNDS_A_BATCH, len(quiet))
    batches = tuple(
        Batch(index, tuple(some), tuple(islice(turns, n_backgrounds)))
        for index, some in enumerate(_cut(clips))
    )
    counts = Counter(str(clip.label) for clip in to_learn)
    return Plan(batches, dict(counts), len(clips) - len(to_learn), ignored)


def _cut(clips: Sequence[LabeledObject]) -> Iterator[list[LabeledObject]]:
    batch: list[LabeledObject] = []
    size = 0
    for clip in clips:
        if batch and (len(batch) == BATCH_CLIPS or size + clip.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(clip)
        size += clip.size
    yield batch


def _objects(documents: Iterable[dict[str, Any]]) -> tuple[LabeledObject, ...]:
    return tuple(
        LabeledObject(**{**document, "label": Label(document["label"])}) for document in documents
    )


def _within_training(prefix: str) -> bool:
    return prefix.startswith(TRAINING_PREFIX) and prefix.endswith("/") and ".." not in prefix


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return DEFAULT_AUGMENTATIONS
    if not isinstance(value, list | tuple) or not set(value) <= set(AUGMENTATIONS):
        raise BadRequestError(f"`augmentations` is a list of {', '.join(AUGMENTATIONS)}.")
    return tuple(value)
