"""Recording groups, and a split into training and held-out clips that keeps them whole."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from earshot.retraining.plan import RELEASED
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate

# Clips whose mean embeddings have this cosine similarity count as copies of one recording.
# Measured on SESA, with v1's YAMNet, whose clips of one label lie closer together than those of the
# published one: it finds 77 % of the near-copies that stand on both sides of the published split,
# joins the training clips into 343 groups where 329 recordings were found by waveform
# cross-correlation, and joins no two clips of different labels (at 0.965 it joins three pairs).
SAME_RECORDING_COSINE = 0.9725

# One recording group in so many is held out.
HELD_OUT_ONE_IN = 5

# "gate (2)", "gate copy", "gate_part3", "gate-seg01" and "gate_aug1" are of the recording "gate".
# A mark stands apart from the name: "intake" is not a take of "in".
_COPY_MARK = re.compile(r"([ _-]+(copy|part|seg|segment|chunk|aug|take)[ _-]*\d*|\s*\(\d+\))$")


@dataclass(frozen=True)
class Split:
    """Clips by their use.

    Attributes:
        train: to train on, with augmented copies and with what the parent was trained on.
        held_out: to evaluate on.
        established: ``(clips,)`` which held-out clips have a confirmed label: they were put under
            ``heldout/``, corrected by a person, or held out before.
        left_out: reason for each clip that is not used, by SHA-256.
        groups: number of each clip's recording group, by SHA-256.
    """

    train: ClipFeatures
    held_out: ClipFeatures
    established: NDArray[np.bool_]
    left_out: dict[str, str]
    groups: dict[str, int]


def split(
    new: ClipFeatures,
    replay: ClipFeatures,
    held_before: ClipFeatures,
    learned_before: frozenset[str] = frozenset(),
) -> Split:
    """Split clips into those to train on and those to hold out.

    What the parent was trained on stays in training, and what was held out stays held out, with
    the whole recording group; so candidate and champion are compared on clips that neither was
    trained on. Of the new recording groups, one in five is held out, chosen by its content and
    so the same each time; but none that a person has corrected a clip of: a correction is to teach.
    Held-out clips that came with a release make way for a person's clips that are like them.

    Args:
        new: clips of this retraining, with augmented copies.
        replay: clips that the parent was trained on.
        held_before: held-out set of the parent.
        learned_before: SHA-256 of all clips that the parent was trained on, replayed or not.
    """
    learned_before |= {clip.sha256 for clip in replay.clips}
    held_out_before = {clip.sha256 for clip in held_before.clips}
    new, replay, held_before, left_out = _one_label_each(new, replay, held_before)
    everything = concatenate([new, replay, held_before])
    originals = everything.select([clip.augmentation is None for clip in everything.clips])
    learned = {clip.sha256 for clip in originals.clips} & learned_before
    to_hold_out = {
        clip.sha256 for clip in originals.clips if clip.held_out or clip.sha256 in held_out_before
    }
    # First the clips whose side is settled: a new clip must not remove one from the held-out set.
    settled = recording_groups(
        originals.select([clip.sha256 in learned | to_hold_out for clip in originals.clips])
    )
    in_training = {settled[digest] for digest in learned}
    for digest in to_hold_out:
        if settled[digest] in in_training:
            left_out[digest] = "held out, but a copy of a recording that a model was trained on"
    to_hold_out -= left_out.keys()

    groups = recording_groups(originals)
    released = {clip.sha256 for clip in originals.clips if clip.key.startswith(RELEASED)}
    in_training, in_held_out = (
        {groups[digest] for digest in learned},
        {groups[digest] for digest in to_hold_out - released},
    )
    drawn = _drawn(originals.clips, groups) - in_training
    drawn -= {groups[clip.sha256] for clip in originals.clips if clip.corrected}
    held_out = set(to_hold_out)
    sides_are_settled = learned | to_hold_out | left_out.keys()
    for clip in originals.clips:
        if clip.sha256 in sides_are_settled:
            continue
        if groups[clip.sha256] in in_held_out:
            left_out[clip.sha256] = "a copy of a held-out recording"
        elif groups[clip.sha256] in drawn:
            held_out.add(clip.sha256)
    taught = {
        groups[clip.sha256]
        for clip in originals.clips
        if clip.sha256 not in held_out | left_out.keys()
    }
    for digest in held_out & released:
        if groups[digest] in taught:
            left_out[digest] = "held out with a release, but like a clip that is learned from"
    held_out -= left_out.keys()
    # A clip that is left out may have been all that joined a held-out clip to a training clip.
    groups = {digest: 2 * k + (digest in held_out) for digest, k in groups.items()}

    kept_from_training = held_out | left_out.keys()
    train = everything.select(
        [
            clip.sha256 not in kept_from_training and clip.background not in held_out
            for clip in everything.clips
        ]
    )
    held = _once(originals.select([clip.sha256 in held_out for clip in originals.clips]))
    established = np.array([clip.held_out or clip.corrected for clip in held.clips], bool)
    held = replace(held, clips=tuple(replace(clip, held_out=True) for clip in held.clips))
    return Split(_once(train), held, established, left_out, groups)


def recording_groups(features: ClipFeatures) -> dict[str, int]:
    """Number of each clip's recording group, by SHA-256.

    Clips are of one group if they have the same content, keys that differ in a copy mark only, or
    nearly the same mean embedding; or if a chain of such pairs joins them.
    """
    if not features.clips:
        return {}
    pairs = [*_nearly_the_same(features)]
    pairs += _chains(features.clips, lambda clip: clip.sha256)
    pairs += _chains(features.clips, lambda clip: stem(clip.key))
    n = len(features)
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    edges = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    _, numbers = connected_components(edges, directed=False)
    return {clip.sha256: int(k) for clip, k in zip(features.clips, numbers, strict=True)}


def across_labels(features: ClipFeatures) -> int:
    """Number of pairs of clips of different labels with nearly the same mean embedding.

    A recording group has one label: either theirs are wrong, or `SAME_RECORDING_COSINE` is too low
    for the YAMNet that the features are of.
    """
    first, second = features.class_ids[_nearly_the_same(features)].T
    return int((first != second).sum())


def _nearly_the_same(features: ClipFeatures) -> NDArray[np.int64]:
    """Pairs ``(n, 2)`` of clips whose mean embeddings are nearly the same."""
    mean = np.stack([patches.mean(axis=0) for patches in features.patches_of()])
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
    return np.argwhere(np.triu(mean @ mean.T > SAME_RECORDING_COSINE, 1))


def stem(key: str) -> str:
    """Key without extension and copy marks, with the file's name in lower case.

    The whole prefix counts: many sites, and many datasets, number their files from 001.
    """
    path = PurePosixPath(key)
    name = path.stem.lower()
    while (shorter := _COPY_MARK.sub("", name)) != name and shorter:
        name = shorter
    return f"{path.parent}/{name}"


def _chains(
    clips: Sequence[ClipRecord], name: Callable[[ClipRecord], str]
) -> Iterator[NDArray[np.int64]]:
    """Pairs that join all clips of the same name."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, clip in enumerate(clips):
        places[name(clip)].append(i)
    for same in places.values():
        yield from (np.array(pair) for pair in pairwise(same))


