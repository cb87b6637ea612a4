"""Taps on disk: what was appended set by set is read back row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.adaptation.taps import TAP_SHAPE, TapFiles


@pytest.fixture
def written() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, *TAP_SHAPE)).astype(np.float16)


def test_taps_come_back_in_the_order_in_which_they_were_appended(tmp_path: Path, written):
    files = TapFiles(tmp_path)
    files.append("training", written[:2])
    files.append("sesa clean", written[4:])
    files.append("training", written[2:4])
    taps = files.of("training")
    assert len(taps) == 4
    assert (taps[np.array([[3, 0], [1, 1]])] == written[[[3, 0], [1, 1]]]).all()
    assert (files.of("sesa clean")[:] == written[4:]).all()


def test_selected_taps_are_numbered_anew(tmp_path: Path, written):
    files = TapFiles(tmp_path)
    files.append("training", written)
    taps = files.of("training").select(np.array([False, True, False, True, True]))
    assert len(taps) == 3
    assert (taps[np.array([2, 0])] == written[[4, 1]]).all()
