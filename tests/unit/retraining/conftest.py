"""The stage of tests of the retraining's steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit.moto_clients import moto_client
from tests.unit.retraining.stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    with mock_aws():
        s3 = moto_client("s3")
        for bucket in ("clips", "models"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield Stage(s3)
