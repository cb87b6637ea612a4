"""`python -m bench.scale.microphones`: what a thousand listeners cost on AWS a month, as a table.

Every service is counted; prices are list prices of us-east-1, without the free tier. What a
segment costs is as in `bench.scale.arithmetic`; here are what listeners and their alerts add, and
what costs without them. Numbers of alerts and milliseconds of functions are guesses, and small.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.scale.arithmetic import LOG_KB, MONTH_S, posted
from earshot_client import prices

MICROPHONES = 1000
HOP_S = 8.0
# Of `python -m bench.prefilter`, at its threshold: 13.8 %, and one in a hundred of the others.
PASSED = 0.138 + 0.01 * 0.862
UNITS = 3.0  # of DynamoDB for a casual clip, of `python -m bench.scale rows`
KEPT_THREATS = 0.05  # with KeepCasualClips=false; a guess
ALERTS_A_DAY = 5.0  # of a microphone; a guess
API_GB = 1.0
API_S = 0.03  # a heartbeat; a guess
FOLLOWED_S = 300  # from one look for the champion to the next one, of a prefilter
WATCH_GB, WATCH_S = 0.5, 1.0  # a look at a thousand sources; a guess
ROW_KB = 0.7  # of a source
# Amazon EventBridge, Amazon SNS and AWS Secrets Manager pricing, as known in 2026.
EVENT = 1.00 / 1e6
PUBLISH = 0.50 / 1e6
SECRET_MONTH = 0.40


def month(share: float, kept: float, prefilter: bool = False) -> dict[str, float]:
    """Dollars a month by service.

    Args:
        share: of the segments that are sent.
        kept: share of those that are kept in S3.
        prefilter: whether listeners look for the champion.
    """
    segments = MICROPHONES * MONTH_S / HOP_S * share
    beats = MICROPHONES * MONTH_S / 60
    looks = MONTH_S / 60
    alerts = MICROPHONES * ALERTS_A_DAY * 30
    read, write = prices.DYNAMODB_READ, prices.DYNAMODB_WRITE
    gb_s, call = prices.LAMBDA_GB_SECOND, prices.LAMBDA_REQUEST
    # A source's row is written for every second segment, and read once a minute where it sends.
    notes = segments / 2 * write + min(beats, segments) * read
    # How long the source is kept: each environment of classify asks once a minute, so with many of
    # them nearly for each segment.
    notes += segments * read
    asked = MICROPHONES * MONTH_S / FOLLOWED_S if prefilter else 0
    scans = looks * MICROPHONES * ROW_KB / 4 * 0.5 * read
    claims = alerts * (8 * write + 3 * read)
    deliver = alerts * (2 * (0.05 * 0.5 * gb_s + call) + 8 * prices.SQS_REQUEST)
    return {
        **posted(segments, UNITS, kept).by_service,
        "heartbeats": beats
        * (
            prices.HTTP_API_REQUEST
            + API_S * API_GB * gb_s
            + call
            + read
            + write
            + LOG_KB / 1e6 * prices.LOGS_GB
        ),
        "champions for the prefilter": asked
        * (
            prices.HTTP_API_REQUEST
            + API_S * API_GB * gb_s
            + call
            + 2 * prices.S3_GET
            + LOG_KB / 1e6 * prices.LOGS_GB
        ),
        "sources: last segments, retention, faults": notes
        + scans
        + looks * (WATCH_S * WATCH_GB * gb_s + call),
        "alerts: SNS, EventBridge, deliveries": alerts * (PUBLISH + EVENT) + claims + deliver,
        "two secrets, 28 alarms": 2 * SECRET_MONTH + 28 * prices.ALARM_MONTH,
    }


def rows() -> Iterable[str]:
    """Lines of the table."""
    columns = [month(1, 1), month(1, KEPT_THREATS), month(PASSED, 1, prefilter=True)]
    first = f"{MICROPHONES:,} microphones, a month"
    yield f"| {first} | all segments | casual ones not kept | `--prefilter` |"
    yield "|---|---|---|---|"
    for name in columns[0]:
        yield f"| {name} | " + " | ".join(f"${column[name]:,.0f}" for column in columns) + " |"
    yield "| all | " + " | ".join(f"${sum(column.values()):,.0f}" for column in columns) + " |"


if __name__ == "__main__":
    print("\n".join(rows()))
