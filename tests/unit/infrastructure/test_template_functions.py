"""The functions of template.yaml."""

from __future__ import annotations

import json

import pytest

from earshot.results.item import ALERTED_AT, MUTED_BY, LabeledRow
from tests.unit.infrastructure.cloudformation import (
    EXECUTIONS,
    LINK_KEY,
    SAM,
    allowed,
    as_list,
    of_type,
    properties,
    statements_of_roles,
)


class TestFunctions:
    def test_classify_is_kept_ready_only_where_someone_pays_for_it(self) -> None:
        alias = properties("ClassifyFunctionAliaslive")
        assert alias["FunctionName"] == {"Ref": "ClassifyFunction"}
        condition, wanted, otherwise = alias["ProvisionedConcurrencyConfig"]["Fn::If"]
        assert (condition, otherwise) == ("HasProvisionedConcurrency", {"Ref": "AWS::NoValue"})
        assert wanted == {"ProvisionedConcurrentExecutions": {"Ref": "ProvisionedConcurrency"}}
        assert SAM["Parameters"]["ProvisionedConcurrency"]["Default"] == 0

    @pytest.mark.parametrize(
        ("name", "condition", "parameter"),
        [
            ("ClassifyFunction", "ReservesForClassify", "ClassifyReservedConcurrency"),
            ("ApiFunction", "ReservesForApi", "ApiReservedConcurrency"),
            ("AlertFunction", "ReservesForAlert", "AlertReservedConcurrency"),
        ],
    )
    def test_concurrency_can_be_reserved_and_is_not_by_default(
        self, name: str, condition: str, parameter: str
    ) -> None:
        reserved = properties(name)["ReservedConcurrentExecutions"]
        assert reserved == {"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}
        assert SAM["Conditions"][condition] == {
            "Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, 0]}]
        }
        assert SAM["Parameters"][parameter]["Default"] == 0

    def test_uploads_and_alerts_leave_room_for_requests(self) -> None:
        uploads = properties("ClassifyFunctionUpload")["ScalingConfig"]["MaximumConcurrency"]
        assert uploads == {"Ref": "MaxConcurrency"}
        # Of the least that an account has: 10.
        assert SAM["Parameters"]["MaxConcurrency"]["Default"] < 10
        # One invocation at a time for each shard of the stream.
        assert "ParallelizationFactor" not in properties("AlertFunctionResult")

    def test_own_role_and_no_wildcard(self) -> None:
        functions = of_type("AWS::Lambda::Function")
        roles = {json.dumps(function["Role"]) for function in functions.values()}
        assert len(roles) == len(functions)
        for statement in statements_of_roles():
            for action in as_list(statement["Action"]):
                assert "*" not in action
            for resource in as_list(statement["Resource"]):
                # Actions on log deliveries and traces know no resources.
                assert resource != "*" or statement["Sid"] == "DeliverLogsAndTraces"

    def test_classify_may_do_its_work_only(self) -> None:
        assert allowed("ClassifyFunction") == {
            ("s3:GetObject", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:PutObject", "${UploadsBucket.Arn}/posted/*"),
            ("s3:PutObjectTagging", "${UploadsBucket.Arn}/posted/*"),
            ("dynamodb:GetItem", "SourcesTable.Arn"),
            ("s3:GetObject", "${ModelsBucket.Arn}/models/*"),
            ("s3:GetObject", "${ModelsBucket.Arn}/yamnet/*"),
            ("s3:ListBucket", "UploadsBucket.Arn"),
            ("s3:ListBucket", "ModelsBucket.Arn"),
            ("dynamodb:PutItem", "ClipResultsTable.Arn"),
            ("dynamodb:GetItem", "ClientsTable.Arn"),
            ("s3:PutObjectTagging", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:PutObjectVersionTagging", "${UploadsBucket.Arn}/incoming/*"),
            ("sqs:ChangeMessageVisibility", "UploadsQueue.Arn"),
        }

    def test_alert_may_do_its_work_only(self) -> None:
        assert allowed("AlertFunction") == {
            *(
                (f"dynamodb:{act}Item", "CooldownsTable.Arn")
                for act in ("Put", "Get", "Update", "Delete")
            ),
            *((f"dynamodb:{act}Item", "SourcesTable.Arn") for act in ("Get", "Update")),
            ("dynamodb:UpdateItem", "ClipResultsTable.Arn"),
            ("dynamodb:Query", "${MutesTable.Arn}/index/source-time-index"),
            ("sns:Publish", "AlertTopic"),
            ("events:PutEvents", "EventBus.Arn"),
            ("secretsmanager:GetSecretValue", LINK_KEY),
            ("sqs:SendMessage", "AlertsDeadLetterQueue.Arn"),
        }

    def test_deliver_reads_where_webhooks_are_and_nothing_else(self) -> None:
        deliveries = LINK_KEY.replace("link-key", "deliveries")
        assert allowed("DeliverFunction") == {
            ("secretsmanager:GetSecretValue", deliveries),
            ("sqs:SendMessage", "DeliveriesQueue.Arn"),
            ("sqs:ChangeMessageVisibility", "DeliveriesQueue.Arn"),
        }
        others = [n for n in of_type("AWS::Lambda::Function") if n != "DeliverFunction"]
        assert not any(deliveries in {resource for _, resource in allowed(n)} for n in others)

    def test_sweep_may_do_its_work_only(self) -> None:
        assert allowed("SweepFunctionRole") == {
            ("s3:ListBucketVersions", "UploadsBucket.Arn"),
            ("dynamodb:BatchGetItem", "ClipResultsTable.Arn"),
            ("s3:ListBucket", "UploadsBucket.Arn"),
            *(
                (f"s3:{action}", "${UploadsBucket.Arn}/training/*/corrections/*")
                for action in ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject")
            ),
            *(
                (f"s3:{action}", f"${{UploadsBucket.Arn}}/{prefix}/*")
                for action in ("GetObject", "GetObjectVersion")
                for prefix in ("incoming", "posted")
            ),
            *((f"sqs:{act}", "UploadsQueue.Arn") for act in ("SendMessage", "GetQueueAttributes")),
            *((f"dynamodb:{act}", "SourcesTable.Arn") for act in ("Scan", "UpdateItem")),
            ("sns:Publish", "AlertTopic"),
            ("events:PutEvents", "EventBus.Arn"),
            *((f"dynamodb:{act}Item", "CooldownsTable.Arn") for act in ("Get", "Update", "Delete")),
            ("dynamodb:Scan", "CooldownsTable.Arn"),
        }
        for one in ("Hourly", "Watch", "Digest"):
            calls = allowed(f"SweepFunction{one}Role")
            assert calls == {("lambda:InvokeFunction", "SweepFunction.Arn")}

    def test_sweep_lists_uploads_and_reads_of_a_result_its_label_and_place(self) -> None:
        conditions = {
            statement["Action"]: statement.get("Condition")
            for statement in statements_of_roles("SweepFunctionRole")
            if isinstance(statement["Action"], str)
        }
        prefixes = {"s3:prefix": ["incoming/", "training/*/corrections/*"]}
        assert conditions["s3:ListBucketVersions"] == {"StringLike": prefixes}
        assert conditions["dynamodb:BatchGetItem"] == {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": [*LabeledRow.ATTRIBUTES]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        }

    def test_sweep_runs_each_hour_and_sources_are_looked_at_each_minute(self) -> None:
        schedule = properties("SweepFunctionHourly")
        watch = properties("SweepFunctionWatch")
        rates = [one["ScheduleExpression"] for one in (schedule, watch)]
        assert rates == ["rate(1 hour)", "rate(1 minute)"]
        assert schedule["Target"]["Arn"] == {"Fn::GetAtt": ["SweepFunction", "Arn"]}
        assert json.loads(watch["Target"]["Input"]) == {"watch": True}

    def test_alert_changes_nothing_of_a_result_and_reads_none(self) -> None:
        (record,) = [
            statement
            for statement in statements_of_roles("AlertFunction")
            if statement.get("Resource") == {"Fn::GetAtt": ["ClipResultsTable", "Arn"]}
        ]
        assert record["Condition"] == {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["clip_id", ALERTED_AT, MUTED_BY]},
            "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
        }

    def test_no_result_is_lost_to_alerts(self) -> None:
        mapping = properties("AlertFunctionResult")
        assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["ClipResultsTable", "StreamArn"]}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        dead_letters = {"Fn::GetAtt": ["AlertsDeadLetterQueue", "Arn"]}
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == dead_letters

    def test_the_retraining_may_do_its_work_only(self) -> None:
        models, runs = "${ModelsBucket.Arn}/models/*", "${ModelsBucket.Arn}/retraining/*"
        yamnets = "${ModelsBucket.Arn}/yamnet/*"
        models_list = ("s3:ListBucket", "ModelsBucket.Arn")
        assert allowed("RetrainingFunction") == {
            ("s3:ListBucketVersions", "UploadsBucket.Arn"),
            ("s3:GetObject", models), ("s3:GetObject", runs),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/v*"),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/champion.json"),
            ("s3:PutObject", runs),
            ("states:DescribeExecution", EXECUTIONS),
            models_list,
        }  # fmt: skip
        assert allowed("EmbedFunction") == {
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/training/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/heldout/*"),
            ("s3:PutObject", "${ModelsBucket.Arn}/retraining/*/features/*"),
            ("s3:GetObject", yamnets),
        }
        assert allowed("TrainFunction") == {
            ("s3:GetObject", models), ("s3:GetObject", runs), ("s3:PutObject", runs),
            ("s3:GetObject", yamnets), ("s3:PutObject", yamnets),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/v1/*"),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/champion.json"),
            models_list,
        }  # fmt: skip

    def test_train_writes_no_model_over_another(self) -> None:
        (seeds,) = [
            s for s in statements_of_roles("TrainFunction") if s["Sid"] == "SeedTheFirstModel"
        ]
        assert seeds["Condition"] == {"StringEquals": {"s3:if-none-match": "*"}}

    def test_the_state_machine_calls_its_own_steps_only(self) -> None:
        functions = {
            resource
            for action, resource in allowed("RetrainStateMachine")
            if action == "lambda:InvokeFunction"
        }
        steps = ("RetrainingFunction", "EmbedFunction", "TrainFunction")
        assert functions == {f"{name}.Arn" for name in steps}

    def test_no_function_outlives_the_state_that_calls_it(self) -> None:
        for name, limit in (
            ("RetrainingFunction", 310), ("EmbedFunction", 910), ("TrainFunction", 910),
        ):  # fmt: skip
            assert properties(name)["Timeout"] < limit  # TimeoutSeconds in retrain.asl.yaml

    def test_logs_are_kept_for_a_while_only(self) -> None:
        groups = of_type("AWS::Logs::LogGroup")
        assert all(group["RetentionInDays"] for group in groups.values())
        for function in of_type("AWS::Lambda::Function").values():
            assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups

    def test_traced(self) -> None:
        for function in of_type("AWS::Lambda::Function").values():
            assert function["TracingConfig"] == {"Mode": "Active"}
