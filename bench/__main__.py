"""`make bench`: measure, write `bench/report.json`, and show it as a table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench import reference, report, speed
from bench.alert import alert
from bench.first_minute import first_minute
from bench.image_size import image_size
from bench.import_time import import_time
from bench.machine import machine
from local.settings import REPOSITORY

BESIDE_REFERENCE = {"cold_start", "warm_clip", "head", "front_end"}
REPORT = REPOSITORY / "bench" / "report.json"


def measurements(folder: Path, effort: speed.Effort) -> dict[str, Callable[[], dict[str, Any]]]:
    """Everything that can be measured, by the key that it is reported under."""
    of_clips = (
        speed.cold_start,
        speed.warm_clip,
        speed.head,
        speed.posted_clip,
        speed.long_clip,
        speed.front_end,
        speed.decode,
        speed.scaling,
    )
    return {
        **{measure.__name__: partial(measure, folder, effort) for measure in of_clips},
        "import_time": partial(import_time, effort.starts),
        "image_size": image_size,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="*", help="keys to measure; others stay as they are")
    parser.add_argument("--quick", action="store_true", help="see that it runs; means nothing")
    parser.add_argument("--out", type=Path, default=REPORT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as folder:
        effort = speed.QUICK if arguments.quick else speed.Effort()
        todo = measurements(Path(folder), effort)
        if arguments.only:
            asked_for = todo | {
                "first_minute": partial(first_minute, Path(folder)),
                "alert": alert,
            }
            todo = {key: asked_for[key] for key in arguments.only}
        if todo.keys() & BESIDE_REFERENCE:
            reference.build()
        measured = datetime.now(UTC).isoformat(timespec="seconds")
        report.merge(arguments.out, {"measured": measured, "machine": machine()})
        with tqdm(todo.items(), unit="measurement") as bar:
            for key, measure in bar:
                bar.set_description(key)
                report.merge(arguments.out, measure())
    report.show(report.read(arguments.out))


if __name__ == "__main__":
    main()
