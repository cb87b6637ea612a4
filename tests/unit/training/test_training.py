"""Training's own parts: labels on disk, groups, variants, splits, and the way into arrays."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label, label_of
from earshot.model.head import Expert
from training.adaptation.recipe import (
    EQUALISING_NOISE_DB,
    N_FOLDS,
    Variants,
    assign_folds,
    broadened,
    noise_equalised,
    sesa,
    vary,
)
from training.data.augment import add_noise, augment, long_crop, rms, short_crop
from training.data.labeled_clips import LabeledClip, broadened_clips, labeled_clips
from training.evaluation.mixtures import short_event_mixtures
from training.head.score_groups import GROUPS

RNG = np.random.default_rng(0)


def noise(seconds: float) -> np.ndarray:
    return RNG.standard_normal(int(seconds * SAMPLE_RATE)).astype(np.float32) * 0.1


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("gunshot_001.wav", Label.GUNSHOT),
        ("Siren_a.WAV", Label.SIREN),
        ("explosion/anything.wav", Label.EXPLOSION),
        ("casual/gunshot_001.wav", Label.CASUAL),
        ("thunder_001.wav", None),
        ("gunshots.wav", None),
    ],
)
def test_a_folder_or_else_a_prefix_states_the_label(path, label):
    assert label_of(Path(path)) is label


def test_clips_of_one_recording_are_told_by_the_table_beside_their_folder(tmp_path: Path):
    folder = tmp_path / "train"
    folder.mkdir()
    for name in ("siren_1.wav", "siren_2.wav", "casual_1.wav", "notes.txt"):
        (folder / name).touch()
    (tmp_path / "train_groups.csv").write_text("file,recording\nsiren_1.wav,7\nsiren_2.wav,7\n")
    groups = {clip.path.name: clip.group for clip in labeled_clips(folder)}
    assert groups == {"siren_1.wav": "7", "siren_2.wav": "7", "casual_1.wav": "casual_1.wav"}


def test_a_folder_without_labels_says_how_to_label(tmp_path: Path):
    (tmp_path / "x.wav").touch()
    with pytest.raises(FileNotFoundError, match="<label>_"):
        labeled_clips(tmp_path)


def test_sounds_of_a_package_are_one_group(tmp_path: Path):
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "recording", "package"])
        writer.writerow(["gunshot/a.wav", "gunshot", "r1", "game"])
        writer.writerow(["casual/b.wav", "casual", "r2", "game"])
    assert [clip.group for clip in broadened_clips(tmp_path)] == ["game", "game"]


def test_a_recording_is_never_in_two_folds_and_every_fold_has_every_label_of_each_source():
    clips = [
        LabeledClip(Path(f"{label}_{n}.wav"), label, f"{label}-{n // 3}")
        for label in Label
        for n in range(60)
    ]
    few_groups = [
        LabeledClip(Path(f"{label}_{n}.wav"), label, f"package {n % 8}")
        for label, count in zip(Label, (800, 40, 40, 40), strict=True)
        for n in range(count)
    ]
    fold_of = assign_folds([sesa(clips), broadened(few_groups)], seed=0)
    for name, of_source in (("sesa", clips), ("broadened", few_groups)):
        for fold in range(N_FOLDS):
            held = [clip for clip in of_source if fold_of[f"{name}/{clip.group}"] == fold]
            assert {clip.label for clip in held} == set(Label)


def test_few_clips_are_spread_over_as_many_folds_as_there_are_of_a_label():
    clips = [LabeledClip(Path(f"{label}_{n}.wav"), label, f"{n}") for label in Label for n in "ab"]
    fold_of = assign_folds([sesa(clips)], seed=0)
    assert {fold_of[f"sesa/{n}"] for n in "ab"} == {0, 1}


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 20])
def test_noise_is_added_at_the_stated_ratio(snr_db):
    waveform, hiss = noise(2.0), 3 * noise(2.0)
    added = add_noise(waveform, hiss, snr_db) - waveform
    assert 20 * np.log10(rms(waveform) / rms(added)) == pytest.approx(snr_db, abs=0.01)


def test_variants_are_real_waveforms_and_differ():
    waveform, backgrounds = noise(1.5), [noise(3.0)]
    rng = np.random.default_rng(1)
    variants = [augment(waveform, backgrounds, rng) for _ in range(20)]
    for variant in variants:
        assert variant.dtype == np.float32
        assert np.isfinite(variant).all()
        assert 0 < np.abs(variant).max() <= 1.2
    assert len({variant.tobytes() for variant in variants}) == 20


def test_the_same_seed_gives_the_same_variant():
    waveform = noise(1.0)
    one, two = (augment(waveform, [], np.random.default_rng(5)) for _ in range(2))
    assert (one == two).all()


def test_a_variant_goes_with_the_clip_that_it_was_before_at_the_same_speed():
    seconds = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 1000 * seconds).astype(np.float32)
    variants = Variants(augmented=8, noisy=8, events=0)
    first, *others = vary(tone, [], variants, np.random.default_rng(7))
    assert first.clean is first.waveform
    speeds = set()
    for variant in others:
        assert len(variant.waveform) == len(variant.clean)
        pitches = [
            int(np.abs(np.fft.rfft(of, 1 << 16))[2000:].argmax()) // 20
            for of in (variant.waveform, variant.clean)
        ]
        assert pitches[0] == pytest.approx(pitches[1], abs=1)
        assert rms(variant.clean[:1000]) == pytest.approx(np.sqrt(0.5), rel=0.1)
        speeds.add(pitches[1])
    assert len(speeds) > 3


@pytest.mark.parametrize("peak", [1.0, 0.5, 0.2])
def test_the_noise_floor_of_an_equalised_clip_does_not_tell_how_softly_it_was_recorded(peak):
    seconds = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    rng = np.random.default_rng(8)
    beep = np.where(seconds < 1, np.sin(2 * np.pi * 1000 * seconds), 0) * peak
    of_8_bits = rng.uniform(-0.5, 0.5, len(beep)) / 128  # what rounding to them adds
    equalised = noise_equalised((beep + of_8_bits).astype(np.float32), rng)
    floor_db = 20 * np.log10(rms(equalised[2 * SAMPLE_RATE :]) / np.abs(equalised).max())
    assert floor_db == pytest.approx(EQUALISING_NOISE_DB, abs=1.5)


def test_crops_keep_the_loudest_moment():
    waveform = (0.01 * noise(20.0)).astype(np.float32)
    waveform[15 * SAMPLE_RATE] = 1.0
    for _ in range(10):
        assert long_crop(waveform, RNG).max() == 1.0
        assert short_crop(waveform, RNG).max() == 1.0


def test_a_mixture_is_silent_but_for_its_event_where_the_recording_is_faint():
    shot = np.zeros(SAMPLE_RATE // 2, np.float32)
    shot[: SAMPLE_RATE // 4] = 1.0
    (mixture,) = short_event_mixtures([shot], [noise(5.0)], snr_db=40, count=1)
    assert len(mixture.waveform) == 30 * SAMPLE_RATE
    loud = np.flatnonzero(np.abs(mixture.waveform) > 1.0) / SAMPLE_RATE
    assert mixture.start_s <= loud.min() + 1e-3
    assert loud.max() <= mixture.end_s


def test_score_groups_name_each_class_once():
    classes = [index for group in GROUPS.values() for index in group]
    assert len(classes) == len(set(classes))
    assert min(classes) >= 0
    assert max(classes) < 521


def test_the_folded_expert_computes_what_the_keras_network_does():
    import keras

    from training.head.experts import ExpertConfig, as_expert, build_network, mean_of

    config = ExpertConfig(
        hidden=8,
        input_dropout=0.1,
        dropout=0.3,
        weight_decay=1e-4,
        epochs=1,
        patches_per_clip=2,
        one_scale=False,
    )
    inputs = RNG.standard_normal((64, 5, 12)).astype(np.float32) * 3 + 1
    network = build_network(config, inputs.reshape(-1, 12))
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(inputs, RNG.integers(0, 4, 64), epochs=3, verbose=0)
    expert = mean_of([as_expert(network)] * 2)
    assert isinstance(expert, Expert)
    alone, together = expert.logits(inputs[0])
    of_clip = network(inputs[:1], training=False).numpy()
    of_patches = network(inputs[0][:, None], training=False).numpy()
    assert together == pytest.approx(of_clip[0] - of_clip[0, 0], abs=1e-4)
    assert alone == pytest.approx(of_patches - of_patches[:, :1], abs=1e-4)
