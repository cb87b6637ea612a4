"""A source is one clean name, whatever an uploader called it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.uploads.objects import (
    DEFAULT_SOURCE,
    MAX_SOURCE_LENGTH,
    SOURCE_PATTERN,
    clean_source,
    read_metadata,
)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("north gate", "north gate"),
        ("  north   gate ", "north gate"),
        ("Caf\u0065\u0301", "Caf\u00e9"),
        ("gate\nBcc: someone@example.com", "gate Bcc: someone@example.com"),
        ("gate\u202eexe", "gate exe"),
        ("[/gate]", "__gate_"),
        ("<img src=x>", "_img src=x_"),
        ("\u200b", DEFAULT_SOURCE),
        ("", DEFAULT_SOURCE),
    ],
)
def test_a_source_is_cleaned(text: str, source: str) -> None:
    assert clean_source(text) == source


@given(st.text())
def test_whatever_the_text_a_clean_source_matches_the_pattern_and_stays_as_it_is(text: str) -> None:
    source = clean_source(text)
    assert re.match(SOURCE_PATTERN, source)
    assert len(source) <= MAX_SOURCE_LENGTH
    assert clean_source(source) == source


def test_metadata_that_s3_encoded_is_decoded() -> None:
    # "Amazon S3 User Guide, Working with object metadata": RFC 2047, here UTF-8 in base64.
    assert read_metadata({"source": "=?UTF-8?B?Q2Fmw6k=?="}).source == "Caf\u00e9"
