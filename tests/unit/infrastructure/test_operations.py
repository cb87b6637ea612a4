"""The dashboard and the runbook: what they name is there, and nothing is left out."""

from __future__ import annotations

import json
import re
from typing import Any

from local.settings import REPOSITORY
from tests.unit.infrastructure.cloudformation import RESOURCES, SAM, of_type, properties

CLASSIFY = REPOSITORY / "functions" / "classify" / "earshot_classify" / "app.py"


def test_every_alarm_has_an_entry_in_the_runbook_and_no_other_has() -> None:
    text = (REPOSITORY / "docs" / "runbook.md").read_text()
    entries = re.findall(r"^### (\w+)\n\n(.+)", text, re.MULTILINE)
    assert sorted(name for name, _ in entries) == sorted(of_type("AWS::CloudWatch::Alarm"))
    assert all(len(first_line) > 30 for _, first_line in entries)


def test_the_tests_that_walked_an_entry_of_the_runbook_are_there() -> None:
    text = (REPOSITORY / "docs" / "runbook.md").read_text()
    rows = re.findall(r"^\| (\w+Alarm) \| `([\w/]+\.py)::(\w+)` \|$", text, re.MULTILINE)
    assert len(rows) >= 8
    for alarm, file, test in rows:
        assert alarm in of_type("AWS::CloudWatch::Alarm")
        assert f"def {test}(" in (REPOSITORY / "tests" / "integration" / file).read_text(), test


def dashboard() -> list[dict[str, Any]]:
    """Widgets, with logical ids in place of what CloudFormation puts in."""
    body = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(re.sub(r"\$\{([^}]+)\}", r"\1", body))["widgets"]
    return found


def test_the_dashboard_names_resources_of_the_template() -> None:
    body = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    named = {name.split(".")[0] for name in re.findall(r"\$\{([^}:]+)\}", body)}
    assert named <= RESOURCES.keys()
    assert {"ClassifyFunction", "ApiFunction", "AlertFunction", "ClipResultsTable"} <= named


def test_the_dashboard_shows_metrics_that_classify_counts() -> None:
    code = CLASSIFY.read_text()
    own = {
        metric[1]
        for widget in dashboard()
        if widget["type"] == "metric"
        for metric in widget["properties"]["metrics"]
        if metric[0] == "Earshot/AWS::StackName"
    }
    by_label = {f"clips_{label}" for label in ("casual", "gunshot", "explosion", "siren")}
    shares = {"uncertain", "confidence", "embedding_distance"}
    assert own == by_label | {"clips_rejected"} | shares
    assert all(f'add_metric("{name}"' in code for name in shares)


def test_the_widgets_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard():
        cells = {
            (widget["x"] + dx, widget["y"] + dy)
            for dx in range(widget["width"])
            for dy in range(widget["height"])
        }
        assert not cells & taken
        assert widget["x"] + widget["width"] <= 24
        taken |= cells


def test_the_dashboard_reads_fields_of_the_log_that_there_are() -> None:
    """Queries name fields of `result`, as classify logs it."""
    from earshot.results.serialization import to_json
    from tests.unit.sample_results import classified, rejected

    fields = {*to_json(classified("a" * 32)), *to_json(rejected("b" * 32))}
    queries = [w["properties"]["query"] for w in dashboard() if w["type"] == "log"]
    named = {name for query in queries for name in re.findall(r"result\.(\w+)", query)}
    assert named == {"reason", "source", "uncertain", "confidence", "model_version"}
    assert named <= fields
    messages = {m for query in queries for m in re.findall(r"message = '([^']+)'", query)}
    assert all(f'"{message}"' in CLASSIFY.read_text() for message in messages)


def test_metrics_are_billed_by_the_number_of_their_names() -> None:
    """No metric has a dimension whose values are sources, clips or versions."""
    for service in ("classify", "alert", "sweep", "api", "archive"):
        folder = REPOSITORY / "functions" / service
        code = "".join(file.read_text() for file in folder.rglob("*.py"))
        assert "add_dimension" not in code, service


def test_route_metrics_are_off_unless_somebody_pays_for_them() -> None:
    assert SAM["Parameters"]["RouteMetrics"]["Default"] == "false"
