"""Evaluations are counted by data set."""

from __future__ import annotations

from pathlib import Path

from training.evaluation.looks import count_look


def test_looks_are_counted_by_data_set_and_model(tmp_path: Path) -> None:
    table = tmp_path / "cache" / "looks.csv"
    field, other = tmp_path / "field", tmp_path / "other"
    assert count_look(table, field, "v1", "a") == (1, 1)
    assert count_look(table, field, "v1", "a") == (2, 1)
    assert count_look(table, field, "v2", "b") == (3, 2)
    assert count_look(table, other, "v2", "b") == (1, 1)
