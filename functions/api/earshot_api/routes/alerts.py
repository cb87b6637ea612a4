"""Alerts that were sent."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.alerts.alert import alert_about, to_json
from earshot.results.query import from_cursor, to_cursor
from earshot.results.serialization import Json
from earshot_api.paging import DEFAULT_LIMIT, Cursor, Limit
from earshot_api.problems import answers
from earshot_api.schemas.results import Alerts
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.get(
    "/alerts",
    operation_id="find_alerts",
    summary="Alerts that were sent, newest first",
    description=(
        "Alerts as the topic sent them, with the label that feedback has given since. Alerts are "
        "kept for as long as their results. Pages are those of /results."
    ),
    tags=["results"],
    security=needs("read"),
    responses=answers(Alerts, 422, 503),
)
def find(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Json:
    page = services().results.find_alerted(limit, from_cursor(cursor) if cursor else None)
    return {
        "alerts": [
            to_json(alert_about(result, result.classification, result.alerted_at))
            for result in page.results
            if result.classification and result.alerted_at  # as all that have an alert
        ],
        "next_cursor": to_cursor(page.end) if page.end else None,
    }
