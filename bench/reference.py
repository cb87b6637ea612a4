"""The reference: what Earshot is measured against.

It does what a plain TensorFlow service does: import TensorFlow, load YAMNet as a SavedModel and a
dense head on the mean embedding as a ``.keras`` file, and put the waveform through them. It is the
kinder of possible references: the SavedModel holds nothing but YAMNet's own function, and loads in
a fraction of the time that the published one takes.

Beside it stands YAMNet as a float32 flatbuffer, as it was published: the bare kernel.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from bench.answering import serve
from local.settings import REPOSITORY

FOLDER = REPOSITORY / ".cache" / "bench" / "reference"
FLOAT32_FLATBUFFER = FOLDER / "yamnet.tflite"
_LAST_WRITTEN = FLOAT32_FLATBUFFER


def build() -> None:
    """Write SavedModel, head and flatbuffer, once, in a process of its own."""
    if not _LAST_WRITTEN.is_file():
        subprocess.run(
            [sys.executable, "-m", "bench.reference", "build"], cwd=REPOSITORY, check=True
        )


def _build() -> None:
    import tensorflow as tf

    from earshot.audio import log_mel
    from training.evaluation.baseline import _build as build_head
    from training.yamnet.convert import to_flatbuffer
    from training.yamnet.network import load_network, read_weights
    from training.yamnet.weights import HUB_HANDLE, obtain_saved_model

    class Yamnet(tf.Module):  # type: ignore[misc]  # TensorFlow is not annotated
        """Waveform to scores, embeddings and log-mel spectrogram, as the published model."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network
            self.mel = tf.signal.linear_to_mel_weight_matrix(
                log_mel.MEL_BANDS,
                log_mel.FFT_LENGTH // 2 + 1,
                log_mel.SAMPLE_RATE,
                log_mel.MEL_MIN_HZ,
                log_mel.MEL_MAX_HZ,
            )

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])  # type: ignore[untyped-decorator]
        def spectrogram(self, waveform: Any) -> Any:
            stft = tf.signal.stft(
                waveform, log_mel.WINDOW_SAMPLES, log_mel.HOP_SAMPLES, log_mel.FFT_LENGTH
            )
            return tf.math.log(tf.abs(stft) @ self.mel + log_mel.LOG_OFFSET)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])  # type: ignore[untyped-decorator]
        def __call__(self, waveform: Any) -> Any:
            spectrogram = self.spectrogram(waveform)
            patches = tf.signal.frame(
                spectrogram, log_mel.PATCH_FRAMES, log_mel.PATCH_HOP_FRAMES, axis=0
            )
            embeddings, scores = self.network(patches, training=False)
            return scores, embeddings, spectrogram

    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        weights = obtain_saved_model(HUB_HANDLE, Path(scratch))
        network = load_network(read_weights(weights.folder))
    tf.saved_model.save(Yamnet(network), str(FOLDER / "yamnet"))
    build_head().save(FOLDER / "head.keras")  # its speed does not depend on its weights
    FLOAT32_FLATBUFFER.write_bytes(to_flatbuffer(network))


@cache
def _loaded() -> tuple[Any, Any]:
    import tensorflow as tf

    yamnet = tf.saved_model.load(str(FOLDER / "yamnet"))
    head = tf.keras.models.load_model(FOLDER / "head.keras", compile=False)
    return yamnet, head


def classify(wav: str) -> float:
    """Seconds from a file's bytes to the probabilities."""
    import soundfile
    import tensorflow as tf

    yamnet, head = _loaded()
    began = time.perf_counter()
    waveform, _ = soundfile.read(wav, dtype="float32")
    _, embeddings, _ = yamnet(waveform)
    probabilities = head(tf.reduce_mean(embeddings, axis=0, keepdims=True), training=False)
    probabilities.numpy().argmax()
    return time.perf_counter() - began


def log_mel_tensorflow(wav: str) -> float:
    """Seconds that `tf.signal` takes from the waveform to the log-mel spectrogram."""
    import soundfile

    yamnet, _ = _loaded()
    waveform, _ = soundfile.read(wav, dtype="float32")
    began = time.perf_counter()
    yamnet.spectrogram(waveform).numpy()
    return time.perf_counter() - began


def log_mel_librosa(wav: str) -> float:
    """The same by librosa."""
    import librosa
    import numpy as np
    import soundfile

    from earshot.audio import log_mel

    waveform, _ = soundfile.read(wav, dtype="float32")
    began = time.perf_counter()
    mel = librosa.feature.melspectrogram(
        y=waveform,
        sr=log_mel.SAMPLE_RATE,
        n_fft=log_mel.FFT_LENGTH,
        win_length=log_mel.WINDOW_SAMPLES,
        hop_length=log_mel.HOP_SAMPLES,
        power=1.0,
        n_mels=log_mel.MEL_BANDS,
        fmin=log_mel.MEL_MIN_HZ,
        fmax=log_mel.MEL_MAX_HZ,
        htk=True,
        norm=None,
        center=False,
    )
    np.log(mel + log_mel.LOG_OFFSET)
    return time.perf_counter() - began


if __name__ == "__main__":
    if sys.argv[1:] == ["build"]:
        _build()
    else:
        serve({f.__name__: f for f in (classify, log_mel_tensorflow, log_mel_librosa)})
