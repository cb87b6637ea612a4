"""The local stack: the template deployed to the emulator, and the commands around it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from local.settings import FIRST_MODEL
from recordings import sweep
from stack import USERS_SETTINGS, LocalStack, free_port, wait_for

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
    "UploadsQueueUrl",
    "UploadsDeadLetterQueueUrl",
    "ClassifyFunctionName",
    "ClassifyFunctionArn",
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
    "EmbedFunctionName",
    "EmbedLogGroupName",
    "TrainFunctionName",
    "TrainLogGroupName",
    "StateMachineArn",
}


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def post_clip(stack: LocalStack) -> dict[str, Any]:
    answer = stack.request("POST", "/predict", sweep(), {"Content-Type": "audio/wav"})
    assert answer.status == 200, answer.data
    content: dict[str, Any] = answer.json()
    return content


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
            *("label-time-index", "source-time-index", "time-index"),
            "alert-time-index",
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

    def test_objects_elsewhere_are_not_heard(self, local_stack: LocalStack) -> None:
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


@pytest.fixture(scope="module")
def as_role(local_stack: LocalStack) -> boto3.Session:
    name = local_stack.outputs["ClassifyFunctionName"]
    role = local_stack.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    credentials = local_stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    return boto3.Session(
        credentials["Credentials"]["AccessKeyId"],
        credentials["Credentials"]["SecretAccessKey"],
        credentials["Credentials"]["SessionToken"],
        region_name=local_stack.outputs["region"],
    )


class TestPermissions:
    """The function's role may do its work, and nothing beside it."""

    def test_reads_the_champion(self, local_stack: LocalStack, as_role: boto3.Session) -> None:
        s3 = local_stack.client("s3", as_role)
        bucket = local_stack.outputs["ModelsBucketName"]
        assert s3.get_object(Bucket=bucket, Key="models/champion.json")["Body"].read()

    @pytest.mark.parametrize("bucket", ["UploadsBucketName", "ModelsBucketName"])
    @pytest.mark.parametrize("key", ["models/x", "incoming/x", "training/x"])
    def test_writes_posted_clips_only(
        self, local_stack: LocalStack, as_role: boto3.Session, bucket: str, key: str
    ) -> None:
        s3 = local_stack.client("s3", as_role)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=local_stack.outputs[bucket], Key=key, Body=b"x")

    def test_reads_no_other_uploads(self, local_stack: LocalStack, as_role: boto3.Session) -> None:
        s3, bucket = (
            local_stack.client("s3", as_role),
            local_stack.outputs["UploadsBucketName"],
        )
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=bucket, Key="training/siren/x.wav")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=bucket, Prefix="training/")

    @pytest.mark.parametrize(
        ("bucket", "key"),
        [("UploadsBucketName", "incoming/gone.wav"), ("ModelsBucketName", "models/gone")],
    )
    def test_missing_is_told_from_forbidden(
        self, local_stack: LocalStack, as_role: boto3.Session, bucket: str, key: str
    ) -> None:
        s3 = local_stack.client("s3", as_role)
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=local_stack.outputs[bucket], Key=key)

    def test_reads_and_deletes_no_results(
        self, local_stack: LocalStack, as_role: boto3.Session
    ) -> None:
        dynamodb = local_stack.client("dynamodb", as_role)
        table = local_stack.outputs["ResultsTableName"]
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.get_item(TableName=table, Key={"clip_id": {"S": "none"}})
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.scan(TableName=table)
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.delete_item(TableName=table, Key={"clip_id": {"S": "none"}})


