"""How many results there are, by time, source and label, without reading them as results."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from earshot.labels import Label
from earshot.results.index_reader import IndexReader
from earshot.results.index_requests import in_span, partitions_of, query_request, row_time
from earshot.results.item import ALERTED_AT
from earshot.results.query import Position, ResultQuery
from earshot.results.states import State
from earshot.times import format_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ATTRIBUTES = ("clip_id", "timestamp", "recorded_at", "source", "label", "uncertain",
               "verified_label", ALERTED_AT)  # fmt: skip
# A read has up to 1 MB (Amazon DynamoDB API Reference, Query), some hundreds of results. So many
# take a few seconds, well within the 29 s that a request may take.
MAX_READS = 40
MAX_BUCKETS = 72
_LENGTHS = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 10, 15, 30, 60, 120, 360, 1440, 10080, 43200, 525600)
)
_COUNTED = (State.ALERTED, State.UNCERTAIN, State.REVIEWED, State.CORRECTED)


@dataclass(frozen=True)
class Count:
    """Results of one stretch of time, source and label.

    Attributes:
        start: of the stretch.
        source: of the clips.
        label: of the classification; None for rejected clips.
        results: how many.
        states: of how many of them each state holds.
    """

    start: datetime
    source: str
    label: Label | None
    results: int
    states: Counter[State]

    def to_json(self) -> dict[str, Any]:
        """JSON object of the count."""
        return {
            "start": format_time(self.start),
            "source": self.source,
            "label": self.label and str(self.label),
            "results": self.results,
            **{str(state): self.states[state] for state in _COUNTED},
        }


@dataclass(frozen=True)
class Summary:
    """Counts, in order of time.

    Attributes:
        bucket: length of each stretch of time.
        counts: of what was read.
        end: position from which there is more to count; None if that was all.
    """

    bucket: timedelta
    counts: tuple[Count, ...]
    end: Position | None


def bucket_length(query: ResultQuery, now: datetime) -> timedelta:
    """The shortest usual length by which a span has at most `MAX_BUCKETS`.

    A span without an end lasts until now; one without a beginning has stretches of a day.
    """
    if query.start is None:
        return timedelta(days=1)
    span = (query.end or now) - query.start
    return next((one for one in _LENGTHS if span <= MAX_BUCKETS * one), _LENGTHS[-1])


class ResultCounts:
    """Counts results in the table's indexes, of which it reads a few attributes."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, buckets: int = 1) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._buckets = buckets

    def summary(
        self, query: ResultQuery, bucket: timedelta | None = None, after: Position | None = None
    ) -> Summary:
        """Counts of the results of a query.

        Stretches of time begin with the span, and without its beginning, with 1970.

        Args:
            query: filters.
            bucket: length of each stretch; None for that of `bucket_length`.
            after: end of the summary before, to which this one is added; None for the first.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        length = bucket or bucket_length(query, datetime.now(UTC))
        origin = query.start or _EPOCH
        results: Counter[tuple[datetime, str, str]] = Counter()
        states: defaultdict[tuple[datetime, str, str], Counter[State]] = defaultdict(Counter)
        partitions = partitions_of(query, self._buckets)
        request = query_request(self._table, query)
        request["ExpressionAttributeNames"] |= {f"#p_{name}": name for name in _ATTRIBUTES}
        request["ProjectionExpression"] = ", ".join(f"#p_{name}" for name in _ATTRIBUTES)
        max_reads = max(1, MAX_READS // len(partitions))
        reader = IndexReader(
            self._dynamodb,
            request,
            partitions,
            after,
            lambda _: None,
            max_reads,
            lambda row: in_span(row, query),
        )
        for row in reader:
            at = origin + (row_time(row, query) - origin) // length * length
            key = (at, row["source"]["S"], row.get("label", {}).get("S", ""))
            results[key] += 1
            states[key].update(state for state in _COUNTED if _holds(state, row))
        counts = (
            Count(at, source, Label(label) if label else None, n, states[at, source, label])
            for (at, source, label), n in sorted(results.items())
        )
        return Summary(length, tuple(counts), reader.end(None))


def _holds(state: State, row: dict[str, Any]) -> bool:
    verified, label = row.get("verified_label"), row.get("label")
    return {
        State.ALERTED: ALERTED_AT in row,
        State.UNCERTAIN: bool(row.get("uncertain", {}).get("BOOL")),
        State.REVIEWED: bool(verified),
        State.CORRECTED: bool(verified) and verified != label,
    }[state]
