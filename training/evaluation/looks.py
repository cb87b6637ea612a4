"""How often a data set was looked at: a model that is chosen after many looks fits the set."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

COLUMNS = ("time", "data", "version", "sha256")


def count_look(table: Path, data: Path, version: str, sha256: str) -> tuple[int, int]:
    """Note that a version was evaluated on a data set, in a CSV that is made if need be.

    Args:
        table: the CSV, with the columns of `COLUMNS`.
        data: folder of the data set.
        version, sha256: of the model.

    Returns:
        how often the data set was evaluated on, and how many different models it was; by this
        table, so elsewhere it may have been more.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    is_new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(COLUMNS)
        time = datetime.now(UTC).isoformat(timespec="seconds")
        writer.writerow([time, str(data.resolve()), version, sha256])
    with table.open(newline="") as file:
        looks = [row for row in csv.DictReader(file) if row["data"] == str(data.resolve())]
    return len(looks), len({row["sha256"] for row in looks})
