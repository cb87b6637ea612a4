"""Features of labeled clips, as the embed step writes them and a version keeps them."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.labels import Label
from earshot.yamnet.embedding import EmbeddedPatches
from earshot.yamnet.flatbuffer import N_EMBEDDING, N_SCORES
from training.data.feature_set import FeatureSet


@dataclass(frozen=True)
class ClipRecord:
    """A clip, or an augmented copy of one.

    Attributes:
        sha256: of the file; an augmented copy has the digest of its clip.
        label: of the clip.
        key: of the S3 object.
        n_patches: its rows in the feature arrays.
        duration_s: of the clip, in seconds.
        version_id: of the S3 object; empty for a file.
        held_out: it was under ``heldout/``, or an earlier retraining held it out.
        corrected: the label is a person's correction.
        augmentation: kind of the copy; None for the clip itself.
        background: SHA-256 of the clip that is mixed under the copy; None without.
    """

    sha256: str
    label: Label
    key: str
    n_patches: int
    duration_s: float
    version_id: str = ""
    held_out: bool = False
    corrected: bool = False
    augmentation: str | None = None
    background: str | None = None


@dataclass(frozen=True)
class ClipFeatures:
    """Features of many clips, one clip's patches after the other's.

    Attributes:
        clips: in the order of their patches.
        embeddings: ``(patches, 1024)`` float16: half the size, and the rounding (1/2048 of the
            value) is far below what augmentation changes.
        scores: ``(patches, 521)`` float16 in 0..1.
    """

    clips: tuple[ClipRecord, ...]
    embeddings: NDArray[np.float16]
    scores: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Patches of each clip, ``(clips,)``."""
        return np.array([clip.n_patches for clip in self.clips], np.int64)

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """Class id of each clip, ``(clips,)``."""
        return np.array([clip.label.class_id for clip in self.clips], np.int64)

    @property
    def originals(self) -> NDArray[np.bool_]:
        """Which are clips themselves, not augmented copies, ``(clips,)``."""
        return np.array([clip.augmentation is None for clip in self.clips], bool)

    def patches_of(self) -> list[NDArray[np.float32]]:
        """Embeddings of each clip, ``(patches, 1024)`` float32."""
        pieces = np.split(self.embeddings, np.cumsum(self.lengths)[:-1]) if self.clips else []
        return [piece.astype(np.float32) for piece in pieces]

    def select(self, chosen: Sequence[bool] | NDArray[np.bool_]) -> ClipFeatures:
        """The clips for which `chosen`, ``(clips,)``, is true."""
        chosen = np.asarray(chosen, bool)
        rows = np.repeat(chosen, self.lengths)
        clips = tuple(clip for clip, keep in zip(self.clips, chosen, strict=True) if keep)
        return ClipFeatures(clips, self.embeddings[rows], self.scores[rows])

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Of which clips all features are finite numbers, ``(clips,)``."""
        patches = np.isfinite(self.embeddings).all(axis=1) & np.isfinite(self.scores).all(axis=1)
        not_finite = np.concatenate([[0], np.cumsum(~patches)])
        ends = np.cumsum(self.lengths)
        return np.asarray(not_finite[ends] == not_finite[ends - self.lengths])

    def thinned(self, max_patches: int) -> ClipFeatures:
        """At most `max_patches`: clips in the order of their digests, from each label in turn."""
        by_class: dict[int, list[str]] = defaultdict(list)
        patches: Counter[str] = Counter()
        for clip in self.clips:
            if clip.augmentation is None:
                by_class[clip.label.class_id].append(clip.sha256)
            patches[clip.sha256] += clip.n_patches
        queues = [sorted(digests) for digests in by_class.values()]
        kept: set[str] = set()
        total = 0
        while any(queues):
            for queue in queues:
                if queue and total + patches[queue[0]] <= max_patches:
                    total += patches[queue[0]]
                    kept.add(queue[0])
                del queue[:1]
        return self.select([clip.sha256 in kept for clip in self.clips])

    def shortened(self, patches_a_clip: int) -> ClipFeatures:
        """At most `patches_a_clip` of each clip, evenly spaced over it."""
        starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        rows, clips = [], []
        for clip, start in zip(self.clips, starts, strict=True):
            n = min(clip.n_patches, patches_a_clip)
            rows.append(start + ((np.arange(n) + 0.5) / n * clip.n_patches).astype(np.int64))
            clips.append(replace(clip, n_patches=n))
        chosen = np.concatenate(rows) if rows else np.empty(0, np.int64)
        return ClipFeatures(tuple(clips), self.embeddings[chosen], self.scores[chosen])

    def feature_set(self, groups: Sequence[str] | NDArray[np.str_]) -> FeatureSet:
        """The same as a `FeatureSet`; every clip has weight 1.

        Args:
            groups: ``(clips,)`` names of recording groups.
        """
        return FeatureSet(
            embeddings=self.embeddings.astype(np.float32),
            scores=self.scores.astype(np.float32),
            lengths=self.lengths,
            labels=self.class_ids,
            weights=np.ones(len(self), np.float32),
            groups=np.array(groups, np.str_),
        )

    def to_npz(self, **notes: Any) -> bytes:
        """As an NPZ archive of plain arrays; `notes` are stored in it as JSON."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            clips=np.array(json.dumps([asdict(clip) for clip in self.clips])),
            notes=np.array(json.dumps(notes)),
            embeddings=self.embeddings,
            scores=self.scores,
        )
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, content: bytes) -> ClipFeatures:
        """From an archive of `to_npz`; pickles are refused, because they can run code."""
        return read_npz(content)[0]


def read_npz(content: bytes) -> tuple[ClipFeatures, dict[str, Any]]:
    """Features and notes of an archive."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        clips = tuple(
            ClipRecord(**{**document, "label": Label(document["label"])})
            for document in json.loads(str(archive["clips"]))
        )
        notes = json.loads(str(archive["notes"]))
        return ClipFeatures(clips, archive["embeddings"], archive["scores"]), notes


def of_clip(record: ClipRecord, patches: EmbeddedPatches) -> ClipFeatures:
    """Features of a single clip."""
    return ClipFeatures(
        (record,), patches.embeddings.astype(np.float16), patches.scores.astype(np.float16)
    )


def concatenate(sets: Iterable[ClipFeatures]) -> ClipFeatures:
    """All clips of several sets."""
    sets = list(sets)
    if not sets:
        return ClipFeatures(
            (), np.empty((0, N_EMBEDDING), np.float16), np.empty((0, N_SCORES), np.float16)
        )
    return ClipFeatures(
        tuple(clip for features in sets for clip in features.clips),
        np.concatenate([features.embeddings for features in sets]),
        np.concatenate([features.scores for features in sets]),
    )
