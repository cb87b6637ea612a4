"""What is embedded of a labeled clip beside itself."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label
from earshot.retraining.plan import Batch, LabeledObject
from earshot.yamnet.flatbuffer import YamnetOutput
from training.data.clip_features import ClipFeatures
from training.steps.embed import LATER, embed_batch


class LoudestFrame:
    """A stand-in for YAMNet: its first value is where in a patch the loudest frame is."""

    def __call__(self, patches: np.ndarray) -> YamnetOutput:
        embeddings = np.zeros((len(patches), 1024), np.float32)
        embeddings[:, 0] = patches.mean(axis=2).argmax(axis=1)
        return YamnetOutput(embeddings, np.zeros((len(patches), 521), np.float32))


def embedded(*, held_out: bool = False, corrected: bool = False) -> ClipFeatures:
    """Features of a clip of one patch, with a click 0.3 s after its start."""
    waveform = np.zeros(15_600, np.float32)
    waveform[int(0.3 * SAMPLE_RATE)] = 0.9
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    clip = LabeledObject("training/casual/a.wav", "", 0, Label.CASUAL, held_out, corrected)
    yamnet: Any = LoudestFrame()
    return embed_batch(Batch(0, (clip,), ()), lambda _: file.getvalue(), yamnet, [], 0).features


def test_a_correction_is_learned_with_copies_that_begin_later_in_a_patch():
    found = embedded(corrected=True)
    assert [clip.augmentation for clip in found.clips] == [None, LATER, LATER]
    assert all(clip.corrected for clip in found.clips)
    at = found.embeddings[:, 0].astype(int)
    assert (at[1:] - at[0]).tolist() == [16, 32], "frames of 10 ms"


def test_other_clips_have_no_such_copies():
    for found in (embedded(), embedded(held_out=True), embedded(held_out=True, corrected=True)):
        assert [clip.augmentation for clip in found.clips] == [None]
