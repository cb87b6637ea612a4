"""The results table of a local stack with many rows: is every row listed once, and how fast."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.scale.rows import sample_rows
from earshot.labels import LABELS, Label
from earshot.results.index_requests import LABEL_BUCKET, label_bucket
from earshot.results.query import Position, ResultQuery
from earshot.results.table import ResultsTable
from earshot.times import format_time
from local.clients import local_session
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import Settings
from tests.stack import free_port

BUCKETS = 4
SOURCES = 50
PAGE, PAGES = 50, 20


def listed(n: int, folder: Path, start: datetime, step: timedelta) -> dict[str, list[float]]:
    """Seconds of each page, of several queries.

    Raises:
        RuntimeError: a row is missing, doubled or out of order.
    """
    settings = Settings(port=free_port(), folder=folder)
    require_models(settings)
    process.start(settings)
    try:
        outputs = deploy(settings).outputs
        dynamodb = local_session().client("dynamodb", endpoint_url=settings.endpoint)
        name = outputs["ResultsTableName"]
        _fill(dynamodb, name, n, start, step)
        table = ResultsTable(dynamodb, name, buckets=BUCKETS)
        queries = {
            "all": ResultQuery(),
            "casual": ResultQuery(label=Label.CASUAL),
            "a source": ResultQuery(source="gate 7"),
            "sirens of a source": ResultQuery(source="gate 7", label=Label.SIREN),
        }
        found = {what: _pages(table, query, PAGE, PAGES)[1] for what, query in queries.items()}
        whole, _ = _pages(table, ResultQuery(source="gate 7"), 1000, n)
        expected = [_clip_id(i) for i in range(n - 1, -1, -1) if i % SOURCES == 7]
        if whole != expected:
            raise RuntimeError(
                f"{len(whole)} of {len(expected)} rows of a source, in another order"
            )
        return found
    finally:
        process.stop(settings)


def _clip_id(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()[:32]


def _fill(dynamodb: Any, table: str, n: int, start: datetime, step: timedelta) -> None:
    template = sample_rows()["casual"]
    batch: list[Any] = []
    for i in range(n):
        # Labels by another count than sources, or a source would have one label.
        label = LABELS[i // SOURCES % len(LABELS)]
        row = template | {
            "clip_id": {"S": _clip_id(i)},
            "source": {"S": f"gate {i % SOURCES}"},
            "label": {"S": str(label)},
            "timestamp": {"S": format_time(start + i * step)},
            LABEL_BUCKET: {"S": label_bucket(label, _clip_id(i), BUCKETS)},
            "archive": {"S": "bench"},
        }
        batch.append({"PutRequest": {"Item": row}})
        if len(batch) == 25 or i == n - 1:
            dynamodb.batch_write_item(RequestItems={table: batch})
            batch = []


def _pages(
    table: ResultsTable, query: ResultQuery, limit: int, most: int
) -> tuple[list[str], list[float]]:
    clip_ids: list[str] = []
    seconds = []
    after: Position | None = None
    for _ in range(most):
        began = time.perf_counter()
        page = table.find(query, limit, after)
        seconds.append(time.perf_counter() - began)
        clip_ids += [result.clip_id for result in page.results]
        after = page.end
        if after is None:
            break
    return clip_ids, seconds
