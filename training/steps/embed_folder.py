"""Embed a folder of labeled clips as a retraining does, without a stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from earshot.retraining.plan import Request, make_plan
from earshot.uploads.objects import HELD_OUT_PREFIX, TRAINING_PREFIX
from earshot.yamnet.flatbuffer import Yamnet
from training.data.clip_features import ClipFeatures, concatenate
from training.data.labeled_clips import labeled_clips
from training.steps.embed import embed_batch


def embed_folder(
    data: Path, held_out: Path | None, yamnet: Yamnet, augmentations: Sequence[str] = ()
) -> ClipFeatures:
    """Features of all labeled clips in one or two folders, with a progress bar.

    A clip that cannot be decoded is left out and reported.

    Args:
        data: folder of clips to train on.
        held_out: folder of clips to hold out; None without.
        yamnet: to embed with.
        augmentations: kinds of copies to make of each clip that is not held out.

    Raises:
        FileNotFoundError: a folder holds no labeled clip.
    """
    paths = {}
    for prefix, folder in ((TRAINING_PREFIX, data), (HELD_OUT_PREFIX, held_out)):
        for clip in labeled_clips(folder) if folder else ():
            place = clip.path.parent.relative_to(folder or data).as_posix()
            paths[f"{prefix}{place}/{clip.label}/{clip.path.name}"] = clip.path
    request = Request(augmentations=tuple(augmentations))
    plan = make_plan([(key, "", path.stat().st_size) for key, path in paths.items()], request)
    embedded = []
    with tqdm(total=plan.n_clips, desc="embedding", unit="clip") as progress:
        for batch in plan.batches:
            embedded.append(
                embed_batch(
                    batch,
                    lambda clip: paths[clip.key].read_bytes(),
                    yamnet,
                    request.augmentations,
                    request.seed,
                )
            )
            for key, reason in embedded[-1].rejected:
                progress.write(f"Left out: {paths[key]}: {reason}")
            progress.update(len(batch.clips))
    return concatenate(batch.features for batch in embedded)
