"""Training's own parts: labels on disk, groups, variants, splits, and the way into arrays."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label, label_of
from training.adaptation.recipe import known_patches
from training.adaptation.sources import (
    N_FOLDS,
    assign_folds,
    broadened,
    everyday,
    field_recordings,
    sesa,
    source_weights,
)
from training.adaptation.variants import (
    EQUALIZING_NOISE_DB,
    Variant,
    Variants,
    noise_equalized,
    on_floor,
    repeated,
    rotors,
    segments,
    steady_noise,
    vary,
)
from training.data.augment import add_noise, augment, long_crop, rms, short_crop
from training.data.labeled_clips import (
    MANY_RECORDISTS,
    LabeledClip,
    broadened_clips,
    everyday_clips,
    labeled_clips,
)
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


def test_clips_of_one_recording_are_listed_in_the_table_beside_their_folder(tmp_path: Path):
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


def test_there_are_as_many_variants_of_each_sort_as_asked_for():
    variants = Variants(augmented=2, noisy=1, short=3, events=2, mixed=4, floors=2, repeated=2)
    with_backgrounds = list(vary(noise(4.0), [noise(6.0)], variants, np.random.default_rng(7)))
    assert len(with_backgrounds) == 16
    assert sum(variant.event_s is not None for variant in with_backgrounds) == 6
    assert len(list(vary(noise(4.0), [], variants, np.random.default_rng(7)))) == 10


def test_an_event_in_a_quiet_floor_is_where_it_is_said_to_be():
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[8000:8800] = RNG.standard_normal(800)
    for seed in range(5):
        floor, event_s = on_floor(click, np.random.default_rng(seed))
        assert event_s is not None
        loudest = np.abs(floor).argmax() / SAMPLE_RATE
        assert event_s[0] <= loudest <= event_s[1]
        assert np.abs(floor).max() == pytest.approx(1)
        outside = np.ones(len(floor), bool)
        outside[int(event_s[0] * SAMPLE_RATE) : int(event_s[1] * SAMPLE_RATE)] = False
        assert rms(floor[outside]) < 10 ** (-24 / 20)


def test_it_is_known_which_patches_hold_a_mixed_event_and_of_a_long_clip_it_is_not():
    starts = np.arange(10) * np.float64(0.48)
    mixed = Variant(noise(5.3), (2.0, 2.5))
    # Patches that begin at 1.44 and 1.92 s hold it whole; those beside them may hold its echo.
    assert known_patches(mixed, Label.GUNSHOT, starts).tolist() == [0, 0, -1, 1, 1, -1, 0, 0, 0, 0]
    assert (known_patches(mixed, Label.CASUAL, starts) == 0).all()
    assert (known_patches(Variant(noise(5.3)), Label.GUNSHOT, starts) == -1).all()
    assert known_patches(Variant(noise(0.5)), Label.GUNSHOT, starts[:1]).tolist() == [1]


def test_a_recording_is_cut_into_segments_at_full_scale_without_silence_or_a_short_end():
    recording = np.concatenate([0.01 * noise(10.0), np.zeros(10 * SAMPLE_RATE), noise(12.0)])
    cut = list(segments(recording.astype(np.float32)))
    assert [len(segment) / SAMPLE_RATE for segment in cut] == [10, 10]
    assert [np.abs(segment).max() for segment in cut] == pytest.approx([1, 1])


def test_a_repeated_knock_comes_at_one_rate_between_one_and_a_half_and_forty_a_second():
    knock = np.zeros(2 * SAMPLE_RATE, np.float32)
    knock[16000:16400] = RNG.standard_normal(400)
    for seed in range(8):
        energy = repeated(knock, np.random.default_rng(seed)) ** 2
        envelope = energy[: len(energy) // 160 * 160].reshape(-1, 160).mean(axis=1)  # of 10 ms
        envelope -= envelope.mean()
        correlation = np.correlate(envelope, envelope, "full")[len(envelope) :]
        assert correlation[1:70].max() > 0.15 * (envelope**2).sum()


def test_rotors_whirr_at_full_scale_above_forty_hertz():
    for seed in range(8):
        whirr = rotors(np.random.default_rng(seed))
        assert np.abs(whirr).max() == pytest.approx(1)
        spectrum = np.abs(np.fft.rfft(whirr * np.hanning(len(whirr)))) ** 2
        hertz = np.fft.rfftfreq(len(whirr), 1 / SAMPLE_RATE)
        assert spectrum[hertz > 40].sum() > 0.5 * spectrum.sum()


def test_steady_noise_has_many_levels_and_no_moment_that_stands_out():
    noises = [steady_noise(np.random.default_rng(seed)) for seed in range(40)]
    levels = [np.abs(of).max() for of in noises]
    assert min(levels) < 0.1
    assert max(levels) == pytest.approx(1)
    for of in noises:
        assert np.abs(of).max() < 12 * rms(of)


def test_a_source_is_drawn_by_the_root_of_its_groups_times_its_share():
    labels = [Label.CASUAL] * 12
    groups = [f"everyday/{n % 4}" for n in range(8)] + [f"sesa/{n}" for n in range(4)]
    weights = source_weights(labels, groups, {"everyday": 1.0, "sesa": 2.0})
    assert weights[:8].sum() == pytest.approx(2)  # the root of 4 groups
    assert weights[8:].sum() == pytest.approx(4)


def test_casual_sound_of_one_package_is_one_group_and_threats_are_grouped_by_recording():
    rows = [
        ["casual/a.wav", "casual", "music", "game", "game/theme"],
        ["casual/b.wav", "casual", "music", "game", "game/finale"],
        ["casual/c.wav", "casual", "animal", MANY_RECORDISTS, "esc/1"],
        ["gunshot/d.wav", "gunshot", "gunshot", "library", "library/rifle"],
    ]
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "manifest.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "label", "kind", "package", "recording"])
            writer.writerows(rows)
        packages, recordings = everyday_clips(Path(folder))
    assert [clip.group for clip in packages] == ["game", "game", "library/rifle"]
    assert [clip.kind for clip in packages] == ["music", "music", "gunshot"]
    assert [clip.group for clip in recordings] == ["esc/1"]
    assert everyday(packages).hours
    assert field_recordings(recordings).hours


@pytest.mark.parametrize("peak", [1.0, 0.5, 0.2])
def test_the_noise_floor_of_an_equalized_clip_does_not_tell_how_softly_it_was_recorded(peak):
    seconds = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    rng = np.random.default_rng(8)
    beep = np.where(seconds < 1, np.sin(2 * np.pi * 1000 * seconds), 0) * peak
    of_8_bits = rng.uniform(-0.5, 0.5, len(beep)) / 128  # what rounding to them adds
    equalized = noise_equalized((beep + of_8_bits).astype(np.float32), rng)
    floor_db = 20 * np.log10(rms(equalized[2 * SAMPLE_RATE :]) / np.abs(equalized).max())
    assert floor_db == pytest.approx(EQUALIZING_NOISE_DB, abs=1.5)


def test_crops_keep_the_loudest_moment():
    waveform = np.float32(0.01) * noise(20.0)
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


def test_the_head_computes_what_the_keras_network_does():
    import keras

    from training.data.feature_set import FeatureSet
    from training.head.network import Inputs, NetworkConfig, as_head, build_network

    clips = FeatureSet(
        embeddings=RNG.random((64 * 5, 1024), np.float32),
        scores=RNG.random((64 * 5, 521), np.float32),
        lengths=np.full(64, 5),
        labels=RNG.integers(0, 4, 64),
        weights=np.ones(64, np.float32),
        groups=np.arange(64).astype(np.str_),
    )
    network = build_network(NetworkConfig(hidden=8))
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rows = np.arange(64 * 5).reshape(64, 5)
    inputs = Inputs.from_clips(clips).of(rows)
    network.fit(inputs, clips.labels, epochs=3, verbose=0)
    head = as_head(network)
    logits = head.logits(
        [head.blocks(clips.embeddings[:5].astype(np.float32), clips.scores[:5].astype(np.float32))]
    )
    of_clip = network([of[:1] for of in inputs], training=False).numpy()
    of_patches = network([of[0][:, None] for of in inputs], training=False).numpy()
    assert logits.stretches[0] == pytest.approx(of_clip[0] - of_clip[0, 0], abs=1e-3)
    assert logits.patches == pytest.approx(of_patches - of_patches[:, :1], abs=1e-3)
