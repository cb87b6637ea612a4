"""Fit a candidate to the features of a run and to those the champion was trained on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from earshot.errors import RetrainingRefusedError
from earshot.labels import Label
from earshot.model.loading import load_model
from earshot.model.reference import Reference
from earshot.model.registry import ModelRegistry
from earshot.model.versions import Champion
from earshot.model.yamnets import Yamnets
from earshot.retraining.gate import too_few
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import (
    CANDIDATE_FOLDER,
    FEATURES_FOLDER,
    PLAN_NAME,
    TRAINING_NAME,
)
from earshot.yamnet.flatbuffer import Yamnet
from training.data.clip_features import ClipFeatures, concatenate, read_npz
from training.data.grouping import Split, split
from training.data.held_out import HELD_OUT_NAME, HeldOut
from training.head import incremental
from training.head.calibration import describe
from training.head.export import (
    DATASET_NAME,
    KERAS_NAME,
    REPLAY_NAME,
    compact_json,
    read_network,
    write_version,
)
from training.head.seal import seal
from training.steps.records import corrections, describe_dataset, left_out
from training.steps.soundness import only_finite, require_finite

CORRECTIONS_NAME = "corrections.npz"

# At 3 kB a patch 90 MB in memory, four hours of sound. More is thinned out evenly over the labels.
MAX_REPLAY_PATCHES = 30_000


def train(
    run: str,
    files: RunFiles,
    registry: ModelRegistry,
    yamnets: Yamnets,
    erased: Collection[str] = (),
) -> dict[str, Any]:
    """Fit a candidate and write it to the run's files, under ``candidate/``.

    Args:
        run: id of the retraining.
        files: of it.
        registry: of the champion.
        yamnets: gives the champion's, which the candidate inherits.
        erased: ids of clips whose features the candidate does not get from the champion.

    Raises:
        RetrainingRefusedError: there are too few held-out clips and the run is not forced, there
            is no clip to train on, or the clips were embedded with another YAMNet.
        FitFailedError: a loss was not a finite number.
        ModelError: the champion is altered.
        UnavailableError: S3 failed.
    """
    request = files.read_json(run, PLAN_NAME)["request"]
    champion = registry.champion()
    if champion is None:
        raise RetrainingRefusedError(
            "There is no champion to start from. Publish a first model version and promote it; "
            "See docs/retraining.md."
        )
    read = registry.verified_reader(champion)
    yamnet = yamnets.of(registry.describe(champion.version).manifest)
    new, rejected = _new_features(run, files, yamnet.sha256)
    new, unsound = only_finite(without(new, erased))
    replay, unsound_replay = only_finite(without(_features(read(REPLAY_NAME)), erased))
    held_before = HeldOut.from_npz(read(HELD_OUT_NAME))
    held, unsound_held_out = only_finite(without(held_before.features, erased))
    rejected += [list(one) for one in (*unsound, *unsound_replay, *unsound_held_out)]
    keras_file = read(KERAS_NAME)
    learned = _learned(read) | {clip.sha256: clip.label for clip in replay.clips}
    parts = split(new, replay, held, frozenset(learned))
    held_out = HeldOut.of_split(parts, held_before.everyday_hours)
    shortage = too_few(held_out.counts())
    if shortage and not request["force"]:
        raise RetrainingRefusedError(shortage[0].upper() + shortage[1:])
    if not len(parts.train):
        why = f" The first: {rejected[0][0]}: {rejected[0][1]}" if rejected else ""
        raise RetrainingRefusedError(f"None of the clips can be trained on.{why}")
    n_new = len(
        {clip.sha256 for clip in parts.train.clips if learned.get(clip.sha256) != clip.label}
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "candidate"
        parent = incremental.Parent(
            champion.version,
            load_model(
                registry.reader(champion.version), yamnet.weights_sha256, champion.manifest_sha256
            ).head,
            None if keras_file is None else read_network(keras_file),
            learned,
        )
        fitted = fit_candidate(
            parts,
            held_out,
            folder,
            yamnet=yamnet,
            parent=parent,
            seed=request["seed"],
            rejected=rejected,
        )
        require_finite(fitted.curves)
        seal(folder, yamnet)
        training = {
            "compared_with": vars(champion),
            "curves": fitted.curves,
            "parameters": fitted.parameters,
            "chosen_anew": fitted.chosen_anew,
            "n_new": n_new,
            "n_replayed": len(replay),
            "request": request,
            "left_out": left_out(new, parts, rejected),
        }
        (folder / TRAINING_NAME).write_text(json.dumps(training, indent=2))
        for file in sorted(folder.iterdir()):
            files.write(run, CANDIDATE_FOLDER + file.name, file.read_bytes())
    files.write(run, CORRECTIONS_NAME, corrections(new, parts, learned))
    return {
        "parent": champion.version,
        "n_new": n_new,
        "n_learnt_from": len({clip.sha256 for clip in parts.train.clips}),
        "n_replayed": len(replay),
        "n_held_out": len(held_out),
        "n_left_out": len(parts.left_out),
        "n_rejected": len(rejected),
        "epochs": max(map(len, fitted.curves.values())),
    }


def seed_first_champion(registry: ModelRegistry, bundled: Path, flatbuffer: Path) -> None:
    """Make the bundled version the champion, with the bundled YAMNet, if there is none yet."""
    if registry.champion() is None:
        version = registry.publish_folder(bundled, flatbuffer.read_bytes()).version
        registry.promote(version, by="retraining", reason="the model that came with Earshot")


def fit_candidate(
    parts: Split,
    held_out: HeldOut,
    folder: Path,
    *,
    yamnet: Yamnet,
    parent: incremental.Parent | None,
    seed: int,
    rejected: Sequence[Sequence[str]],
) -> incremental.Fit:
    """Fit a head to `parts.train` and write its version, with what the next retraining needs."""
    clips = parts.train
    groups = [parts.groups[clip.sha256] for clip in clips.clips]
    learned = parent.learned if parent else {}
    known_groups = {
        group for clip, group in zip(clips.clips, groups, strict=True) if clip.sha256 in learned
    }
    fitted = incremental.fit(
        clips.feature_set([str(group) for group in groups]),
        parent,
        unlearned=clips.originals & np.array([group not in known_groups for group in groups], bool),
        known=np.array([learned.get(clip.sha256) == clip.label for clip in clips.clips], bool),
        corrected=np.array([clip.corrected for clip in clips.clips], bool),
        seed=seed,
    )
    write_version(
        folder,
        fitted.head.to_arrays() | Reference.of(clips.embeddings).to_arrays(),
        fitted.network,
        {},
        {
            REPLAY_NAME: clips.thinned(MAX_REPLAY_PATCHES).to_npz(),
            HELD_OUT_NAME: held_out.to_npz(),
            DATASET_NAME: compact_json(describe_dataset(parts, rejected)),
        },
        parent=parent.version if parent else None,
        yamnet_weights_sha256=yamnet.weights_sha256,
        yamnet_sha256=yamnet.sha256,
        parameters=fitted.parameters,
        calibration=describe(fitted.head),
        held_out=held_out.counts(),
    )
    return fitted


def parent_of(run: str, files: RunFiles) -> Champion:
    """The champion that a run's candidate was fitted from and is compared with."""
    training = files.read_json(run, CANDIDATE_FOLDER + TRAINING_NAME)
    return Champion(**training["compared_with"])


