"""Each of the retraining's functions may do its work, and nothing beside it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.stack import LocalStack


class TestPermissions:
    """Each of the retraining's functions may do its work, and nothing beside it."""

    @pytest.fixture(params=["RetrainingFunctionName", "EmbedFunctionName", "TrainFunctionName"])
    def role(self, local_stack: LocalStack, request: pytest.FixtureRequest) -> tuple[str, Any]:
        name = local_stack.outputs[request.param]
        arn = local_stack.client("lambda").get_function_configuration(FunctionName=name)["Role"]
        key = local_stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")[
            "Credentials"
        ]
        session = boto3.Session(
            key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"],
            region_name=local_stack.outputs["region"],
        )  # fmt: skip
        return request.param, local_stack.client("s3", session)

    @pytest.mark.parametrize(
        ("key", "who"),
        [
            ("models/v1/head.npz", set()),
            ("models/champion.json", {"RetrainingFunctionName"}),
            ("retraining/r/candidate/x", {"RetrainingFunctionName", "TrainFunctionName"}),
            (
                "retraining/r/features/x",
                {"RetrainingFunctionName", "EmbedFunctionName", "TrainFunctionName"},
            ),
        ],
    )
    def test_writes(self, local_stack: LocalStack, role: tuple[str, Any], key: str, who: set[str]):
        name, s3 = role
        try:
            # The condition does not hold, so nothing is written: 412 where it would be allowed.
            s3.put_object(
                Bucket=local_stack.outputs["ModelsBucketName"], Key=key, Body=b"x", IfMatch='"none"'
            )
        except ClientError as error:
            denied = error.response["Error"]["Code"] == "AccessDenied"
        else:
            pytest.fail("the condition did not hold and yet it was written")
        assert denied is (name not in who)

    def test_deletes_nothing(self, local_stack: LocalStack, role: tuple[str, Any]):
        with pytest.raises(ClientError, match="AccessDenied"):
            role[1].delete_object(
                Bucket=local_stack.outputs["ModelsBucketName"], Key="models/v2/head.npz"
            )

    def test_only_the_embedding_function_reads_clips(
        self, local_stack: LocalStack, role: tuple[str, Any]
    ):
        name, s3 = role
        uploads = local_stack.outputs["UploadsBucketName"]
        key = "heldout/siren/permissions.txt"
        put = local_stack.client("s3").put_object(Bucket=uploads, Key=key, Body=b"x")
        where = {"Bucket": uploads, "Key": key, "VersionId": put["VersionId"]}
        if name == "EmbedFunctionName":
            assert s3.get_object(**where)["ContentLength"] > 0
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.get_object(**where)
