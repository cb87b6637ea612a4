"""What a retraining writes down about the clips it was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from earshot.labels import Label
from training.data.clip_features import ClipFeatures
from training.data.grouping import Split


def corrections(new: ClipFeatures, parts: Split, learned: Mapping[str, Label]) -> bytes:
    """The clips that a person has corrected, and what became of each: an archive of features."""
    corrected = new.select(
        [
            clip.corrected and clip.augmentation is None and learned.get(clip.sha256) != clip.label
            for clip in new.clips
        ]
    )
    held_out = {clip.sha256 for clip in parts.held_out.clips}
    uses = [
        parts.left_out.get(clip.sha256)
        or ("held out: evaluated on" if clip.sha256 in held_out else "")
        for clip in corrected.clips
    ]
    return corrected.to_npz(not_used=uses)


def left_out(new: ClipFeatures, parts: Split, rejected: Sequence[Sequence[str]]) -> list[list[str]]:
    """Key of each clip of this run that is not used, and why."""
    keys = {clip.sha256: clip.key for clip in new.clips}
    return [
        *([key, why] for key, why in rejected),
        *([keys[digest], why] for digest, why in parts.left_out.items() if digest in keys),
    ]


def describe_dataset(parts: Split, rejected: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The dataset manifest: each clip with its version, digest, recording group and use."""

    def entries(features: ClipFeatures) -> list[dict[str, Any]]:
        return [
            {
                "sha256": clip.sha256,
                "label": str(clip.label),
                "key": clip.key,
                "version_id": clip.version_id,
                "recording": parts.groups[clip.sha256],
                "duration_s": clip.duration_s,
            }
            for clip in features.clips
            if clip.augmentation is None
        ]

    learnt_from, held_out = entries(parts.train), entries(parts.held_out)
    copies = Counter(clip.augmentation for clip in parts.train.clips if clip.augmentation)
    return {
        "n_learnt_from": len(learnt_from),
        "n_held_out": len(held_out),
        "augmented_copies": dict(copies),
        "learnt_from": learnt_from,
        "held_out": held_out,
        "left_out": parts.left_out,
        "rejected": rejected,
    }
