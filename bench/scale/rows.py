"""What a result's row costs in DynamoDB: its size, and the write units of it and of its indexes."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bench.clips import wav
from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.classification.classifier import Classifier
from earshot.model.loading import load_model
from earshot.results.index_requests import LABEL_BUCKET, PROJECTED
from earshot.results.item import Item, to_item
from earshot.results.result import Origin, classified
from earshot.uploads.objects import Location
from earshot.yamnet.flatbuffer import Yamnet
from local.settings import FIRST_MODEL, YAMNET
from training.data.demo_sounds import siren

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEYS = ("clip_id", "timestamp")


def sample_rows() -> dict[str, Item]:
    """Rows of ten seconds of noise, and of a siren, as classify writes them."""
    import io

    model = load_model(lambda name: (FIRST_MODEL / name).read_bytes(), None, None)
    classifier = Classifier(Yamnet(YAMNET, 1), model)
    noise = 0.01 * np.random.default_rng(0).standard_normal(10 * SAMPLE_RATE)
    rows = {}
    for name, sound in (("casual", noise), ("siren", siren(10.0))):
        clip_id = hashlib.sha256(name.encode()).hexdigest()[:32]
        location = Location("earshot-prod-uploads-111122223333-eu-west-1", f"posted/{clip_id}.wav")
        with Clip(io.BytesIO(wav(sound.astype(np.float32)))) as clip:
            found = classifier.classify(clip)
        origin = Origin(clip_id, "north gate", location, recorded_at=NOON)
        rows[name] = to_item(classified(origin, found, NOON), timedelta(days=365))
    return rows


def size(item: Item) -> int:
    """Bytes of an item. Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats"."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        digits = content.lstrip("-").replace(".", "").strip("0")
        return math.ceil(len(digits) / 2) + 1
    if kind == "L":
        return 3 + sum(1 + _size(one) for one in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(one) for name, one in content.items())
    return 1  # true, false, null


def units(n_bytes: int) -> int:
    """Write units of an item of so many bytes."""
    return max(1, math.ceil(n_bytes / 1024))


def write_units(row: Item) -> tuple[int, int]:
    """Write units of a row with its indexes: as it is, and with three indexes of whole rows."""
    listed = {n: v for n, v in row.items() if n in (*PROJECTED, *KEYS, LABEL_BUCKET)}
    now = units(size(row)) + 2 * units(size(listed))
    return now, 4 * units(size(row))
