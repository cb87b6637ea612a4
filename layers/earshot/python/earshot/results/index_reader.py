"""Rows of the table's indexes in order of time, whatever number of partitions they lie in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from earshot.aws.errors import unavailable_on_failure
from earshot.results.query import Position
from earshot.times import format_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = dict[str, Any]
# No clip id is greater: a position with it is before all rows of its millisecond.
_LAST_ID = "f" * 32


class IndexReader:
    """Reads the rows of several partitions of an index, newest first; those of one time by clip id.

    DynamoDB says nothing of the order of rows of one partition and one time, so such rows are
    handed out together, once the next time has been seen.

    Args:
        dynamodb: client.
        request: for Query, without the partition. Its key condition names ``:partition``,
            ``:first`` and ``:last``.
        partitions: values of the index's partition key.
        after: position of the last row that was read before; None to begin with the newest.
        rows_a_read: of the n-th read of a partition, from 0; None for as much as a read may have.
        max_reads: of a partition, after which it stops, once it is beyond `after`.
        wanted: which rows are handed out.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        request: dict[str, Any],
        partitions: Sequence[str],
        after: Position | None,
        rows_a_read: Callable[[int], int | None],
        max_reads: int,
        wanted: Callable[[Row], bool],
    ) -> None:
        self._after = (format_time(after.time), after.clip_id) if after else None
        self._dynamodb = dynamodb
        self._rows_a_read = rows_a_read
        self._max_reads = max_reads
        last = request["ExpressionAttributeValues"][":last"]["S"]
        if self._after:
            last = min(last, self._after[0])
        self._partitions = [
            _Partition(request, value, last, self._after, wanted) for value in partitions
        ]

    def __iter__(self) -> Iterator[Row]:
        """The rows, until there are no more or `max_reads` is reached.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        while True:
            ready = [one for one in self._partitions if one.released]
            best = max(ready, key=lambda one: _order(one.released[-1]), default=None)
            newest = _order(best.released[-1])[0] if best else ""
            unknown = [one for one in self._partitions if one.may_have(newest)]
            if unknown:
                latest = max(unknown, key=lambda one: one.frontier)
                if latest.n_reads >= self._max_reads and self._is_progress(latest.frontier):
                    return
                latest.read(self._dynamodb, self._rows_a_read(latest.n_reads))
            elif best:
                yield best.released.pop()
            else:
                return

    def end(self, last: Row | None) -> Position | None:
        """Position after what was read; None if that was all.

        Args:
            last: the last row that was taken of those that were handed out; None if those that were
                not taken are not to be read again, or if there were none.
        """
        if not any(one.released or not one.done for one in self._partitions):
            return None
        if last is not None:
            return Position(parse_time(last["timestamp"]["S"]), last["clip_id"]["S"])
        frontier = max(one.frontier for one in self._partitions if not one.done)
        return Position(parse_time(frontier), _LAST_ID)

    def _is_progress(self, frontier: str) -> bool:
        return self._after is None or (frontier, _LAST_ID) < self._after


class _Partition:
    """One partition.

    Attributes:
        released: rows that are known to be complete down to their time, the oldest first.
        frontier: time down to which it was read; rows of that very time may be missing.
        done: all of it was read.
        n_reads: so far.
    """

    def __init__(
        self,
        request: dict[str, Any],
        value: str,
        last: str,
        after: tuple[str, str] | None,
        wanted: Callable[[Row], bool],
    ) -> None:
        values = request["ExpressionAttributeValues"] | {
            ":partition": {"S": value},
            ":last": {"S": last},
        }
        self._request: dict[str, Any] = request | {"ExpressionAttributeValues": values}
        self._after = after
        self._wanted = wanted
        self._held: list[Row] = []
        self.released: list[Row] = []
        self.frontier = last
        self.done = values[":first"]["S"] > last
        self.n_reads = 0

    def may_have(self, time: str) -> bool:
        """Whether a row that is not known yet may be as new as this time."""
        return not self.done and not self.released and self.frontier >= time

    def read(self, dynamodb: DynamoDBClient, rows: int | None) -> None:
        """Read so many rows on; None for as many as a read may have."""
        if rows is not None:
            self._request["Limit"] = rows
        with unavailable_on_failure("The results table"):
            answer = dynamodb.query(**self._request)
        self.n_reads += 1
        self._held += filter(self._wanted, answer["Items"])
        stop: Any = answer.get("LastEvaluatedKey")
        self.done = not stop
        if stop:
            self._request["ExclusiveStartKey"] = stop
            self.frontier = stop["timestamp"]["S"]
        known = [row for row in self._held if self.done or _order(row)[0] > self.frontier]
        self._held = [] if self.done else [r for r in self._held if _order(r)[0] <= self.frontier]
        fresh = [row for row in known if self._after is None or _order(row) < self._after]
        self.released = sorted(fresh, key=_order) + self.released


def _order(row: Row) -> tuple[str, str]:
    return row["timestamp"]["S"], row["clip_id"]["S"]
