"""Adapt YAMNet to labeled clips, train a version's head on it, and write the version."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import LABELS
from earshot.model.head import Head
from earshot.model.loading import load_model
from earshot.model.reference import Reference
from earshot.model.versions import sha256_hex
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import Yamnet
from training.adaptation.adapt import adapt
from training.adaptation.recipe import LONGEST_VARIED_S, TRAINING
from training.adaptation.sampling import AdaptationConfig
from training.adaptation.sources import N_FOLDS, Source, load, share_of_enough
from training.adaptation.tapped_clips import tapped_clips
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate, of_clip
from training.data.grouping import across_labels
from training.data.labeled_clips import LabeledClip
from training.evaluation.metrics import report
from training.head.calibration import Calibrated, calibrate, describe
from training.head.cross_validation import out_of_fold, show
from training.head.export import DATASET_NAME, REPLAY_NAME, compact_json, write_version
from training.head.network import as_head
from training.head.replay import varied_threats
from training.head.seal import seal
from training.yamnet import ADAPTATION, MODEL_DIR, MODELS
from training.yamnet.adapted import write_adaptation
from training.yamnet.convert import convert

# What a first version leaves to its successors of its clips as they are: under 3 MB.
REPLAY_PATCHES_A_CLIP = 2
MAX_REPLAY_PATCHES = 1200
RELEASED = MODELS / "v1"
LEAST_STEPS, STEPS_EXPONENT = 80, 1.5
# What `calibrate` chooses but biases, which belong to a head's own weights.
CALIBRATED = ("temperature", "alert_thresholds", "length_slopes", "pair_shares")


@dataclass(frozen=True)
class Files:
    """Where things are read and written.

    Attributes:
        source: TF Hub handle of the published YAMNet, or its SavedModel folder.
        out: folder of the new version; its YAMNet is in ``yamnet``.
        scratch: folder for 20 GB of taps while training goes on.
    """

    source: str
    out: Path
    scratch: Path

    @property
    def yamnet(self) -> Path:
        """Folder of the adapted YAMNet, as converted, and of its tail's weights."""
        return self.out / "yamnet"


def train(
    sources: Sequence[Source],
    files: Files,
    config: AdaptationConfig,
    seed: int,
    n_folds: int = N_FOLDS,
) -> None:
    """Adapt YAMNet's tail together with a head, and write both into the version's folder.

    Biases, temperature and thresholds are chosen on clips, and on hours of everyday sound, that the
    tails and heads they are scored by did not learn from.

    Args:
        sources: of clips.
        files: where to read and write.
        config: of the adaptation.
        seed: of all chance.
        n_folds: of the cross-validation that are trained for; 0 for none: biases, temperature and
            thresholds are then those of the released version.
    """
    hold_out = n_folds > 0
    with tapped_clips(sources, files.source, files.scratch, seed, hold_out) as tapped:
        published, data, tap_files = tapped
        found = None
        if n_folds:
            found = out_of_fold(data, tap_files, published.layers, config, seed, n_folds)
        taps = tap_files.of(TRAINING)
        tail, network = adapt(data.training, taps, published.layers, config, seed)
    with tempfile.TemporaryDirectory() as folder:
        adaptation = Path(folder) / ADAPTATION.name
        write_adaptation(adaptation, tail)
        convert(published, files.yamnet, adaptation)
        shutil.copy(adaptation, files.yamnet)

    head = as_head(network)
    calibrated = calibrate(head, data, found) if found else as_released(head)
    yamnet = Yamnet(files.yamnet)
    clean = [_clean_features(source, yamnet) for source in sources]
    together = concatenate(clean)
    metrics = {name: report(of_set) for name, of_set in calibrated.predictions.items()}
    write_version(
        files.out,
        calibrated.head.to_arrays() | Reference.of(together.embeddings).to_arrays(),
        network,
        {"cross_validation": metrics, "false_alarms_per_hour": calibrated.false_alarms},
        _for_successors(
            together, varied_threats(sources, Yamnet(files.yamnet), calibrated.head, seed)
        ),
        parent=None,
        yamnet_weights_sha256=yamnet.weights_sha256,
        parameters=asdict(config) | {"seed": seed, "folds": n_folds},
        calibration=describe(calibrated.head),
        data={source.name: _summary(source.clips) for source in sources},
    )
    seal(files.out, yamnet)
    if not found:
        print("Not cross-validated: its thresholds are the released version's. Evaluate it.")
    show(metrics, "cross-validated")
    if n := across_labels(clean[0]):
        print(
            f"{n} pairs of clips of different labels sound like one recording to this YAMNet, and "
            "a retraining would join them: correct their labels, or raise SAME_RECORDING_COSINE in "
            "training/data/grouping.py."
        )
    print(
        f"Written: {files.out}. Nothing that serves has changed.\n"
        f"  make evaluate DATA=folder MODEL={files.out}   # on clips that it has not learned from\n"
        f"  make demo MODEL={files.out}                   # or make up"
    )


