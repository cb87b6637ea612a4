"""Progress of an evaluation, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_console = Console(stderr=True)
T = TypeVar("T")


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """The items, with a bar on stderr while they come; none where stderr is no terminal."""
    if not _console.is_terminal:
        return items
    return track(items, what, total=total, console=_console, transient=True)
