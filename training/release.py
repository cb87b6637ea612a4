"""`python -m training.release`: give a version the held-out clips that it is released with.

A retraining compares candidate and champion on held-out clips. So that the first correction can be
learned from, a released version brings some: features of labeled clips and of everyday sound that
it never learned from. This is the last step before a release; no sound is kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.labels import LABELS, Label
from earshot.model.head import Head
from earshot.model.loading import load_model
from earshot.model.versions import MANIFEST_NAME, sha256_hex, yamnet_folder
from earshot.retraining.plan import EVERYDAY, RELEASED
from earshot.yamnet.flatbuffer import Yamnet
from training.adaptation.sources import load
from training.adaptation.variants import SEGMENT_S, held_out_variants, segments
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate
from training.data.held_out import HELD_OUT_NAME, HeldOut
from training.data.labeled_clips import LabeledClip, everyday_clips, labeled_clips
from training.evaluation.labeled import near_duplicates
from training.head.replay import about_the_highest, embedded, threat_scores
from training.head.seal import seal
from training.yamnet import MODEL_DIR

# Of each clip, so many patches are kept, about its highest score: 4 s.
PATCHES_A_CLIP = 8
# Through another microphone, in noise, with an equal noise floor: all of the scarce labels, and one
# of the others, which makes about a hundred clips of each.
VARIANTS = {
    Label.CASUAL: ("augmented", "noisy"),
    Label.GUNSHOT: ("augmented", "noisy", "equalized"),
    Label.EXPLOSION: ("noisy",),
    Label.SIREN: ("augmented", "noisy", "equalized"),
}
# Of all segments of everyday sound, those with the highest scores: at most a few alerts an hour
# are raised, and nearly all of the sound comes nowhere near one.
EVERYDAY_SEGMENTS = 120


def labeled_part(
    clips: Sequence[LabeledClip], backgrounds: Sequence[Floats], yamnet: Yamnet, head: Head
) -> Iterator[ClipFeatures]:
    """Features of labeled clips and of their variants, around the highest score of each."""
    for n, clip in enumerate(tqdm(clips, desc="labeled clips", unit="clip")):
        waveform, rng = load(clip), np.random.default_rng(n)
        chosen = rng.permutation(len(backgrounds))[:8]
        variants = held_out_variants(waveform, [backgrounds[i] for i in chosen], rng)
        digest = sha256_hex(clip.path.read_bytes())
        key = f"{RELEASED}{clip.label}/{clip.path.stem}"
        found = _features(waveform, clip.label, digest, f"{key}.wav", yamnet)
        yield about_the_highest(found, head, PATCHES_A_CLIP)
        for k, name in enumerate(VARIANTS[clip.label], 2):
            sha256 = sha256_hex(f"{digest} {name}".encode())
            # A copy mark: it is of the same recording group.
            found = _features(variants[name], clip.label, sha256, f"{key} ({k}).wav", yamnet)
            yield about_the_highest(found, head, PATCHES_A_CLIP)


def everyday_part(
    clips: Sequence[LabeledClip], yamnet: Yamnet, head: Head
) -> tuple[ClipFeatures, float]:
    """The segments that score highest, and the hours that they were chosen from."""
    found = []
    for clip in tqdm(clips, desc="everyday sound", unit="file"):
        digest = sha256_hex(clip.path.read_bytes())
        for n, segment in enumerate(segments(load(clip))):
            key = f"{EVERYDAY}{clip.path.stem}/{n:03}"
            sha256 = sha256_hex(f"{digest} {n}".encode())
            found.append(_features(segment, Label.CASUAL, sha256, key, yamnet))
    scores = np.array([threat_scores(head, of_segment).max() for of_segment in found])
    hardest = np.argsort(-scores)[:EVERYDAY_SEGMENTS]
    hours = len(found) * SEGMENT_S / 3600
    return concatenate([found[i] for i in sorted(hardest)]), hours


def release(version: Path, labeled: Path, everyday: Path, yamnet: Yamnet) -> HeldOut:
    """Write ``heldout.npz`` into a version's folder, and the manifest anew.

    Args:
        version: folder of the version.
        labeled: folder of labeled WAVs. Near-duplicates of training clips are left out, where
            ``<folder>_overlap.csv`` lists them.
        everyday: folder that `training.data.open_audio` wrote.
        yamnet: that the version was trained with.
    """
    head = load_model(lambda name: (version / name).read_bytes(), yamnet.weights_sha256).head
    casual = [
        clip for part in everyday_clips(everyday) for clip in part if clip.label is Label.CASUAL
    ]
    copies = near_duplicates(labeled)
    clips = [clip for clip in labeled_clips(labeled) if clip.path.name not in copies]
    backgrounds = [load(clip) for clip in casual[:: max(1, len(casual) // 100)]]
    segments_kept, hours = everyday_part(casual, yamnet, head)
    features = concatenate([*labeled_part(clips, backgrounds, yamnet, head), segments_kept])
    held_out = HeldOut(
        features, np.ones(len(features), bool), np.arange(len(features)), everyday_hours=hours
    )
    content = held_out.to_npz()
    (version / HELD_OUT_NAME).write_bytes(content)
    path = version / MANIFEST_NAME
    manifest = json.loads(path.read_text())
    manifest["files"] = dict(
        sorted({**manifest["files"], HELD_OUT_NAME: sha256_hex(content)}.items())
    )
    manifest["held_out"] = held_out.counts()
    path.write_text(json.dumps(manifest, indent=2) + "\n")
    seal(version, yamnet)
    return held_out


def _features(
    waveform: Floats, label: Label, sha256: str, key: str, yamnet: Yamnet
) -> ClipFeatures:
    record = ClipRecord(
        sha256=sha256,
        label=label,
        key=key,
        held_out=True,
        n_patches=0,
        duration_s=round(len(waveform) / SAMPLE_RATE, 3),
    )
    return embedded(waveform, record, yamnet)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.release", description=__doc__)
    parser.add_argument("version", type=Path, help="folder of the version")
    parser.add_argument("--labeled", type=Path, required=True, help="labeled WAVs, held out")
    parser.add_argument("--everyday", type=Path, required=True, help="everyday sound, held out")
    arguments = parser.parse_args()
    yamnet = Yamnet(yamnet_folder(arguments.version, MODEL_DIR))
    held_out = release(arguments.version, arguments.labeled, arguments.everyday, yamnet)
    counts = held_out.counts()
    print(
        f"{arguments.version} has {', '.join(f'{counts[label]} {label}' for label in LABELS)} "
        f"held-out clips, and the {int(held_out.everyday.sum())} segments that score highest in "
        f"{held_out.everyday_hours:.1f} hours of everyday sound."
    )


if __name__ == "__main__":
    main()
