"""Files in which macOS keeps the attributes of others on file systems that have none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from earshot_client.cli.output import remarks

_PREFIX = "._"


def is_side_file(path: Path) -> bool:
    """Whether a file holds another's attributes."""
    return path.name.startswith(_PREFIX)


def without_side_files(paths: Iterable[Path]) -> list[Path]:
    """All other files; each side file is skipped with a remark."""
    kept = []
    for path in paths:
        if is_side_file(path):
            remarks.print(f"skipped: {path} is a side file of macOS, not a recording.")
        else:
            kept.append(path)
    return kept
