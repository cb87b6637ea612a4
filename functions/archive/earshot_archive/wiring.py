"""Put the steps together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from functools import cache

import boto3
from botocore.config import Config

from earshot.archives.archive_files import ArchiveFiles
from earshot.archives.plan import Planner
from earshot_archive.settings import Settings

AWS_CONFIG = Config(
    connect_timeout=2, read_timeout=30, retries={"mode": "standard"}, max_pool_connections=20
)


@cache
def settings() -> Settings:
    """Settings of this execution environment."""
    return Settings.from_environment()


@cache
def planner() -> Planner:
    """What plans archives."""
    return Planner(boto3.client("s3", config=AWS_CONFIG), files())


@cache
def files() -> ArchiveFiles:
    """Files of archives."""
    return ArchiveFiles(boto3.client("s3", config=AWS_CONFIG), settings().archives_bucket)
