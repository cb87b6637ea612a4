"""`python -m bench.scale`: prints the tables of docs/scale.md.

`rows` measures rows, `costs` prints costs and limits, `buckets` simulates ten million rows, `table`
fills a local stack's table with a hundred thousand rows and lists them.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import zlib
from array import array
from datetime import timedelta
from pathlib import Path

from bench.scale.arithmetic import CLIP_S, MONTH_S, archived, first_limit, posted, simulated_peak
from bench.scale.rows import NOON, sample_rows, size, write_units

MICROPHONES = (10, 1_000, 100_000)
CLIPS = (10_000, 1_000_000, 100_000_000)


def rows() -> None:
    """Sizes and write units of a casual clip and of a siren."""
    print("| clip | row, bytes | write units | with three indexes of whole rows |")
    print("|---|---|---|---|")
    for name, row in sample_rows().items():
        now, whole = write_units(row)
        print(f"| {name} | {size(row)} | {now} | {whole} |")


def costs() -> None:
    """Costs of posted clips, archives and microphones, and what is exceeded first."""
    now, whole = write_units(sample_rows()["casual"])
    print("| 1,000 posted clips | whole rows | now | now, casual clips not kept |")
    print("|---|---|---|---|")
    columns = [posted(1000, whole, 1), posted(1000, now, 1), posted(1000, now, 0.05)]
    for service in columns[0].by_service:
        print(f"| {service} |" + "|".join(f" ${c.by_service[service]:.4f} " for c in columns) + "|")
    print("| all |" + "|".join(f" ${c.total:.4f} " for c in columns) + "|")
    print("\n| clips | posted | archive | archive, and in the table |\n|---|---|---|---|")
    for n in CLIPS:
        each = (posted(n, now, 1), archived(n, False, now), archived(n, True, now))
        print(f"| {n:,} |" + "|".join(f" ${c.total:,.2f} " for c in each) + "|")
    print("\n| microphones | clips a second | a month | exceeded, with the default of one bucket |")
    print("|---|---|---|---|")
    for n in MICROPHONES:
        rate = n / CLIP_S
        month = posted(rate * MONTH_S, now, 1)
        over = "; ".join(first_limit(rate, 1)) or "nothing"
        print(f"| {n:,} | {rate:,.0f} | ${month.total:,.0f} | {over} |")


def buckets() -> None:
    """Ten million rows at ten thousand a second: the fullest bucket's fullest second."""
    digests = array("L")
    for i in range(10_000_000):
        clip_id = hashlib.sha256(i.to_bytes(8)).hexdigest()[:32]
        digests.append(zlib.crc32(clip_id.encode()))
    print("| buckets | rows a second | fullest bucket's fullest second |\n|---|---|---|")
    for n in (1, 4, 12, 16):
        peak = simulated_peak(len(digests), 10_000, n, digests.__getitem__)
        print(f"| {n} | 10,000 | {peak:,} |", flush=True)


def table(n: int) -> None:
    """Fill the local stack's table, and list it page by page."""
    from bench.scale.table import listed

    with tempfile.TemporaryDirectory() as folder:
        found = listed(n, Path(folder), NOON, timedelta(seconds=1))
    for name, seconds in found.items():
        print(f"{name}: {statistics.median(seconds) * 1000:.0f} ms a page of 50")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("what", choices=["rows", "costs", "buckets", "table"])
    parser.add_argument("--n", type=int, default=100_000, help="rows of the table")
    arguments = parser.parse_args()
    if arguments.what == "table":
        table(arguments.n)
    else:
        {"rows": rows, "costs": costs, "buckets": buckets}[arguments.what]()


if __name__ == "__main__":
    main()
