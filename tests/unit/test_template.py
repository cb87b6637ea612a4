"""What must hold of template.yaml, seen as the CloudFormation that AWS makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.localise import translate
from local.settings import REPOSITORY, TEMPLATE

Resource = dict[str, Any]

SAM = yaml_parse(TEMPLATE.read_text())


def _cloudformation() -> dict[str, Resource]:
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource.get("Properties", {}).get("PackageType") == "Image":
            resource["Properties"]["ImageUri"] = "1.dkr.ecr.eu-west-1.amazonaws.com/x"
    resources: dict[str, Resource] = translate(template, "eu-west-1")["Resources"]
    return resources


RESOURCES = _cloudformation()


def of_type(kind: str) -> dict[str, Resource]:
    found = {
        name: resource.get("Properties", {})
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }
    assert found, f"no {kind} in the template"
    return found


def properties(name: str) -> Resource:
    found: Resource = RESOURCES[name]["Properties"]
    return found


def statements_of_roles() -> list[Resource]:
    return [
        statement
        for role in of_type("AWS::IAM::Role").values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_sam_and_cfn_lint_have_nothing_to_say(tmp_path: Path) -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("sam"), "validate", "--lint", "--region", "eu-west-1"],
        cwd=REPOSITORY,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "SAM_CLI_TELEMETRY": "0",
            # No look for credentials and no call, whatever machine this is.
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_MAX_ATTEMPTS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "is a valid SAM Template" in run.stdout


class TestBuckets:
    def test_private_encrypted_and_versioned(self) -> None:
        for bucket in of_type("AWS::S3::Bucket").values():
            assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
            (owner,) = bucket["OwnershipControls"]["Rules"]
            assert owner == {"ObjectOwnership": "BucketOwnerEnforced"}
            assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
            rules = bucket["LifecycleConfiguration"]["Rules"]
            assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)

    def test_tls_only(self) -> None:
        policies = {p["Bucket"]["Ref"]: p for p in of_type("AWS::S3::BucketPolicy").values()}
        assert policies.keys() == of_type("AWS::S3::Bucket").keys()
        for name, policy in policies.items():
            (deny,) = policy["PolicyDocument"]["Statement"]
            assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            assert deny["Resource"] == [
                {"Fn::GetAtt": [name, "Arn"]},
                {"Fn::Sub": f"${{{name}.Arn}}/*"},
            ]

    def test_old_uploads_expire(self) -> None:
        rules = properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
        assert any("NoncurrentVersionExpiration" in rule for rule in rules)


class TestQueue:
    def test_every_upload_is_announced_whatever_its_name(self) -> None:
        notifications = properties("UploadsBucket")["NotificationConfiguration"]
        (queue,) = notifications["QueueConfigurations"]
        assert queue["Event"] == "s3:ObjectCreated:*"
        assert queue["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "incoming/"}]
        assert queue["Queue"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}

    def test_only_the_uploads_bucket_may_send(self) -> None:
        (policy,) = of_type("AWS::SQS::QueuePolicy").values()
        (allow,) = policy["PolicyDocument"]["Statement"]
        assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
        name = properties("UploadsBucket")["BucketName"]["Fn::Sub"]
        source = allow["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        assert source == f"arn:${{AWS::Partition}}:s3:::{name}"
        account = allow["Condition"]["StringEquals"]["aws:SourceAccount"]
        assert account == {"Ref": "AWS::AccountId"}
        assert RESOURCES["UploadsBucket"]["DependsOn"] == "UploadsQueuePolicy"

    def test_a_try_ends_before_the_next_begins(self) -> None:
        (mapping,) = of_type("AWS::Lambda::EventSourceMapping").values()
        assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
        timeout = properties(mapping["FunctionName"]["Ref"])["Timeout"]
        assert properties("UploadsQueue")["VisibilityTimeout"] >= 6 * timeout

    def test_one_bad_message_does_not_repeat_the_others(self) -> None:
        (mapping,) = of_type("AWS::Lambda::EventSourceMapping").values()
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaxConcurrency"}}

    def test_what_fails_is_kept_and_reported(self) -> None:
        redrive = properties("UploadsQueue")["RedrivePolicy"]
        assert redrive["maxReceiveCount"] == 5
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["UploadsDeadLetterQueue", "Arn"]}
        days = properties("UploadsDeadLetterQueue")["MessageRetentionPeriod"] / 86400
        assert days == 14

    def test_encrypted(self) -> None:
        for queue in of_type("AWS::SQS::Queue").values():
            assert queue["SqsManagedSseEnabled"] is True


class TestFunctions:
    def test_own_role_and_no_wildcard(self) -> None:
        functions = of_type("AWS::Lambda::Function")
        roles = {json.dumps(function["Role"]) for function in functions.values()}
        assert len(roles) == len(functions)
        for statement in statements_of_roles():
            for action in as_list(statement["Action"]):
                assert "*" not in action
            for resource in as_list(statement["Resource"]):
                assert resource != "*"

    def test_classify_may_do_its_work_only(self) -> None:
        allowed = {
            (action, json.dumps(resource))
            for statement in statements_of_roles()
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }
        uploads = json.dumps({"Fn::Sub": "${UploadsBucket.Arn}/incoming/*"})
        models = json.dumps({"Fn::Sub": "${ModelsBucket.Arn}/models/*"})
        table = json.dumps({"Fn::GetAtt": ["ResultsTable", "Arn"]})
        assert allowed == {
            ("s3:GetObject", uploads),
            ("s3:GetObjectVersion", uploads),
            ("s3:GetObject", models),
            ("s3:ListBucket", json.dumps({"Fn::GetAtt": ["UploadsBucket", "Arn"]})),
            ("s3:ListBucket", json.dumps({"Fn::GetAtt": ["ModelsBucket", "Arn"]})),
            ("dynamodb:PutItem", table),
        }

    def test_logs_are_kept_for_a_while_only(self) -> None:
        groups = of_type("AWS::Logs::LogGroup")
        assert all(group["RetentionInDays"] for group in groups.values())
        for function in of_type("AWS::Lambda::Function").values():
            assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups

    def test_traced(self) -> None:
        for function in of_type("AWS::Lambda::Function").values():
            assert function["TracingConfig"] == {"Mode": "Active"}

    def test_environment_is_what_the_handler_reads(self) -> None:
        variables = properties("ClassifyFunction")["Environment"]["Variables"]
        assert variables == {
            "RESULTS_TABLE": {"Ref": "ResultsTable"},
            "MODELS_BUCKET": {"Ref": "ModelsBucket"},
            "RESULT_TTL_DAYS": {"Ref": "ResultTtlDays"},
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }

    def test_image_and_template_start_the_same_handler(self) -> None:
        for resource in SAM["Resources"].values():
            if resource.get("Properties", {}).get("PackageType") == "Image":
                dockerfile = (REPOSITORY / resource["Metadata"]["Dockerfile"]).read_text()
                command = json.loads(dockerfile.strip().splitlines()[-1].removeprefix("CMD "))
                assert command == resource["Properties"]["ImageConfig"]["Command"]


class TestHttpApi:
    def test_throttled_and_logged(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
        assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
        assert stage["AccessLogSettings"]["DestinationArn"] == {
            "Fn::GetAtt": ["HttpApiLogGroup", "Arn"]
        }

    def test_access_log_lines_are_json(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        line = json.loads(stage["AccessLogSettings"]["Format"])
        assert line["requestId"] == "$context.requestId"

    def test_routes(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        assert {path: list(verbs) for path, verbs in api["Body"]["paths"].items()} == {
            "/predict": ["post"]
        }

    def test_no_origin_is_let_in_with_credentials(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        cors = api["Body"].get("x-amazon-apigateway-cors", {})
        assert not ("*" in cors.get("allowOrigins", []) and cors.get("allowCredentials"))


class TestData:
    def test_table(self) -> None:
        table = properties("ResultsTable")
        assert table["KeySchema"] == [{"AttributeName": "clip_id", "KeyType": "HASH"}]
        indexes = {
            index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
            for index in table["GlobalSecondaryIndexes"]
        }
        assert indexes == {
            "label-time-index": ["label", "timestamp"],
            "source-time-index": ["source", "timestamp"],
        }
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }

    @pytest.mark.parametrize("name", ["ResultsTable", "ModelsBucket"])
    def test_what_cannot_be_made_again_outlives_the_stack(self, name: str) -> None:
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_alarms_tell_somebody() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms.values()}
    assert watched == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/Lambda", "Errors"),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    dead = properties("DeadLetterAlarm")["Dimensions"]
    assert dead == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": ["UploadsDeadLetterQueue", "QueueName"]}}
    ]


def test_samconfig_sets_known_parameters() -> None:
    config = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    for environment, stage in {"default": "dev", "prod": "prod"}.items():
        parameters = config[environment]["deploy"]["parameters"]
        values = dict(item.split("=", 1) for item in parameters["parameter_overrides"])
        assert values.keys() <= SAM["Parameters"].keys()
        assert values["Stage"] == stage
        assert parameters["capabilities"] == "CAPABILITY_IAM"
        assert parameters["resolve_image_repos"] is True
