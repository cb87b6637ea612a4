"""Levels against values worked out by hand, and what is reported about a microphone."""

from __future__ import annotations

import numpy as np
import pytest

from earshot_client.listen.level import Level, level_of
from earshot_client.listen.listener import FaultWatch


def test_a_sine_at_half_scale_is_9_db_below_full():
    sine = 16384 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    level = level_of(sine.astype(np.int16))
    # 20 log10(0.5 / sqrt(2)) and 20 log10(0.5)
    assert level.rms_dbfs == pytest.approx(-9.0, abs=0.1)
    assert level.peak_dbfs == -6.0
    assert (level.clipped, level.stuck, level.fault) == (0, False, None)


def test_the_lowest_sample_has_no_positive_twin():
    level = level_of(np.array([-32768, 0], np.int16))
    assert level.peak_dbfs == 0
    assert level.clipped == 0.5


@pytest.mark.parametrize(
    ("samples", "fault"),
    [
        (np.zeros(100), "silent: -120 dBFS"),
        (np.tile([0, 1], 50), "silent: -93 dBFS"),
        (np.full(100, -77), "stuck: every sample has the same value"),
        (np.clip(np.arange(-40000, 40000), -32768, 32767), "clipped: 18% of the samples"),
    ],
)
def test_faults_of_a_microphone(samples, fault):
    assert str(level_of(samples.astype(np.int16)).fault).startswith(fault)


def test_a_fault_is_reported_once_it_lasts_and_once_it_is_over():
    well, silent = Level(-40, -20, 0, False), Level(-120, -120, 0, False)
    watch = FaultWatch()
    reported = [
        watch.news(level) for level in [well] * 2 + [silent] * 5 + [well, silent] + [well] * 4
    ]
    assert [(i, news) for i, news in enumerate(reported) if news] == [
        (4, "the microphone is silent: -120 dBFS"),
        (11, "the microphone works again"),
    ]
