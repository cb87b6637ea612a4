"""Segments outlive a kill, a full disk and a full spool, in order."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from earshot_client.listen.spool import Spool, SpoolError
from tests.unit.listen.sounds import START, segment

MB = 10**6
SIZE = 32_044  # of a second


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[[int], Spool]]:
    """Opens the spool, as each new process does."""
    with ExitStack() as opened:

        def new(max_bytes: int = MB) -> Spool:
            opened.close()  # as a kill would
            return opened.enter_context(Spool(tmp_path, max_bytes))

        yield new


def starts(spool: Spool) -> list[float]:
    """Take everything out; seconds after `START`."""
    found = []
    while waiting := spool.oldest():
        found.append((waiting.start - START).total_seconds())
        spool.remove(waiting)
    return found


def test_the_oldest_comes_first_and_survives_the_process(open_spool, tmp_path):
    spool = open_spool()
    for second in (8, 0, 16):
        spool.add(segment(second))
    first = spool.oldest()
    assert first
    assert first.path.read_bytes() == segment(0).to_wav()
    (tmp_path / "20261127T220100.000000Z.part").write_bytes(b"torn")
    again = open_spool()
    assert len(again) == 3
    assert starts(again) == [0, 8, 16]
    assert not list(tmp_path.glob("*.part"))
    assert again.oldest() is None


def test_a_full_spool_drops_the_oldest_and_counts_across_restarts(open_spool, tmp_path):
    spool = open_spool(3 * SIZE)
    for second in range(5):
        spool.add(segment(second))
    assert (len(spool), spool.dropped, spool.full) == (3, 2, True)
    again = open_spool(3 * SIZE)
    assert again.dropped == 2
    assert starts(again) == [2, 3, 4]


def test_what_is_being_sent_is_not_dropped_meanwhile(open_spool, tmp_path):
    spool = open_spool(2 * SIZE)
    spool.add(segment(0))
    sending = spool.oldest()
    for second in (1, 2):
        spool.add(segment(second))
    assert sending
    assert sending.path.exists()
    spool.remove(sending)
    assert starts(spool) == [2]
    assert spool.dropped == 1


def test_two_segments_of_one_moment_are_kept_and_one_twice_is_one(open_spool, tmp_path):
    spool = open_spool()
    for seed in (0, 1, 0):  # the clock was set back
        spool.add(segment(5, seed=seed))
    assert starts(spool) == [5, 5]


def test_a_full_disk_costs_the_oldest_segment_and_is_said(open_spool, tmp_path, monkeypatch):
    spool = open_spool()
    spool.add(segment(0))
    full = True
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if full and any(tmp_path.glob("*.wav")):
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    spool.add(segment(8))
    assert (len(spool), spool.dropped) == (1, 1)
    held = spool.oldest()
    with pytest.raises(SpoolError, match="No space left on device"):
        spool.add(segment(16))
    assert (len(spool), spool.dropped) == (1, 2)
    assert not list(tmp_path.glob("*.part"))
    full = False
    spool.add(segment(24))
    assert held
    assert starts(spool) == [8, 24]


def test_one_process_alone_uses_a_spool(tmp_path):
    with Spool(tmp_path, MB), pytest.raises(SpoolError, match="Another earshot listen"):
        Spool(tmp_path, MB)
    with Spool(tmp_path, MB):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot be used"):
        Spool(tmp_path / "file" / "spool", MB)
