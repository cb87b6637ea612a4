"""The results table in moto, rows in it, and whole lists of them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from earshot.results.query import Page, Position, ResultQuery, from_cursor, to_cursor
from earshot.results.table import ResultsTable
from local.settings import TEMPLATE
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON, classified


@cache
def table_properties() -> dict[str, Any]:
    """Of the table in the template."""
    found: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Resources"]["ClipResultsTable"]
    return dict(found["Properties"])


def create_table(name: str) -> Any:
    """The table of the template, in moto; returns moto's client."""
    properties = table_properties()
    client = moto_client("dynamodb")
    client.create_table(
        TableName=name,
        **{what: properties[what] for what in ("KeySchema", "AttributeDefinitions", "BillingMode")},
        GlobalSecondaryIndexes=[
            {name: value for name, value in index.items() if name != "OnDemandThroughput"}
            for index in properties["GlobalSecondaryIndexes"]
        ],
    )
    return client


def save(table: ResultsTable, n: int, **changes: Any) -> str:
    """A result of minute `n` after noon."""
    clip_id = f"{n:032x}"
    table.save(classified(clip_id, timestamp=NOON + timedelta(minutes=n), **changes))
    return clip_id


def ids(page: Page) -> list[str]:
    return [result.clip_id for result in page.results]


def everything(table: ResultsTable, query: ResultQuery, limit: int) -> list[str]:
    found: list[str] = []
    position: Position | None = None
    while True:
        page = table.find(query, limit, position)
        assert len(page.results) <= limit
        found += ids(page)
        if page.end is None:
            return found
        position = from_cursor(to_cursor(page.end))
