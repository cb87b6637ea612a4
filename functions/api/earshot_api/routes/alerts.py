"""Alerts that were sent."""

from __future__ import annotations

from typing import cast

from aws_lambda_powertools.event_handler.api_gateway import Router

from earshot.alerts.service import ALERTED_AT, told
from earshot.results.query import from_cursor, to_cursor
from earshot.results.result import Result
from earshot_api.paging import DEFAULT_LIMIT, Cursor, Limit
from earshot_api.problems import answers
from earshot_api.schemas import Alert, Alerts
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = Router()

_SINCE = (ALERTED_AT, "verified_label")  # what a result got after it was told of


@router.get(
    "/alerts",
    operation_id="find_alerts",
    summary="Alerts that were sent, newest first",
    description=(
        "What the topic was told of, as it was told, and what a person has said of the clip "
        "since. Alerts are kept for as long as their results. Pages are those of /results."
    ),
    tags=["results"],
    security=needs("read"),
    responses=answers(Alerts, 422, 503),
)
def find(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Alerts:
    page = services().results.find_alerted(limit, from_cursor(cursor) if cursor else None)
    return {
        "alerts": [_alert(result) for result in page.results],
        "next_cursor": to_cursor(page.end) if page.end else None,
    }


def _alert(result: Result) -> Alert:
    since = {name: result[name] for name in _SINCE if name in result}
    return cast(Alert, told(result) | since)
