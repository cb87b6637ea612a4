"""What must hold of template.yaml, seen as the CloudFormation that AWS makes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from earshot.alerts.service import ALERTED_AT
from earshot.uploads.objects import POSTED_PREFIX, UPLOADS_PREFIX
from earshot_api import openapi
from earshot_api.app import http
from local.localise import translate
from local.settings import REPOSITORY, TEMPLATE

Resource = dict[str, Any]

EXECUTIONS = (
    "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
    ":execution:${AWS::StackName}-retrain:*"
)
SAM = yaml_parse(TEMPLATE.read_text())


def _cloudformation() -> dict[str, Resource]:
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if properties.get("PackageType") == "Image":
            properties["ImageUri"] = "1.dkr.ecr.eu-west-1.amazonaws.com/x"
        # What `sam package` uploads.
        for uri in {"CodeUri", "ContentUri", "DefinitionUri"} & properties.keys():
            properties[uri] = {"Bucket": "code", "Key": "key.zip"}
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


def statements_of_roles(prefix: str = "") -> list[Resource]:
    return [
        statement
        for name, role in of_type("AWS::IAM::Role").items()
        if name.startswith(prefix)
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def allowed(function: str) -> set[tuple[str, str]]:
    """What the role of a function or state machine allows: actions, each with its resource."""
    return {
        (action, _text(resource))
        for statement in statements_of_roles(function)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def _text(resource: str | Resource) -> str:
    if isinstance(resource, str):
        return resource
    return resource.get("Fn::Sub") or resource.get("Ref") or ".".join(resource["Fn::GetAtt"])


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

    def test_posted_clips_expire_and_announce_nothing(self) -> None:
        rules = properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
        (choice,) = (rule["Fn::If"] for rule in rules if "Fn::If" in rule)
        condition, rule, _ = choice
        assert condition == "KeepsPostedClips"
        assert rule["Prefix"] == POSTED_PREFIX
        assert rule["ExpirationInDays"] == {"Ref": "PostedClipDays"}
        assert not POSTED_PREFIX.startswith(UPLOADS_PREFIX)


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
        mapping = properties("ClassifyFunctionUpload")
        assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
        alias = properties(mapping["FunctionName"]["Ref"])
        timeout = properties(alias["FunctionName"]["Ref"])["Timeout"]
        assert properties("UploadsQueue")["VisibilityTimeout"] >= 6 * timeout

    def test_one_bad_message_does_not_repeat_the_others(self) -> None:
        mapping = properties("ClassifyFunctionUpload")
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
    def test_classify_is_kept_ready_only_where_someone_pays_for_it(self) -> None:
        (alias,) = of_type("AWS::Lambda::Alias").values()
        assert alias["FunctionName"] == {"Ref": "ClassifyFunction"}
        condition, wanted, otherwise = alias["ProvisionedConcurrencyConfig"]["Fn::If"]
        assert condition == "HasProvisionedConcurrency"
        assert wanted == {"ProvisionedConcurrentExecutions": {"Ref": "ProvisionedConcurrency"}}
        assert otherwise == {"Ref": "AWS::NoValue"}
        assert SAM["Parameters"]["ProvisionedConcurrency"]["Default"] == 0

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
            ("s3:GetObject", "${ModelsBucket.Arn}/models/*"),
            ("s3:ListBucket", "UploadsBucket.Arn"),
            ("s3:ListBucket", "ModelsBucket.Arn"),
            ("dynamodb:PutItem", "ResultsTable.Arn"),
        }

    def test_api_may_do_its_work_only(self) -> None:
        assert allowed("ApiFunction") == {
            ("dynamodb:GetItem", "ResultsTable.Arn"),
            ("dynamodb:UpdateItem", "ResultsTable.Arn"),
            ("dynamodb:Query", "${ResultsTable.Arn}/index/*"),
            ("s3:PutObject", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:GetObject", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:GetObject", "${UploadsBucket.Arn}/posted/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/posted/*"),
            ("s3:PutObject", "${UploadsBucket.Arn}/training/*"),
            ("s3:PutObject", "${UploadsBucket.Arn}/heldout/*"),
            ("s3:DeleteObject", "${UploadsBucket.Arn}/training/*"),
            ("s3:GetObject", "${ModelsBucket.Arn}/models/*"),
            ("s3:GetObject", "${ModelsBucket.Arn}/retraining/*"),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/champion.json"),
            ("states:StartExecution", "RetrainStateMachine"),
            ("states:DescribeExecution", EXECUTIONS),
            ("states:GetExecutionHistory", EXECUTIONS),
            ("s3:ListBucket", "UploadsBucket.Arn"),
            ("s3:ListBucket", "ModelsBucket.Arn"),
            ("sqs:GetQueueAttributes", "UploadsQueue.Arn"),
            ("sqs:GetQueueAttributes", "UploadsDeadLetterQueue.Arn"),
        }

    def test_alert_may_do_its_work_only(self) -> None:
        assert allowed("AlertFunction") == {
            ("dynamodb:PutItem", "CooldownsTable.Arn"),
            ("dynamodb:UpdateItem", "CooldownsTable.Arn"),
            ("dynamodb:UpdateItem", "ResultsTable.Arn"),
            ("sns:Publish", "AlertTopic"),
            ("s3:GetObject", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/incoming/*"),
            ("s3:GetObject", "${UploadsBucket.Arn}/posted/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/posted/*"),
            ("sqs:SendMessage", "AlertsDeadLetterQueue.Arn"),
        }

    def test_alert_changes_nothing_of_a_result_and_reads_none(self) -> None:
        (record,) = [
            statement
            for statement in statements_of_roles("AlertFunction")
            if statement.get("Resource") == {"Fn::GetAtt": ["ResultsTable", "Arn"]}
        ]
        assert record["Condition"] == {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["clip_id", ALERTED_AT]},
            "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
        }

    def test_no_result_is_lost_to_alerts(self) -> None:
        mapping = properties("AlertFunctionResult")
        assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["ResultsTable", "StreamArn"]}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        dead_letters = {"Fn::GetAtt": ["AlertsDeadLetterQueue", "Arn"]}
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == dead_letters

    def test_the_retraining_may_do_its_work_only(self) -> None:
        models, runs = "${ModelsBucket.Arn}/models/*", "${ModelsBucket.Arn}/retraining/*"
        models_list = ("s3:ListBucket", "ModelsBucket.Arn")
        assert allowed("RetrainingFunction") == {
            ("s3:ListBucketVersions", "UploadsBucket.Arn"),
            ("s3:GetObject", models), ("s3:GetObject", runs),
            ("s3:PutObject", models), ("s3:PutObject", runs),
            models_list,
        }  # fmt: skip
        assert allowed("EmbedFunction") == {
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/training/*"),
            ("s3:GetObjectVersion", "${UploadsBucket.Arn}/heldout/*"),
            ("s3:PutObject", "${ModelsBucket.Arn}/retraining/*/features/*"),
        }
        assert allowed("TrainFunction") == {
            ("s3:GetObject", models), ("s3:GetObject", runs), ("s3:PutObject", runs),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/v1/*"),
            ("s3:PutObject", "${ModelsBucket.Arn}/models/champion.json"),
            models_list,
        }  # fmt: skip

    def test_the_state_machine_calls_its_own_steps_only(self) -> None:
        functions = {
            resource
            for action, resource in allowed("RetrainStateMachine")
            if action == "lambda:InvokeFunction"
        }
        assert functions == {
            f"{name}.Arn" for name in ("RetrainingFunction", "EmbedFunction", "TrainFunction")
        }

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

    def test_environment_is_what_the_handlers_read(self) -> None:
        assert properties("ApiFunction")["Environment"]["Variables"] == {
            "RESULTS_TABLE": {"Ref": "ResultsTable"},
            "UPLOADS_BUCKET": {"Ref": "UploadsBucket"},
            "MODELS_BUCKET": {"Ref": "ModelsBucket"},
            "UPLOADS_QUEUE_URL": {"Ref": "UploadsQueue"},
            "UPLOADS_DEAD_LETTER_QUEUE_URL": {"Ref": "UploadsDeadLetterQueue"},
            "STATE_MACHINE_ARN": {"Ref": "RetrainStateMachine"},
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        variables = properties("ClassifyFunction")["Environment"]["Variables"]
        assert variables == {
            "RESULTS_TABLE": {"Ref": "ResultsTable"},
            "MODELS_BUCKET": {"Ref": "ModelsBucket"},
            "RESULT_TTL_DAYS": {"Ref": "ResultTtlDays"},
            "POSTED_CLIPS_BUCKET": {"Fn::If": ["KeepsPostedClips", {"Ref": "UploadsBucket"}, ""]},
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

    def test_routes_ask_for_the_scopes_that_the_document_names(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        enforced = {
            (path, method): next(iter(operation["security"]))
            for path, operations in api["Body"]["paths"].items()
            for method, operation in operations.items()
        }
        assert enforced.pop(("$default", "x-amazon-apigateway-any-method")) == {"Token": []}
        assert enforced.pop(("/{proxy+}", "options")) == {"NONE": []}
        enforced["/health", "get"] = enforced.pop(("/health", "x-amazon-apigateway-any-method"))
        documented = {
            (path, method): {"Token": operation["security"][0]["token"]}
            if "security" in operation
            else {"NONE": []}
            for path, operations in openapi.document(http)["paths"].items()
            for method, operation in operations.items()
        }
        assert enforced == documented
        assert [path for path, _ in enforced if enforced[path, _] == {"NONE": []}] == ["/health"]

    def test_tokens_come_from_our_user_pool_for_our_clients(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        scheme = api["Body"]["components"]["securitySchemes"]["Token"]
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        assert authorizer["identitySource"] == "$request.header.Authorization"
        assert authorizer["jwtConfiguration"]["issuer"]["Fn::Sub"].endswith("/${UserPool}")
        clients = of_type("AWS::Cognito::UserPoolClient").keys()
        assert authorizer["jwtConfiguration"]["audience"] == [{"Ref": name} for name in clients]

    def test_clients_get_the_scopes_they_need(self) -> None:
        clients = of_type("AWS::Cognito::UserPoolClient")
        scopes = {name: set(client["AllowedOAuthScopes"]) for name, client in clients.items()}
        (server,) = of_type("AWS::Cognito::UserPoolResourceServer").values()
        every = {f"earshot/{scope['ScopeName']}" for scope in server["Scopes"]}
        assert every == {f"earshot/{scope}" for scope in ("predict", "read", "train", "admin")}
        assert scopes["DeviceClient"] == {"earshot/predict"}
        assert scopes["ServiceClient"] == every
        assert "earshot/admin" not in scopes["PeopleClient"]
        assert clients["PeopleClient"]["GenerateSecret"] is False
        for client in clients.values():
            assert "implicit" not in client["AllowedOAuthFlows"]

    def test_only_named_origins_are_let_in_and_without_credentials(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        _, cors, nothing = api["Body"]["x-amazon-apigateway-cors"]["Fn::If"]
        assert nothing == {"Ref": "AWS::NoValue"}
        parameter = SAM["Parameters"]["CorsOrigins"]
        assert cors["allowOrigins"] == {"Fn::Split": [",", parameter["Default"]]}
        assert "allowCredentials" not in cors
        assert re.fullmatch(parameter["AllowedPattern"], "https://a.example,http://localhost:1")
        for bad in ("*", "https://*.example", "https://a.example, https://b.example"):
            assert not re.fullmatch(parameter["AllowedPattern"], bad)


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
            "time-index": ["listing", "timestamp"],
            "alert-time-index": ["listing", ALERTED_AT],
        }
        assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
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
        ("Earshot", "champion_refused"),
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
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
