"""The events that classify is measured with, as files that its process reads."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from local.settings import REPOSITORY

BUCKET = "uploads"


def post_event(folder: Path, clip: bytes) -> Path:
    """A `POST /predict` with the clip as its body."""
    event = _sample("predict_raw")
    event["body"] = base64.b64encode(clip).decode()
    return _write(folder / "post.json", event)


def upload_event(folder: Path, clip: Path) -> Path:
    """The news of an upload, through the queue; the clip is served at `object_path`."""
    event = _sample("s3_upload_through_sqs")
    (record,) = event["Records"]
    news = json.loads(record["body"])
    news["Records"][0]["s3"]["bucket"]["name"] = BUCKET
    news["Records"][0]["s3"]["object"] |= {
        "key": f"incoming/{clip.name}",
        "size": clip.stat().st_size,
    }
    record["body"] = json.dumps(news)
    return _write(folder / f"{clip.stem}.json", event)


def object_path(clip: Path) -> str:
    """Where the stand-in for S3 serves a clip."""
    return f"/{BUCKET}/incoming/{clip.name}"


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((REPOSITORY / "events" / f"{name}.json").read_text())
    return sample


def _write(path: Path, event: dict[str, Any]) -> Path:
    path.write_text(json.dumps(event))
    return path
