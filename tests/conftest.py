"""Data sets that tests use where they are there, and do without where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def data_set(variable: str, default: str, what: str) -> Path:
    """Folder that the environment variable names, or the default one; skips if it is missing."""
    folder = Path(os.environ.get(variable) or REPOSITORY / "data" / default)
    if not folder.is_dir():
        pytest.skip(f"{what} is not in {folder}; {variable}=folder tells where it is")
    return folder


@pytest.fixture(scope="session")
def sesa() -> Path:
    """The SESA data set (doi:10.5281/zenodo.3519845), with its folders ``train`` and ``test``."""
    return data_set("SESA", "sesa", "The SESA data set")


@pytest.fixture(scope="session")
def wav_zoo() -> Path:
    """Odd and broken WAV files, described by a ``NOTES.csv``."""
    return data_set("WAV_ZOO", "wav-zoo", "The collection of odd WAV files")


@pytest.fixture(scope="session")
def everyday() -> Path:
    """Hours of everyday sound, with the ambient folder ``dev`` and its table ``dev.csv``."""
    return data_set("EVERYDAY", "everyday", "Everyday sound")
