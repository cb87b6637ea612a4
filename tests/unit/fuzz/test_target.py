"""The fuzzer's target on what it begins with, and on a few mutations without the fuzzer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import corpus
from tests.fuzz.target import check

FILES = corpus()
REJECTED = {"empty", "many-channels", "no-samples", "not-a-number", "text"}


@pytest.mark.parametrize("name", FILES)
def test_every_file_to_begin_with_becomes_a_result(name: str) -> None:
    assert (check(FILES[name]).classification is None) == (name in REJECTED)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(sorted(FILES)),
    edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
    length=st.integers(0, 20_000),
)
def test_whatever_is_changed_in_a_header_there_is_a_result(
    name: str, edits: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(FILES[name][:length])
    for place, value in edits:
        if place < len(content):
            content[place] = value
    check(bytes(content))
