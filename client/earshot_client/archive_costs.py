"""What an archive will cost and how long it will take: an estimate, asked for before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from earshot.archives.plan import CLIPS_A_BATCH, MAX_BATCH_BYTES
from earshot_client import prices

# Of one vCPU, as measured on another machine (docs/performance.md): 11 ms for 10 s of 16-bit sound
# at 16 kHz, 2.8 s for 100 MB of it; and S3's time to begin an answer, which is a guess.
CLIP_S, MEGABYTE_S, FETCH_S = 0.005, 0.03, 0.03
# A row and its copies in the indexes, in units of 1 KB: docs/scale.md.
WRITES_A_ROW = 5
_ROW_KB = 0.5  # of a Parquet file and of JSON, compressed


@dataclass(frozen=True)
class Estimate:
    """Of one archive.

    Attributes:
        clips: that it holds.
        size: of them in bytes.
        dollars: list price in us-east-1, all services.
        takes: from start to end.
    """

    clips: int
    size: int
    dollars: float
    takes: timedelta


def estimate(clips: int, size: int, concurrency: int, keep_in_table: bool) -> Estimate:
    """Estimate an archive of so many clips and bytes, with so many batches at a time."""
    seconds = clips * (CLIP_S + FETCH_S) + size / 1e6 * MEGABYTE_S
    batches = max(clips / CLIPS_A_BATCH, size / MAX_BATCH_BYTES)
    dollars = (
        seconds * prices.ONE_VCPU_GB * prices.LAMBDA_GB_SECOND
        + batches * (prices.LAMBDA_REQUEST + 2 * prices.STEP)
        + clips * prices.S3_GET
        + clips / 1000 * prices.S3_PUT
        # A batch is written, read, looked for and written again with its results, which are read.
        + batches * (2 * prices.S3_PUT + 3 * prices.S3_GET)
        + clips * _ROW_KB / 1e6 * prices.S3_GB_MONTH
    )
    if keep_in_table:
        dollars += clips * WRITES_A_ROW * prices.DYNAMODB_WRITE
    planning = clips / 5000  # S3 lists a thousand in some 0.1 s; batches are written beside that
    return Estimate(clips, size, dollars, timedelta(seconds=seconds / concurrency + planning))
