"""boto3 for the local stack only."""

from __future__ import annotations

import os

import boto3

from local.settings import REGION

# The emulator takes this key for the account's root user and checks no secret.
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - not a secret


def forget_aws_settings() -> None:
    """Drop the user's AWS settings from this process.

    A profile, an endpoint or a proxy of theirs must neither break the local stack nor ever let
    it reach a real account.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


def local_session() -> boto3.Session:
    return boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
