"""Capacity and cost: each service counted, for so many clips or microphones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from earshot_client import prices

CLIP_S = 10.0  # of sound in a clip, or in a segment of a microphone
CLIP_MB = 0.320044  # 16 kHz, 16 bits, mono
HANDLER_S = 0.0112  # warm_clip in bench/report.json
WAIT_S = 0.04  # for S3 and DynamoDB within a region; a guess
LOG_KB = 2.0  # a clip: the result, Lambda's own lines, the gateway's
ALERT_S = 0.05  # a batch of up to 100 results; a guess
TRACED = 0.05  # X-Ray's default rule, beside one request a second
MONTH_S = 30 * 86400
POSTED_DAYS = 30

# Defaults of us-east-1, from each service's quotas page as known in 2025. A second, unless said.
LAMBDA_CONCURRENCY = 1000
HTTP_API_REQUESTS = 10_000
PARTITION_WRITES = 1000  # of one key of the index of labels
TABLE_WRITES = 40_000
S3_PUTS_A_PREFIX = 3500
MAP_CONCURRENCY = 10_000
DISTRIBUTED_MAP_ITEMS = 100_000_000
SQS_IN_FLIGHT = 120_000
HISTORY_EVENTS = 25_000  # of one execution; a Distributed Map's batches have their own


@dataclass(frozen=True)
class Costs:
    """Dollars by service."""

    by_service: dict[str, float]

    @property
    def total(self) -> float:
        """Of all services."""
        return sum(self.by_service.values())


def posted(clips: float, units_a_clip: float, kept: float, stored: float = 1.0) -> Costs:
    """Clips that are posted to the HTTP API.

    Args:
        clips: number of them.
        units_a_clip: DynamoDB write units of a row and its indexes.
        kept: share of the clips that are kept in S3.
        stored: days of `POSTED_DAYS` for which they are paid, as a share.
    """
    gb = prices.ONE_VCPU_GB
    return Costs(
        {
            "HTTP API": clips * prices.HTTP_API_REQUEST,
            "Lambda": clips
            * ((HANDLER_S + WAIT_S) * gb * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST),
            "Lambda, alerts": clips
            / 10
            * (ALERT_S * 0.5 * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST),
            "DynamoDB": clips * units_a_clip * prices.DYNAMODB_WRITE,
            "S3, requests": clips * kept * prices.S3_PUT,
            "S3, storage": clips * kept * CLIP_MB / 1000 * prices.S3_GB_MONTH * stored,
            "logs": clips * LOG_KB / 1e6 * prices.LOGS_GB,
            "traces": clips * TRACED * prices.TRACE,
        }
    )


def archived(clips: float, in_table: bool, units_a_clip: float) -> Costs:
    """Clips of an archive; a batch has 200."""
    batches = clips / 200
    seconds = clips * (HANDLER_S + WAIT_S)
    return Costs(
        {
            "Lambda": seconds * prices.ONE_VCPU_GB * prices.LAMBDA_GB_SECOND
            + batches * prices.LAMBDA_REQUEST,
            "Step Functions": batches * 2 * prices.STEP,
            "S3, requests": clips * prices.S3_GET
            + clips / 1000 * prices.S3_PUT
            + batches * (2 * prices.S3_PUT + 3 * prices.S3_GET),
            "DynamoDB": clips * units_a_clip * prices.DYNAMODB_WRITE if in_table else 0.0,
            "logs": batches * LOG_KB / 1e6 * prices.LOGS_GB,
        }
    )


def first_limit(clips_a_second: float, buckets: int, through: str = "posted") -> list[str]:
    """What is exceeded at so many clips a second, the first to be first."""
    concurrency = clips_a_second * (HANDLER_S + WAIT_S)
    checks: list[tuple[str, float, float]] = [
        ("LabelBuckets", clips_a_second, buckets * PARTITION_WRITES),
        ("S3 prefix posted/", clips_a_second, S3_PUTS_A_PREFIX),
        ("HTTP API", clips_a_second, HTTP_API_REQUESTS),
        ("table's write units", clips_a_second * 2, TABLE_WRITES),
        ("Lambda concurrency", concurrency, LAMBDA_CONCURRENCY),
    ]
    over = [(name, need / most) for name, need, most in checks if need > most]
    return [f"{name} ({share:.1f} times)" for name, share in sorted(over, key=lambda o: -o[1])]


def simulated_peak(rows: int, rate: float, buckets: int, bucket_of: Callable[[int], int]) -> int:
    """Write units of the fullest bucket in its fullest second, of rows that come at a rate."""
    counts: dict[tuple[int, int], int] = {}
    for n in range(rows):
        key = (int(n / rate), bucket_of(n) % buckets)
        counts[key] = counts.get(key, 0) + 1
    return max(counts.values())
