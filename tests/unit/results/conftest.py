"""The results table of most of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from earshot.results.table import ResultsTable
from tests.unit.results.moto_results import create_table


@pytest.fixture
def table() -> Iterator[ResultsTable]:
    with mock_aws():
        yield ResultsTable(create_table("results"), "results")
