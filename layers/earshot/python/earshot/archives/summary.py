"""What came of an archive."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from earshot.archives.archive_files import COUNTS, PLAN, SUMMARY, ArchiveFiles


def summarize(files: ArchiveFiles, archive: str) -> dict[str, Any]:
    """Sum the parts of an archive up, write that and return it.

    Raises:
        NotFoundError: it has no plan.
        UnavailableError: S3 failed.
    """
    plan = files.read_json(archive, PLAN)
    counts: Counter[str] = Counter()
    batches = 0
    for key in files.keys(files.key(archive, COUNTS)):
        part = json.loads(files.read(key))
        counts.update(part["counts"])
        batches += part["batches"]
    summary = {
        "archive": archive,
        "planned": plan["clips"],
        "results": counts.total(),
        "counts": dict(sorted(counts.items())),
        "missing_batches": plan["batches"] - batches,
        "parquet": f"s3://{files.bucket}/{files.parquet_key(archive, '')[: -len('.parquet')]}",
    }
    files.write_json(archive, SUMMARY, summary)
    return summary
