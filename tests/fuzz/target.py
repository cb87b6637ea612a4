"""What is fuzzed: any file at all becomes a result that can be kept and sent, or a known error."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from earshot.audio.limits import UPLOADED
from earshot.classification.classifier import Classifier
from earshot.classification.service import ClassifyService
from earshot.model.loading import load_model
from earshot.results.item import from_item, to_item
from earshot.results.result import Rejection, Result
from earshot.results.serialization import to_json
from earshot.uploads.clip_store import StoredClip
from earshot.uploads.objects import Location, Upload
from earshot.yamnet.flatbuffer import Yamnet
from local.settings import FIRST_MODEL, YAMNET

ITEM_BYTES = 400_000  # of a row (Amazon DynamoDB quotas)


class OneClip:
    """A bucket with one clip."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @contextmanager
    def open(self, upload: Upload) -> Iterator[StoredClip]:
        """The clip, whatever is asked for."""
        yield StoredClip(io.BytesIO(self._content), {"source": upload.source})


class Keep:
    """A table that keeps nothing."""

    def save(self, result: Result, keep_days: int = 0) -> Result:
        """Hand the result back."""
        return result


@cache
def _classifier() -> Classifier:
    yamnet = Yamnet(YAMNET)

    def read(name: str) -> bytes:
        return (FIRST_MODEL / name).read_bytes()

    return Classifier(yamnet, load_model(read, yamnet.weights_sha256, None))


def check(content: bytes) -> Result:
    """Result of a file; raises `AssertionError` or anything else if the software is at fault."""
    clips: Any = OneClip(content)
    service = ClassifyService(_classifier(), clips, None, Keep(), lambda: datetime.now(UTC))
    upload = Upload(Location("clips", "incoming/gate/a.wav", "v1"), "v1", len(content))
    result = service.classify_upload(upload)
    document = json.dumps(to_json(result), allow_nan=False)
    assert len(document) < ITEM_BYTES
    assert from_item(to_item(result, timedelta(days=1))).clip_id == result.clip_id
    found = result.outcome
    if isinstance(found, Rejection):
        assert found.detail, "a rejection says why"
        return result
    assert math.isclose(sum(found.probabilities.values()), 1, abs_tol=1e-3)
    assert 0 < found.duration_s <= UPLOADED.duration_s
    assert all(0 <= event.start_s <= event.end_s for event in found.events)
    return result
