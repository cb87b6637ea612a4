"""The baseline: a deep dense head on the mean embedding of a clip, normalized to its peak.

Six dense layers with batch norm and dropout, trained with early stopping, a falling learning
rate and the best weights kept. It is evaluated as the served head is.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from tqdm import tqdm

from earshot.audio.log_mel import Floats
from earshot.labels import LABELS
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import N_EMBEDDING, Yamnet
from training.adaptation.sources import load
from training.data.labeled_clips import LabeledClip

HIDDEN = (512, 256, 128, 64, 32)
DROPOUT = 0.3
EPOCHS = 60
VALIDATION_SHARE = 0.15


def mean_embedding(waveform: Floats, yamnet: Yamnet) -> Floats:
    """``(1024,)`` mean over the patches of a waveform."""
    mean: Floats = embed_whole([waveform], yamnet).embeddings.mean(axis=0)
    return mean


class Baseline:
    """The deep head, fitted on labeled clips."""

    def __init__(self, clips: Sequence[LabeledClip], yamnet: Yamnet, seed: int = 0) -> None:
        self._yamnet = yamnet
        keras.utils.set_random_seed(seed)
        embeddings = np.stack(
            [mean_embedding(load(clip), yamnet) for clip in tqdm(clips, "baseline", unit="clip")]
        )
        labels = np.array([clip.label.class_id for clip in clips])
        order = np.random.default_rng(seed).permutation(len(labels))
        n_held = int(VALIDATION_SHARE * len(labels))
        held, rest = order[:n_held], order[n_held:]
        self._network = _build()
        self._network.fit(
            embeddings[rest],
            labels[rest],
            validation_data=(embeddings[held], labels[held]),
            epochs=EPOCHS,
            batch_size=32,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True),
                keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=4),
            ],
        )

    def probabilities(self, waveform: Floats) -> Floats:
        """Probabilities ``(4,)`` of a waveform at full scale."""
        embedding = mean_embedding(waveform, self._yamnet)[None]
        probabilities: Floats = self._network(embedding, training=False).numpy()[0]
        return probabilities


def _build() -> keras.Model:
    layers: list[keras.Layer] = [keras.Input((N_EMBEDDING,))]
    for width in HIDDEN:
        layers += [
            keras.layers.Dense(width, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(DROPOUT),
        ]
    network = keras.Sequential([*layers, keras.layers.Dense(len(LABELS), activation="softmax")])
    network.compile("adam", "sparse_categorical_crossentropy")
    return network