def _new_features(
    run: str, files: RunFiles, yamnet_sha256: str
) -> tuple[ClipFeatures, list[list[str]]]:
    """Features of the run's clips; those of another YAMNet than the champion's are not mixed in."""
    sets, rejected = [], []
    for name in files.names(run, FEATURES_FOLDER):
        features, notes = read_npz(files.read(run, name))
        if notes.get("yamnet_sha256") != yamnet_sha256:
            raise RetrainingRefusedError(
                "While the clips were embedded, a version with another YAMNet became champion. "
                "Start the retraining again."
            )
        sets.append(features)
        rejected += notes["rejected"]
    return concatenate(sets), rejected


def _features(content: bytes | None) -> ClipFeatures:
    return concatenate([]) if content is None else ClipFeatures.from_npz(content)


def without(features: ClipFeatures, erased: Collection[str]) -> ClipFeatures:
    """Features of all clips but these, whose ids are the names of their objects."""
    return features.select([PurePosixPath(clip.key).stem not in erased for clip in features.clips])


def _learned(read: Any) -> dict[str, Label]:
    """Labels of all clips that the champion was trained on, by SHA-256, replayed or not."""
    content = read(DATASET_NAME)
    if content is None:
        return {}
    return {entry["sha256"]: Label(entry["label"]) for entry in json.loads(content)["learnt_from"]}