class TestCommands:
    def test_only_this_machine_is_served(self, local_stack: LocalStack) -> None:
        connections = psutil.Process(local_stack.pid).net_connections()
        listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}

    def test_users_credentials_stay_out(self, local_stack: LocalStack) -> None:
        post_clip(local_stack)
        emulator = psutil.Process(local_stack.pid)
        family = [emulator, *emulator.children()]
        assert len(family) > 1, "no function process to look at"
        seen = {value for process in family for value in process.environ().values()}
        assert not seen & {USERS_SETTINGS["AWS_ACCESS_KEY_ID"], USERS_SETTINGS["AWS_PROFILE"]}

    def test_up_twice_changes_nothing(self, local_stack: LocalStack) -> None:
        before = local_stack.outputs, local_stack.pid
        again = local_stack.run("up")
        assert again.returncode == 0, again.stderr
        assert "already running" in again.stdout
        assert "nothing has changed" in again.stdout
        assert (local_stack.outputs, local_stack.pid) == before

    def test_taken_port_is_explained(self, local_stack: LocalStack, tmp_path: Path) -> None:
        other = LocalStack(tmp_path, local_stack.port)
        up = other.run("up")
        assert up.returncode == 1
        assert f"Port {local_stack.port} is not free" in up.stderr
        assert f"pid {local_stack.pid}" in up.stderr
        assert "PORT=" in up.stderr
        assert "Traceback" not in up.stderr
        assert not any(tmp_path.iterdir()), "it left something behind"

    def test_an_open_stack_asks_nobody_for_a_token(self, tmp_path: Path) -> None:
        stack = LocalStack(tmp_path / "open", free_port(), {"TOKENS": "off"})
        try:
            up = stack.run("up")
            assert up.returncode == 0, up.stderr
            clip = {"Content-Type": "audio/wav"}
            assert stack.request("POST", "/predict", sweep(), clip, token=None).status == 200
            assert stack.request("GET", "/results", token=None).status == 200
            document = stack.request("GET", "/openapi.json", token=None).json()
            assert "securitySchemes" not in document["components"]
        finally:
            stack.run("down")

    @pytest.mark.parametrize("command", ["logs", "token"])
    def test_a_stack_that_is_down(self, second_stack: LocalStack, command: str) -> None:
        done = second_stack.run(command)
        assert done.returncode == 1
        assert "make up" in done.stderr
        assert "Traceback" not in done.stderr

    def test_changes_are_deployed_and_down_leaves_nothing(
        self, second_stack: LocalStack, tmp_path: Path
    ) -> None:
        assert second_stack.run("up").returncode == 0
        post_clip(second_stack)
        emulator = psutil.Process(second_stack.pid)
        functions = emulator.children()
        assert functions

        # The bundled model is part of the code: another one is other code.
        model = shutil.copytree(FIRST_MODEL, tmp_path / "v1")
        again = second_stack.run("up", "--model", str(model))
        assert "now runs your changes" in again.stdout, again.stderr
        post_clip(second_stack)
        renewed = emulator.children()
        assert renewed
        assert not {f.pid for f in functions} & {f.pid for f in renewed}

        down = second_stack.run("down")
        assert down.returncode == 0, down.stderr
        assert not [process for process in (emulator, *functions, *renewed) if is_alive(process)]
        assert [file.name for file in second_stack.folder.iterdir()] == ["emulator.log"]
        assert "was not running" in second_stack.run("down").stdout


@pytest.fixture(scope="module")
def plain_stack(local_stack: LocalStack) -> dict[str, str]:
    template = {
        "Resources": {
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Body": {
                        "openapi": "3.0.1",
                        "info": {"title": "plain", "version": "1"},
                        "paths": {"/predict": {"post": {}}},
                    }
                },
            },
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "TimeToLiveSpecification": {"AttributeName": "end", "Enabled": True},
                },
            },
        },
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}, "Table": {"Value": {"Ref": "Table"}}},
    }
    cloudformation = local_stack.client("cloudformation")
    cloudformation.create_stack(StackName="plain", TemplateBody=json.dumps(template))
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName="plain", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    (stack,) = cloudformation.describe_stacks(StackName="plain")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


class TestEmulator:
    """What `local` makes up for. When one of these fails, ministack has learnt it: use that."""

    def test_ignores_the_body_of_an_api(
        self, local_stack: LocalStack, plain_stack: dict[str, str]
    ) -> None:
        gateway = local_stack.client("apigatewayv2")
        assert gateway.get_routes(ApiId=plain_stack["Api"])["Items"] == []

    def test_ignores_time_to_live(
        self, local_stack: LocalStack, plain_stack: dict[str, str]
    ) -> None:
        dynamodb = local_stack.client("dynamodb")
        state = dynamodb.describe_time_to_live(TableName=plain_stack["Table"])
        assert state["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
