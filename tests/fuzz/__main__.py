"""`make fuzz TIME=60`: mutate recordings for so many seconds, and stop at the first fault.

Atheris (libFuzzer) mutates a corpus that is made here, led by the branches of decoding and
classification that a file reaches. A file at fault is kept in `.fuzz/`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["earshot.audio", "earshot.classification"]):
    from tests.fuzz.target import check

from local.settings import REPOSITORY
from tests.fuzz.corpus import corpus

FOLDER = REPOSITORY / ".fuzz"
MAX_BYTES = 32_768
SLOW_S = 60  # for one small file; CPU seconds are bounded by the limits of uploads


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--time", type=int, default=60, help="seconds")
    parser.add_argument(
        "--runs", type=int, default=-1, help="files; -1 for as many as there is time"
    )
    parser.add_argument("--seed", type=int, default=0, help="0 for another each time")
    parser.add_argument("files", nargs="*", type=Path, help="check these alone")
    arguments = parser.parse_args()
    for file in arguments.files:
        print(file, check(file.read_bytes()).outcome)
    if arguments.files:
        return
    seeds = FOLDER / "corpus"
    seeds.mkdir(parents=True, exist_ok=True)
    for name, content in corpus().items():
        (seeds / name).write_bytes(content)
        check(content)
    atheris.Setup(
        [
            sys.argv[0],
            str(seeds),
            f"-max_total_time={arguments.time}",
            f"-runs={arguments.runs}",
            f"-max_len={MAX_BYTES}",
            f"-timeout={SLOW_S}",
            "-rss_limit_mb=4096",
            f"-artifact_prefix={FOLDER}/",
            f"-seed={arguments.seed}",
            "-print_final_stats=1",
            "-verbosity=0",
        ],
        check,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
