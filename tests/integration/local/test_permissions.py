"""Roles may do their work, and nothing beside it; nobody writes over a model version."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.stack import LocalStack


@pytest.fixture(scope="module")
def as_role(local_stack: LocalStack) -> boto3.Session:
    return session_of(local_stack, "ClassifyFunctionName")


def session_of(local_stack: LocalStack, output: str) -> boto3.Session:
    """A session with the role of a function that the stack's outputs name."""
    name = local_stack.outputs[output]
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
    def test_missing_differs_from_forbidden(
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


# The emulator holds bucket policies against roles; on AWS they bind the root user too.
class TestModelsAreWrittenOnce:
    """What each role gets when it writes over what is there: AccessDenied, or 412 if it might."""

    @pytest.mark.parametrize("key", ["models/v1/head.npz", "models/champion.json"])
    @pytest.mark.parametrize(
        ("role", "may_add"),
        [
            ("RetrainingFunctionName", True),
            ("TrainFunctionName", True),
            ("EmbedFunctionName", False),
            ("ClassifyFunctionName", False),
        ],
    )
    def test_only_on_condition(
        self, local_stack: LocalStack, key: str, role: str, may_add: bool
    ) -> None:
        s3 = local_stack.client("s3", session_of(local_stack, role))
        bucket = local_stack.outputs["ModelsBucketName"]
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        with pytest.raises(ClientError, match="PreconditionFailed" if may_add else "AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x", IfNoneMatch="*")

    @pytest.mark.parametrize(
        ("role", "outcome"),
        [("RetrainingFunctionName", "PreconditionFailed"), ("TrainFunctionName", "AccessDenied")],
    )
    def test_training_moves_no_pointer(
        self, local_stack: LocalStack, role: str, outcome: str
    ) -> None:
        s3 = local_stack.client("s3", session_of(local_stack, role))
        bucket, key = local_stack.outputs["ModelsBucketName"], "models/champion.json"
        with pytest.raises(ClientError, match=outcome):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x", IfMatch='"another"')
