"""template.yaml: buckets, queues, tables and alarms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from earshot.audio.limits import POSTED, UPLOADED
from earshot.model.models_bucket import YAMNET_PREFIX
from earshot.model.registry import CHAMPION_KEY
from earshot.results.index_requests import LABEL_BUCKET, PROJECTED
from earshot.results.item import ALERTED_AT
from earshot.sources.settings import RETENTION_DAYS
from earshot.uploads.objects import KEEP_TAG, LABEL_TAG, POSTED_PREFIX, UPLOADS_PREFIX
from local.settings import REPOSITORY
from tests.unit.infrastructure.cloudformation import RESOURCES, SAM, as_list, of_type, properties


@pytest.mark.long
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


@pytest.mark.parametrize(
    ("kind", "policies", "of", "actions"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "s3:*"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
    ],
)
def test_tls_only(kind: str, policies: str, of: str, actions: str) -> None:
    protected = set()
    for policy in of_type(policies).values():
        # SNS takes one resource a statement.
        (name,) = (one["Ref"] for one in as_list(policy[of]))
        deny = policy["PolicyDocument"]["Statement"][0]
        assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", actions)
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        itself = {"Ref": name} if kind == "AWS::SNS::Topic" else {"Fn::GetAtt": [name, "Arn"]}
        content = [{"Fn::Sub": f"${{{name}.Arn}}/*"}] if kind == "AWS::S3::Bucket" else []
        assert as_list(deny["Resource"]) == [itself, *content]
        protected.add(name)
    assert protected == of_type(kind).keys()


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

    def test_versions_are_written_once_and_the_pointer_on_condition(self) -> None:
        policy = properties("ModelsBucketPolicy")["PolicyDocument"]["Statement"]
        by_sid = {statement["Sid"]: statement for statement in policy}
        once = by_sid["VersionsAreWrittenOnce"]
        assert (once["Effect"], once["Principal"], once["Action"]) == ("Deny", "*", "s3:PutObject")
        written_once = [
            {"Fn::Sub": f"${{ModelsBucket.Arn}}/{what}*"} for what in ("models/v", YAMNET_PREFIX)
        ]
        assert once["Resource"] == written_once
        assert once["Condition"] == {"Null": {"s3:if-none-match": "true"}}
        pointer = by_sid["PointerIsWrittenOnCondition"]
        assert pointer["Resource"] == {"Fn::Sub": f"${{ModelsBucket.Arn}}/{CHAMPION_KEY}"}
        assert pointer["Condition"]["Null"].keys() == {"s3:if-match", "s3:if-none-match"}
        kept = by_sid["NoRoleOfTheStackDeletesModels"]
        assert kept["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        assert written_once[1] in kept["Resource"]

    def test_old_uploads_expire(self) -> None:
        rules = properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
        assert any("NoncurrentVersionExpiration" in rule for rule in rules)

    def test_posted_clips_expire_and_announce_nothing(self) -> None:
        rules = properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
        (rule,) = (rule for rule in rules if rule.get("Prefix") == POSTED_PREFIX)
        # Those of before expire too where none are kept any more.
        days = ["KeepsPostedClips", {"Ref": "PostedClipDays"}, 1]
        assert rule["ExpirationInDays"] == {"Fn::If": days}
        assert not POSTED_PREFIX.startswith(UPLOADS_PREFIX)

    def test_casual_uploads_expire_sooner_than_others(self) -> None:
        rules = properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
        chosen = {rule["Fn::If"][0]: rule["Fn::If"][1] for rule in rules if "Fn::If" in rule}
        assert chosen.keys() == {"ExpiresUploads", "ExpiresCasualUploads"}
        every, casual = chosen["ExpiresUploads"], chosen["ExpiresCasualUploads"]
        assert every["Prefix"] == casual["Prefix"] == UPLOADS_PREFIX
        assert every["ExpirationInDays"] == {"Ref": "UploadDays"}
        assert "TagFilters" not in every
        assert casual["TagFilters"] == [{"Key": LABEL_TAG, "Value": "casual"}]
        assert casual["ExpirationInDays"] == {"Ref": "CasualUploadDays"}
        days = {
            name: SAM["Parameters"][name]["Default"] for name in ("UploadDays", "CasualUploadDays")
        }
        assert 0 < days["CasualUploadDays"] < days["UploadDays"]

    def test_each_number_of_days_that_a_source_may_have_is_a_rule(self) -> None:
        rules = properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
        tags = {
            tag["Value"]: rule
            for rule in rules
            for tag in rule.get("TagFilters", ())
            if tag["Key"] == KEEP_TAG
        }
        assert [*map(int, tags)] == [*RETENTION_DAYS]
        for days, rule in tags.items():
            assert rule["ExpirationInDays"] == int(days)
            assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
            assert "Prefix" not in rule, "clips of both kinds"


class TestQueue:
    def test_every_upload_is_announced_whatever_its_name(self) -> None:
        notifications = properties("UploadsBucket")["NotificationConfiguration"]
        (queue,) = notifications["QueueConfigurations"]
        assert queue["Event"] == "s3:ObjectCreated:*"
        assert queue["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "incoming/"}]
        assert queue["Queue"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}

    def test_only_the_uploads_bucket_may_send(self) -> None:
        (allow,) = [
            statement
            for statement in properties("UploadsQueuePolicy")["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
        name = properties("UploadsBucket")["BucketName"]["Fn::Sub"]
        source = allow["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        assert source == f"arn:${{AWS::Partition}}:s3:::{name}"
        account = allow["Condition"]["StringEquals"]["aws:SourceAccount"]
        assert account == {"Ref": "AWS::AccountId"}
        assert RESOURCES["UploadsBucket"]["DependsOn"] == "UploadsQueuePolicy"

    def test_no_other_queue_takes_anything_but_from_rules_of_the_bus(self) -> None:
        for name, policy in of_type("AWS::SQS::QueuePolicy").items():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Deny" or name == "UploadsQueuePolicy":
                    continue
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                rule = {"aws:SourceArn": {"Fn::GetAtt": ["AlertsRule", "Arn"]}}
                account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
                assert statement["Condition"] in ({"ArnEquals": rule}, {"StringEquals": account})

    def test_a_try_ends_before_the_next_begins(self) -> None:
        mapping = properties("ClassifyFunctionUpload")
        assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
        alias = properties(mapping["FunctionName"]["Ref"])
        timeout = properties(alias["FunctionName"]["Ref"])["Timeout"]
        # Not six times as long, as Lambda advises for batches: after a crash a clip would wait for
        # all of it, and a batch is one message.
        assert timeout < properties("UploadsQueue")["VisibilityTimeout"] <= 300
        assert mapping["BatchSize"] == 1

    def test_a_clip_that_costs_too_much_is_rejected_before_the_function_times_out(self) -> None:
        assert UPLOADED.cpu_s < properties("ClassifyFunction")["Timeout"]
        # A request to the HTTP API ends after 30 s (Amazon API Gateway quotas).
        assert POSTED.cpu_s < 30

    def test_uploads_wait_as_long_as_dead_letters(self) -> None:
        # A message keeps its age when it moves to the dead letter queue.
        waits = [
            properties(q)["MessageRetentionPeriod"]
            for q in ("UploadsQueue", "UploadsDeadLetterQueue")
        ]
        assert waits == [14 * 86400] * 2

    def test_a_waiting_upload_raises_an_alarm_within_two_minutes(self) -> None:
        alarm = properties("UploadsWaitingAlarm")
        assert alarm["Threshold"] + alarm["Period"] * alarm["EvaluationPeriods"] <= 120

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


class TestData:
    def test_table(self) -> None:
        table = properties("ClipResultsTable")
        assert table["KeySchema"] == [{"AttributeName": "clip_id", "KeyType": "HASH"}]
        indexes = {
            index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
            for index in table["GlobalSecondaryIndexes"]
        }
        assert indexes == {
            "label-time-index": [LABEL_BUCKET, "timestamp"],
            "source-time-index": ["source", "timestamp"],
            "alert-time-index": ["listing", ALERTED_AT],
        }
        for index in table["GlobalSecondaryIndexes"][:2]:
            held = {*index["Projection"]["NonKeyAttributes"], *indexes[index["IndexName"]]}
            assert held - {LABEL_BUCKET, "timestamp"} == set(PROJECTED)
        assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }

    @pytest.mark.parametrize("name", ["ClipResultsTable", "ModelsBucket"])
    def test_what_cannot_be_made_again_outlives_the_stack(self, name: str) -> None:
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def _text(value: str | dict[str, str]) -> str:
    return value if isinstance(value, str) else value["Fn::Sub"]


def test_alarms_tell_somebody() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    own_metrics = "Earshot/${AWS::StackName}"
    watched = {(_text(alarm["Namespace"]), alarm["MetricName"]) for alarm in alarms.values()}
    assert watched == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "IteratorAge"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/ApiGateway", "5xx"),
        (own_metrics, "champion_refused"),
        (own_metrics, "results_unreadable"),
        (own_metrics, "uploads_without_result"),
        (own_metrics, "quiet_sources"),
        (own_metrics, "uncertain"),
        (own_metrics, "embedding_distance"),
        ("AWS/DynamoDB", "WriteThrottleEvents"),
        (own_metrics, "events_kept"),
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    (publishers,) = [
        statement
        for statement in properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert publishers["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    throttled = {
        alarm["Dimensions"][0]["Value"]["Ref"]
        for alarm in alarms.values()
        if alarm["MetricName"] == "Throttles"
    }
    assert throttled == {"ClassifyFunction", "ApiFunction", "AlertFunction", "DeliverFunction"}
    dead = properties("DeadLetterAlarm")["Dimensions"]
    assert dead == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": ["UploadsDeadLetterQueue", "QueueName"]}}
    ]
