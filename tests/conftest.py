"""Datasets that tests use where they are there, and do without where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def dataset(variable: str, default: str, what: str) -> Path:
    """Folder that the environment variable names, or the default one; skips if it is missing."""
    folder = Path(os.environ.get(variable) or REPOSITORY / "data" / default)
    if not folder.is_dir():
        pytest.skip(f"{what} is not in {folder}; set {variable} to its folder")
    return folder


@pytest.fixture(scope="session")
def sesa() -> Path:
    """The SESA dataset (doi:10.5281/zenodo.3519845), with its folders ``train`` and ``test``."""
    return dataset("SESA", "sesa", "The SESA dataset")


@pytest.fixture(scope="session")
def wav_zoo() -> Path:
    """Odd and broken WAV files, described by a ``NOTES.csv``."""
    return dataset("WAV_ZOO", "wav-zoo", "The collection of odd WAV files")


@pytest.fixture(scope="session")
def field() -> Path:
    """Labeled clips of other microphones than SESA's, described by a ``manifest.csv``."""
    return dataset("FIELD", "field", "The field dataset")


@pytest.fixture(scope="session")
def everyday() -> Path:
    """Everyday sound without threats: ``train`` and ``dev``, each with a CSV file."""
    return dataset("EVERYDAY", "everyday", "The dataset of everyday sound")


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small files of kinds that are easily misread, and ``control_*`` files that are not."""
    return dataset("CASES", "cases", "The collection of difficult files")
