"""Counts of results as the desk's timeline draws them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from earshot.labels import LABELS, Label
from earshot.times import parse_time
from ui.components import palette

MAX_BUCKETS = 400  # more of them are drawn as fewer, longer ones
_MOST_GAPS = 6  # sources that are named
_SHORT, _LONG = timedelta(days=2), timedelta(days=60)


def timeline(
    counts: Sequence[Mapping[str, Any]],
    bucket_s: int,
    span: tuple[datetime | None, datetime],
    zone: str,
    *,
    by_label: str | None = None,
    all_sound: bool = True,
) -> dict[str, Any] | None:
    """What `timeline.js` draws; None if there is nothing.

    Args:
        counts: as `GET /results/summary` answers, of all its pages.
        bucket_s: their length.
        span: beginning, None for that of the first count; and end.
        zone: in which times are written.
        by_label: source whose labels are the lines; None for a line for each source.
        all_sound: all results are counted, so that a stretch without any is one without sound.
    """
    if not counts:
        return None
    bucket = timedelta(seconds=bucket_s)
    start = span[0] or min(parse_time(one["start"]) for one in counts)
    bucket *= max(1, -(-(span[1] - start) // (bucket * MAX_BUCKETS)))
    n = max(1, -(-(span[1] - start) // bucket))
    found: defaultdict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    for one in counts:
        at = (parse_time(one["start"]) - start) // bucket
        if 0 <= at < n:
            name = _label(one) if by_label else one["source"]
            found[name][at, _label(one)] += one["results"]
    names = sorted(found)
    if by_label:
        names = [*LABELS, *(["rejected"] if "rejected" in found else [])]
    form = "%H:%M" if bucket * n <= _SHORT else "%d %b" if bucket * n > _LONG else "%d %b, %H:%M"
    times = [f"{(start + at * bucket).astimezone(ZoneInfo(zone)):{form}}" for at in range(n + 1)]
    rows = [_row(name, by_label, found[name], n) for name in names]
    return {
        "title": f"{by_label}: by label" if by_label else "By source",
        "n": n,
        "times": times,
        "starts": [round((start + at * bucket).timestamp() * 1000) for at in range(n + 1)],
        "ticks": [[at, times[at]] for at in _round(start, bucket, n, zone)],
        "rows": rows,
        "hatched": all_sound and not by_label,
        "gaps": _gaps({by_label: _all(found.values())} if by_label else found, n, times)
        if all_sound
        else "",
    }


def _round(start: datetime, bucket: timedelta, n: int, zone: str) -> list[int]:
    """Some six buckets, on the hour where that can be."""
    if bucket * n > _SHORT or bucket * n < timedelta(hours=3):
        return list(range(0, n, max(1, -(-n // 6))))
    hours = max(1, round(bucket * n / timedelta(hours=6)))
    local = [(start + at * bucket).astimezone(ZoneInfo(zone)) for at in range(n)]
    return [at for at, time in enumerate(local) if time.minute == 0 and time.hour % hours == 0]


def _row(name: str, source: str | None, found: Counter[tuple[int, str]], n: int) -> dict[str, Any]:
    total = sum(found.values())
    threats: Counter[str] = Counter()
    for (_, label), results in found.items():
        threats[label] += results
    words = ", ".join(
        f"{threats[label]} {label}" for label in (*LABELS, "rejected") if threats[label]
    )
    return {
        "name": (palette.REJECTED if name == "rejected" else palette.title(name))
        if source
        else name,
        "source": source or name,
        "total": f"{total:,}",
        "words": f"{total:,} results: {words}",
        "covered": _runs(sorted({at for at, _ in found}), n),
        "marks": [
            [at, label, results]
            for (at, label), results in sorted(found.items())
            if label not in (Label.CASUAL, "rejected")
        ],
    }


def _label(count: Mapping[str, Any]) -> str:
    return count["label"] or "rejected"


def _all(found: Iterable[Counter[tuple[int, str]]]) -> Counter[tuple[int, str]]:
    return sum(found, Counter())


def _runs(buckets: Sequence[int], n: int) -> list[list[int]]:
    """Stretches of buckets that follow one another: first, and the one after the last."""
    runs: list[list[int]] = []
    for at in buckets:
        if runs and runs[-1][1] == at:
            runs[-1][1] = at + 1
        else:
            runs.append([at, at + 1])
    return runs


def _gaps(found: Mapping[str, Counter[tuple[int, str]]], n: int, times: Sequence[str]) -> str:
    """Where a source sent nothing, in words. A single empty stretch of time is no gap."""
    words = []
    for source in sorted(found):
        ends = [
            0,
            *(end for run in _runs(sorted({at for at, _ in found[source]}), n) for end in run),
            n,
        ]
        silent = [
            f"{times[first]} to {times[last]}"
            for first, last in zip(ends[::2], ends[1::2], strict=True)
            if last - first > 1
        ]
        if silent:
            words.append(f"No sound from {source} {', '.join(silent)}.")
    more = len(words) - _MOST_GAPS
    return " ".join(words[:_MOST_GAPS]) + (f" {more} more sources have gaps." if more > 0 else "")
