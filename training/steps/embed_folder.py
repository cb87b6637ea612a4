"""Hear a folder of labelled clips as a retraining hears them, without a stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from earshot.retraining.plan import Request, make_plan
from earshot.uploads.objects import HELD_OUT_PREFIX, TRAINING_PREFIX
from earshot.yamnet.flatbuffer import Yamnet
from training.data.clip_features import ClipFeatures, concatenate
from training.data.labelled_clips import labelled_clips
from training.steps.embed import hear_batch


def embed_folder(
    data: Path, held_out: Path | None, yamnet: Yamnet, augmentations: Sequence[str] = ()
) -> ClipFeatures:
    """Features of all labelled clips in one or two folders, with a progress bar.

    A clip that cannot be heard is named, and left out.

    Args:
        data: to learn from.
        held_out: that judge; None without.
        yamnet: that embeds.
        augmentations: each gives one more copy of each clip that does not judge.

    Raises:
        FileNotFoundError: a folder holds no labelled clip.
    """
    paths = {}
    for prefix, folder in ((TRAINING_PREFIX, data), (HELD_OUT_PREFIX, held_out)):
        for clip in labelled_clips(folder) if folder else ():
            place = clip.path.parent.relative_to(folder or data).as_posix()
            paths[f"{prefix}{place}/{clip.label}/{clip.path.name}"] = clip.path
    request = Request(augmentations=tuple(augmentations))
    plan = make_plan([(key, "", path.stat().st_size) for key, path in paths.items()], request)
    heard = []
    with tqdm(total=plan.n_clips, desc="embedding", unit="clip") as progress:
        for batch in plan.batches:
            heard.append(
                hear_batch(
                    batch,
                    lambda clip: paths[clip.key].read_bytes(),
                    yamnet,
                    request.augmentations,
                    request.seed,
                )
            )
            for key, reason in heard[-1].rejected:
                progress.write(f"Left out: {paths[key]}: {reason}")
            progress.update(len(batch.clips))
    return concatenate(batch.features for batch in heard)
