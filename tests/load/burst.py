"""Many objects put into the bucket as fast as they go in; how long until each has its result?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from botocore.config import Config
from tqdm import tqdm

from earshot.uploads.objects import UPLOADS_PREFIX, object_clip_id
from local.clients import local_session
from tests.load.figures import percentiles

UPLOADERS = 8
POLL_S = 2.0
PATIENCE_S = 120.0  # without any new result


def burst(outputs: dict[str, Any], clip: bytes, objects: int) -> dict[str, Any]:
    """Upload `objects` copies of a clip; figures of the uploads and of their results.

    Args:
        outputs: of the local stack, as `outputs.json` holds them.
    """
    config = Config(max_pool_connections=UPLOADERS, retries={"mode": "standard"})
    session = local_session()
    s3 = session.client("s3", endpoint_url=outputs["endpoint"], config=config)
    dynamodb = session.client("dynamodb", endpoint_url=outputs["endpoint"])
    bucket, table = outputs["UploadsBucketName"], outputs["ResultsTableName"]

    def put(n: int) -> tuple[str, float]:
        key = f"{UPLOADS_PREFIX}burst/{n:05}.wav"
        began_at = time.time()
        answer = s3.put_object(Bucket=bucket, Key=key, Body=clip)
        return object_clip_id(bucket, key, answer["VersionId"]), began_at

    began = time.perf_counter()
    with ThreadPoolExecutor(UPLOADERS) as pool:
        uploaded = dict(tqdm(pool.map(put, range(objects)), "uploading", objects, unit="clip"))
    upload_s = time.perf_counter() - began
    _await_results(dynamodb, table, objects)
    results = {item["clip_id"]["S"]: item for item in _rows(dynamodb, table)}
    took = [
        datetime.fromisoformat(results[clip_id]["timestamp"]["S"]).timestamp() - began_at
        for clip_id, began_at in uploaded.items()
        if clip_id in results
    ]
    classified = sum(
        results[clip_id]["status"]["S"] == "classified"
        for clip_id in uploaded
        if clip_id in results
    )
    return {
        "objects": objects,
        "uploads_per_s": round(objects / upload_s, 1),
        "results_per_s": round(len(took) / max(took), 1) if took else 0.0,
        "lost": objects - len(took),
        "classified": classified,
        "upload_to_result": percentiles(took) if took else None,
    }


def _await_results(dynamodb: Any, table: str, wanted: int) -> None:
    last_news, n_last = time.monotonic(), -1
    with tqdm(desc="results", total=wanted, unit="clip") as bar:
        while bar.n < wanted and time.monotonic() - last_news < PATIENCE_S:
            n = sum(page["Count"] for page in _pages(dynamodb, table, Select="COUNT"))
            if n != n_last:
                last_news, n_last = time.monotonic(), n
            bar.update(min(n, wanted) - bar.n)
            time.sleep(POLL_S)


def _rows(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in _pages(dynamodb, table):
        yield from page["Items"]


def _pages(dynamodb: Any, table: str, **options: Any) -> Iterator[dict[str, Any]]:
    # Only what the burst has put there: the posted clips of the load test have another source.
    yield from dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="#source = :burst",
        ExpressionAttributeNames={"#source": "source"},
        ExpressionAttributeValues={":burst": {"S": "burst"}},
        **options,
    )
