"""Which embeddings of a clip's patches are kept with its result."""

from __future__ import annotations

import numpy as np

from earshot.alerts.mutes import distance
from earshot.classification.event_embeddings import EventPatches, alerting, as_bytes
from earshot.events import Event
from earshot.labels import Label
from tests.unit.model.sample_head import sample_head

YAMNET = "0123456789abcdef" * 4
N = 12


def patches(siren_logits: dict[int, float], batch: int = 4) -> tuple[EventPatches, np.ndarray]:
    """Patches, one each 0.48 s, of which some have a siren's logit above casual's."""
    embeddings = np.random.default_rng(1).standard_normal((N, 1024)).astype(np.float32)
    logits = np.zeros((N, 4), np.float32)
    logits[:, 1:] = -5
    for row, logit in siren_logits.items():
        logits[row, Label.SIREN.class_id] = logit
    starts = np.arange(N, dtype=np.float64) * 0.48
    kept = EventPatches()
    for first in range(0, N, batch):
        rows = slice(first, first + batch)
        kept.add(starts[rows], embeddings[rows], logits[rows])
    return kept, embeddings


def test_an_event_has_its_best_patch_and_those_beside_it():
    kept, embeddings = patches({1: 1.0, 2: 3.0, 3: 2.0, 9: 9.0}, batch=12)
    event = Event(Label.SIREN, 0.48, 3 * 0.48 + 0.96, 0.9)
    (found,) = kept.embeddings([event], YAMNET)
    assert (found.label, found.yamnet) == (Label.SIREN, YAMNET[:16])
    assert found.patches == tuple(as_bytes(embeddings[[2, 1, 3]])[k].tobytes() for k in range(3))
    assert distance(found.patches[0], as_bytes(embeddings[2:3])[0].tobytes()) < 0.001


def test_each_event_has_its_own_whatever_the_batches_are():
    kept, embeddings = patches({1: 1.0, 9: 9.0}, batch=1)
    first = Event(Label.SIREN, 0.48, 0.48 + 0.96, 0.8)
    second = Event(Label.SIREN, 9 * 0.48, 9 * 0.48 + 0.96, 0.9)
    found = kept.embeddings([second, first], YAMNET)
    best = [one.patches[0] for one in found]
    assert best == [as_bytes(embeddings[k : k + 1])[0].tobytes() for k in (9, 1)]


def test_an_event_without_a_patch_of_its_own_has_no_embedding():
    kept, _ = patches({})
    assert kept.embeddings([Event(Label.SIREN, 0.0, 0.96, 0.9)], YAMNET) == []
    kept, _ = patches({9: 1.0})
    assert kept.embeddings([Event(Label.SIREN, 0.0, 0.96, 0.9)], YAMNET) == []


def test_events_below_their_alert_threshold_count_in_an_uncertain_clip_only():
    head = sample_head()
    threshold = float(head.alert_thresholds[Label.SIREN.class_id])
    weak, strong = (Event(Label.SIREN, 0.0, 1.0, threshold + d) for d in (-0.01, 0.01))
    assert alerting([weak, strong], head, uncertain=False) == [strong]
    assert alerting([weak, strong], head, uncertain=True) == [strong, weak]