def _drawn(clips: Iterable[ClipRecord], groups: dict[str, int]) -> set[int]:
    """Recording groups to hold out, drawn by the least SHA-256 of their clips."""
    least: dict[int, str] = {}
    for clip in clips:
        group = groups[clip.sha256]
        least[group] = min(clip.sha256, least.get(group, clip.sha256))
    return {group for group, digest in least.items() if int(digest[:8], 16) % HELD_OUT_ONE_IN == 0}


def _one_label_each(
    new: ClipFeatures, replay: ClipFeatures, held_before: ClipFeatures
) -> tuple[ClipFeatures, ClipFeatures, ClipFeatures, dict[str, str]]:
    """One label for each clip: a correction first, then the newer; contradictions are left out."""
    left_out: dict[str, str] = {}
    labels: dict[str, set[str]] = defaultdict(set)
    corrections: dict[str, set[str]] = defaultdict(set)
    for clip in new.clips:
        (corrections if clip.corrected else labels)[clip.sha256].add(clip.label)
    labels |= corrections
    for digest, stated in labels.items():
        if len(stated) > 1:
            left_out[digest] = f"labeled both {' and '.join(sorted(stated))}"
    new = new.select(
        [clip.sha256 not in left_out and clip.label in labels[clip.sha256] for clip in new.clips]
    )
    labeled_anew = {clip.sha256 for clip in new.clips} | left_out.keys()
    replay = replay.select([clip.sha256 not in labeled_anew for clip in replay.clips])
    # A held-out clip keeps its label, unless an upload to heldout/ or a correction changes it: an
    # ordinary upload must not change what versions are evaluated on.
    held = {clip.sha256 for clip in held_before.clips}
    confirmed = {clip.sha256 for clip in new.clips if clip.held_out or clip.corrected}
    new = new.select([clip.sha256 not in held or clip.sha256 in confirmed for clip in new.clips])
    held_before = held_before.select([clip.sha256 not in confirmed for clip in held_before.clips])
    return new, replay, held_before, left_out


def _once(features: ClipFeatures) -> ClipFeatures:
    """Each clip and each of its augmented copies once, even if several keys hold it."""
    seen: set[tuple[str, str | None]] = set()
    keep = []
    for clip in features.clips:
        keep.append((clip.sha256, clip.augmentation) not in seen)
        seen.add((clip.sha256, clip.augmentation))
    return features.select(keep)
