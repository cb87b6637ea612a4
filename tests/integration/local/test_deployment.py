"""The template deployed to the emulator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.settings import FIRST_MODEL
from tests.clips import sweep
from tests.integration.local.posting import post_clip
from tests.stack import LocalStack, wait_for

OUTPUTS = {
    "endpoint",
    "port",
    "region",
    "access_key_id",
    "secret_access_key",
    "stack_name",
    "ApiUrl",
    "UploadsBucketName",
    "ModelsBucketName",
    "ResultsTableName",
    "EventBusName",
    "BridgeQueueUrl",
    "DeliveriesSecretName",
    "DeliveriesQueueUrl",
    "DeliveriesDeadLetterQueueUrl",
    "AlertsDeadLetterQueueUrl",
    "BridgeDeadLetterQueueUrl",
    "DeliverLogGroupName",
    "ArchiveStateMachineArn",
    "ArchivesBucketName",
    "ArchivesDatabaseName",
    "ArchiveFunctionName",
    "ArchiveLogGroupName",
    "ArchiveClassifyFunctionName",
    "ArchiveClassifyLogGroupName",
    "UploadsQueueUrl",
    "UploadsDeadLetterQueueUrl",
    "ClassifyFunctionName",
    "ClassifyFunctionArn",
    "AlertFunctionName",
    "ClassifyLogGroupName",
    "ApiLogGroupName",
    "AlertLogGroupName",
    "AlertTopicArn",
    "UserPoolId",
    "TokenUrl",
    "DeviceClientId",
    "ServiceClientId",
    "PeopleClientId",
    "RetrainingFunctionName",
    "RetrainingLogGroupName",
    "RetrainingTopicArn",
    "SweepFunctionName",
    "SweepLogGroupName",
    "EmbedFunctionName",
    "EmbedLogGroupName",
    "TrainFunctionName",
    "TrainLogGroupName",
    "StateMachineArn",
}


class TestDeployment:
    def test_outputs_are_complete(self, local_stack: LocalStack) -> None:
        outputs = local_stack.outputs
        assert outputs.keys() == OUTPUTS
        assert outputs["StateMachineArn"].endswith(":stateMachine:earshot-local-retrain")
        assert outputs["endpoint"] == f"http://127.0.0.1:{local_stack.port}"
        assert "$" not in outputs["ApiUrl"], "a shell would take it for a variable"

    def test_results_are_indexed_and_expire(self, local_stack: LocalStack) -> None:
        dynamodb = local_stack.client("dynamodb")
        name = local_stack.outputs["ResultsTableName"]
        table = dynamodb.describe_table(TableName=name)["Table"]
        indexes = {index["IndexName"] for index in table["GlobalSecondaryIndexes"]}
        assert indexes == {
            *("label-time-index", "source-time-index", "alert-time-index"),
        }
        expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert expiry["AttributeName"] == "expires_at"
        assert expiry["TimeToLiveStatus"] == "ENABLED"

    def test_buckets_keep_versions(self, local_stack: LocalStack) -> None:
        s3 = local_stack.client("s3")
        for bucket in ("UploadsBucketName", "ModelsBucketName"):
            answer = s3.get_bucket_versioning(Bucket=local_stack.outputs[bucket])
            assert answer["Status"] == "Enabled"

    def test_first_model_is_champion(self, local_stack: LocalStack) -> None:
        s3, bucket = local_stack.client("s3"), local_stack.outputs["ModelsBucketName"]
        pointer = json.load(s3.get_object(Bucket=bucket, Key="models/champion.json")["Body"])
        assert [entry["version"] for entry in pointer["history"]] == ["v1"]
        listing = s3.list_objects_v2(Bucket=bucket, Prefix="models/v1/")
        uploaded = {item["Key"].removeprefix("models/v1/") for item in listing["Contents"]}
        assert uploaded == {file.name for file in FIRST_MODEL.iterdir()}


class TestRoads:
    @pytest.mark.parametrize("name", ["sweep.wav", "a siren + café (1)/sweep.wav"])
    def test_upload_becomes_a_row(self, local_stack: LocalStack, name: str) -> None:
        outputs, key = local_stack.outputs, f"incoming/{name}"
        local_stack.client("s3").put_object(
            Bucket=outputs["UploadsBucketName"], Key=key, Body=sweep()
        )
        dynamodb = local_stack.client("dynamodb")

        def row() -> dict[str, Any] | None:
            items = dynamodb.scan(TableName=outputs["ResultsTableName"])["Items"]
            return next((item for item in items if {"S": key} in item.values()), None)

        assert wait_for(row)["clip_id"]["S"]

    def test_objects_elsewhere_are_not_classified(self, local_stack: LocalStack) -> None:
        buckets = local_stack.client("s3").get_bucket_notification_configuration(
            Bucket=local_stack.outputs["UploadsBucketName"]
        )
        (queue,) = buckets["QueueConfigurations"]
        (rule,) = queue["Filter"]["Key"]["FilterRules"]
        assert rule == {"Name": "prefix", "Value": "incoming/"}

    def test_post_is_answered(self, local_stack: LocalStack) -> None:
        answer = post_clip(local_stack)
        assert answer.keys() >= {"class_id", "label", "confidence", "model_version", "timestamp"}

    def test_the_command_token_prints_one_for_the_scopes_it_is_asked_for(
        self, local_stack: LocalStack
    ) -> None:
        token = local_stack.run("token", "read").stdout.strip()
        assert local_stack.request("GET", "/results", token=token).status == 200
        assert local_stack.request("POST", "/uploads", b"{}", token=token).status == 403
        wrong = local_stack.run("token", "everything")
        assert wrong.returncode == 1
        assert "Traceback" not in wrong.stderr

    def test_what_functions_log_is_shown(self, local_stack: LocalStack) -> None:
        post_clip(local_stack)
        shown = local_stack.run("logs")
        assert shown.returncode == 0, shown.stderr
        assert "earshot-local-classify  START RequestId:" in shown.stdout
