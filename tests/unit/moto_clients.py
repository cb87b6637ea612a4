"""AWS clients for moto."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3


@cache
def moto_client(service: Any) -> Any:
    """A client, to be used within `mock_aws`; made once, since botocore takes 0.1 s for each."""
    return boto3.client(service, region_name="us-east-1")