def steps_for(sources: Sequence[Source]) -> int:
    """Batches to train for: those of the released version, or fewer for fewer clips.

    Few clips are learned by heart long before so many batches.
    """
    share: float = share_of_enough(sources) ** STEPS_EXPONENT
    return max(LEAST_STEPS, round(AdaptationConfig.steps * share))


def as_released(head: Head) -> Calibrated:
    """A head with the released version's temperature and thresholds, where none were chosen."""
    yamnet = Yamnet(MODEL_DIR)
    released = load_model(lambda name: (RELEASED / name).read_bytes(), yamnet.weights_sha256).head
    calibration = {name: getattr(released, name) for name in CALIBRATED}
    return Calibrated(replace(head, **calibration), predictions={}, false_alarms={})


def _for_successors(clean: ClipFeatures, varied: Iterable[ClipFeatures]) -> dict[str, bytes]:
    """What a retraining from this version replays, and what it must not be evaluated on.

    The replay is small enough for the repository: a few patches of as many clips as fit, evenly
    from all labels; and of two variants of each threat.
    """
    replay = clean.shortened(REPLAY_PATCHES_A_CLIP).thinned(MAX_REPLAY_PATCHES)
    replay = concatenate([replay, *varied])
    learnt_from = [{"sha256": record.sha256, "label": str(record.label)} for record in clean.clips]
    dataset = {"n_learnt_from": len(learnt_from), "learnt_from": learnt_from}
    return {
        REPLAY_NAME: replay.to_npz(),
        DATASET_NAME: compact_json(dataset),
    }


def _record(clip: LabeledClip, key: str, n_patches: int, n_samples: int) -> ClipRecord:
    return ClipRecord(
        sha256=sha256_hex(clip.path.read_bytes()),
        label=clip.label,
        key=key,
        n_patches=n_patches,
        duration_s=round(n_samples / SAMPLE_RATE, 3),
    )


def _clean_features(source: Source, yamnet: Yamnet) -> ClipFeatures:
    """Features of a source's clips themselves, in their order; not of long recordings."""
    found = []
    root = Path(os.path.commonpath([clip.path.parent for clip in source.clips] or [Path()]))
    for clip in tqdm(source.clips, desc=f"clips of {source.name}", unit="clip"):
        waveform = load(clip)
        if source.hours and len(waveform) > LONGEST_VARIED_S * SAMPLE_RATE:
            continue
        patches = embed_whole([waveform], yamnet)
        # With the whole path: clips of one name in two folders are two recordings.
        key = f"{source.name}/{clip.path.relative_to(root).as_posix()}"
        record = _record(clip, key, len(patches.starts), len(waveform))
        found.append(of_clip(record, patches))
    return concatenate(found)


def _summary(clips: Sequence[LabeledClip]) -> dict[str, Any]:
    return {
        "clips": {str(label): sum(clip.label is label for clip in clips) for label in LABELS},
        "groups": len({clip.group for clip in clips}),
    }
