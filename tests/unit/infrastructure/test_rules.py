"""Rules that hold for whatever the template has, today's resources and later ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from local.settings import REPOSITORY
from tests.unit.infrastructure.cloudformation import RESOURCES, SAM, of_type, properties

ALARMS = of_type("AWS::CloudWatch::Alarm")
MAPPINGS = of_type("AWS::Lambda::EventSourceMapping")
QUEUES = of_type("AWS::SQS::Queue")
SCHEDULES = of_type("AWS::Scheduler::Schedule")


def names_in(value: Any) -> set[str]:
    """Logical ids that a part of the template refers to."""
    return {name for name in RESOURCES if f'"{name}"' in json.dumps(value)}


def watched(metric: str) -> set[str]:
    """Resources that an alarm watches by a metric."""
    return {
        name
        for alarm in ALARMS.values()
        if alarm["MetricName"] == metric
        for name in names_in(alarm["Dimensions"])
    }


def dead_letter_queues() -> set[str]:
    redriven = {n for q in QUEUES.values() for n in names_in(q.get("RedrivePolicy", {}))}
    failed = {n for m in MAPPINGS.values() for n in names_in(m.get("DestinationConfig", {}))}
    missed = {
        n for s in SCHEDULES.values() for n in names_in(s["Target"].get("DeadLetterConfig", {}))
    }
    undelivered = {
        n
        for rule in of_type("AWS::Events::Rule").values()
        for target in rule["Targets"]
        for n in names_in(target.get("DeadLetterConfig", {}))
    }
    return redriven | failed | missed | undelivered


@pytest.mark.parametrize("name", QUEUES)
def test_every_queue_has_a_dead_letter_queue_or_is_one(name: str) -> None:
    assert ("RedrivePolicy" in QUEUES[name]) != (name in dead_letter_queues())


def test_a_retraining_that_the_schedule_cannot_start_is_kept_with_the_reason() -> None:
    (queue,) = names_in(SCHEDULES["RetrainScheduled"]["Target"]["DeadLetterConfig"])
    (policy,) = properties("RetrainScheduleRole")["Policies"]
    allowed = policy["PolicyDocument"]["Statement"]
    assert {"Fn::GetAtt": [queue, "Arn"]} in [
        one["Resource"] for one in allowed if one["Action"] == "sqs:SendMessage"
    ]


@pytest.mark.parametrize("name", sorted(dead_letter_queues()))
def test_every_dead_letter_raises_an_alarm_and_is_kept_for_two_weeks(name: str) -> None:
    assert name in watched("ApproximateNumberOfMessagesVisible")
    assert QUEUES[name]["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize("name", sorted(set(QUEUES) - dead_letter_queues()))
def test_every_message_that_waits_too_long_raises_an_alarm(name: str) -> None:
    assert name in watched("ApproximateAgeOfOldestMessage")


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_an_event_source_cannot_deliver_is_kept(name: str) -> None:
    (source,) = names_in(MAPPINGS[name]["EventSourceArn"])
    on_failure = names_in(MAPPINGS[name].get("DestinationConfig", {}))
    assert on_failure or "RedrivePolicy" in QUEUES[source]
    assert MAPPINGS[name]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_message_is_not_delivered_again_while_it_is_worked_on(name: str) -> None:
    (source,) = names_in(MAPPINGS[name]["EventSourceArn"])
    function = properties(function_of(MAPPINGS[name]["FunctionName"]))
    if source in QUEUES:
        assert function["Timeout"] < QUEUES[source]["VisibilityTimeout"]


def function_of(reference: Any) -> str:
    """Function that a reference names, by its alias perhaps."""
    (name,) = names_in(reference)
    if RESOURCES[name]["Type"] == "AWS::Lambda::Alias":
        return function_of(properties(name)["FunctionName"])
    return name


def test_functions_of_the_http_api_answer_before_it_gives_up() -> None:
    for name, resource in SAM["Resources"].items():
        events = resource.get("Properties", {}).get("Events", {}).values()
        kinds = {event["Type"] for event in events}
        if kinds == {"HttpApi"}:
            assert properties(name)["Timeout"] < 30  # Amazon API Gateway quotas


def test_every_function_that_fails_or_is_refused_raises_an_alarm() -> None:
    machines = ("RetrainStateMachine", "ArchiveStateMachine")
    steps = {n for m in machines for n in names_in(properties(m)["DefinitionSubstitutions"])}
    assert {"RetrainFailedAlarm", "RetrainTimedOutAlarm", "ArchiveFailedAlarm"} <= ALARMS.keys()
    alone = set(of_type("AWS::Lambda::Function")) - steps
    assert alone <= watched("Errors")
    # The sweep is called once an hour and does it all again.
    assert alone - {"SweepFunction"} <= watched("Throttles")


def test_every_alarm_says_what_to_do_and_tells_somebody() -> None:
    for name, alarm in ALARMS.items():
        assert len(alarm["AlarmDescription"]) > 40, name
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["TreatMissingData"] == "notBreaching", name


@pytest.mark.parametrize(
    ("service", "metric"),
    [
        (alarm["Dimensions"][0]["Value"], alarm["MetricName"])
        for alarm in ALARMS.values()
        if alarm["Namespace"] == {"Fn::Sub": "Earshot/${AWS::StackName}"}
    ],
)
def test_every_alarm_of_our_own_watches_a_metric_that_its_function_counts(
    service: str, metric: str
) -> None:
    code = "".join(file.read_text() for file in (REPOSITORY / "functions" / service).rglob("*.py"))
    assert f'add_metric("{metric}"' in code
    assert f'Metrics(service="{service}")' in code


def test_metrics_of_one_stack_set_off_no_alarm_of_another() -> None:
    own = {"Fn::Sub": "Earshot/${AWS::StackName}"}
    # Of the queues, functions and tables of AWS's namespaces, each dimension is the stack's own.
    for name, alarm in ALARMS.items():
        if "Namespace" in alarm and not str(alarm["Namespace"]).startswith("AWS/"):
            assert alarm["Namespace"] == own, name
    for name, function in of_type("AWS::Lambda::Function").items():
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == own, name


def test_no_role_has_a_wildcard_but_where_aws_knows_no_resource() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                text = json.dumps([statement["Action"], statement.get("NotAction")])
                assert "*" not in text, name
                everything = '"*"' in json.dumps(statement["Resource"])
                assert not everything or statement["Sid"] == "DeliverLogsAndTraces", name


def test_every_check_that_is_skipped_has_a_reason_beside_it() -> None:
    text = (REPOSITORY / "infrastructure" / "checkov.yaml").read_text()
    lines = text.partition("skip-check:\n")[2].splitlines()
    skipped = [line for line in lines if line.strip().startswith("- ")]
    assert [f"- {check}" for check in yaml.safe_load(text)["skip-check"]] == [
        line.strip() for line in skipped
    ]
    # A reason may be one for several checks in a row.
    assert lines[0].strip().startswith("# ")
    for resource in SAM["Resources"].values():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skip["comment"]) > 20
