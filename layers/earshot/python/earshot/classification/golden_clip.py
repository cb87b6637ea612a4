"""The golden clip: a sound that each model classifies before it serves.

Digests show that a model's files are those that were published, and not that they work: with this
YAMNet, on this processor. So a sound that is computed here is classified first, and the result is
compared with the one that the version's manifest recorded when the version was written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.classification.classifier import Classifier
from earshot.errors import ModelError
from earshot.labels import LABELS

GOLDEN_MEMBER = "golden_clip"  # of the manifest: probability by label
# Processors round differently, and 8-bit convolutions make steps of it. To refuse a sound champion
# would cost more than to let an odd one pass that all digests let pass.
TOLERANCE = 0.05

_SECONDS = 2.0


def golden_waveform() -> Floats:
    """A bang, then a rising and falling tone, ``(32000,)`` at 16 kHz and full scale."""
    seconds = np.arange(int(_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.sin(1e4 * seconds**2)  # a sweep so steep that it folds over many times
    bang = noise * np.exp(-12 * seconds)
    # 600 to 1400 Hz and back, once in two seconds; the phase is the integral of the frequency.
    phase = 2 * np.pi * (1000 * seconds - 400 / np.pi * np.sin(np.pi * seconds))
    tone = 0.5 * np.sin(phase) * np.clip(2 * seconds - 1, 0, 1)
    waveform = bang + tone
    return np.asarray(waveform / np.abs(waveform).max(), np.float32)


def golden_probabilities(classifier: Classifier) -> dict[str, float]:
    """Probability of each label in the golden clip, as the manifest keeps it.

    Raises:
        ModelError: they are no probabilities.
    """
    predicted, top_scores, *_ = classifier.predict([golden_waveform()])
    found = np.asarray(predicted.probabilities, np.float64)
    events = [number for e in predicted.events for number in (e.start_s, e.end_s, e.confidence)]
    if not np.isfinite([*found, *top_scores, *events]).all():
        raise ModelError("the golden clip's classification holds what is not a finite number")
    if found.min() < 0 or abs(found.sum() - 1) > 1e-3:
        raise ModelError(f"the golden clip's probabilities are none: {found.tolist()}")
    if top_scores.min() < 0 or top_scores.max() > 1:
        raise ModelError("the golden clip's AudioSet scores are not all between 0 and 1")
    return {label: round(float(p), 5) for label, p in zip(LABELS, found, strict=True)}


def check_golden_clip(classifier: Classifier) -> None:
    """Classify the golden clip, and compare it with what the manifest recorded, if it did.

    Raises:
        ModelError: the result is not finite, or not the one that the manifest recorded.
    """
    found = golden_probabilities(classifier)
    recorded: Any = classifier.model.manifest.get(GOLDEN_MEMBER)
    if recorded is None:  # by a version that was written before there was a golden clip
        return
    if not all(abs(found[label] - float(recorded[label])) <= TOLERANCE for label in LABELS):
        raise ModelError(
            f"the golden clip gives {found} with {classifier.model.version}, not {recorded} "
            "as when the version was written"
        )
