"""Which answer leads to which operation, for the OpenAPI document.

Clients that are generated from the document, and its tests, follow these from one to the next.
"""

from __future__ import annotations

from typing import Any


def _link(operation: str, parameter: str, member: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {parameter: f"$response.body#/{member}"}}


_OF_A_CLIP = {
    "result": _link("get_result", "clip_id", "clip_id"),
    "feedback": _link("give_feedback", "clip_id", "clip_id"),
}

# By path, method and status.
LINKS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("/predict", "post", "200"): _OF_A_CLIP,
    ("/uploads", "post", "201"): {"result": _OF_A_CLIP["result"]},
    ("/results", "get", "200"): {"next": _link("find_results", "cursor", "next_cursor")},
    ("/alerts", "get", "200"): {"next": _link("find_alerts", "cursor", "next_cursor")},
    ("/retrain", "post", "202"): {"status": _link("get_retraining", "run", "id")},
    ("/status", "get", "200"): {"champion": _link("get_model", "version", "model/version")},
}
