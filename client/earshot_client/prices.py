"""Prices of AWS in us-east-1 in US dollars, on x86, without the free tier.

List prices as known in 2025, from each service's pricing page; they change.
"""

from __future__ import annotations

LAMBDA_GB_SECOND = 0.0000166667
LAMBDA_REQUEST = 0.20 / 1e6
S3_GET = 0.40 / 1e6
S3_PUT = 5.00 / 1e6  # and LIST
STEP = 25.00 / 1e6  # state transition of a standard workflow
DYNAMODB_WRITE = 0.625 / 1e6  # on-demand, of 1 KB
DYNAMODB_READ = 0.125 / 1e6  # on-demand, of 4 KB
DYNAMODB_GB_MONTH = 0.25
S3_GB_MONTH = 0.023
SQS_REQUEST = 0.40 / 1e6
LOGS_GB = 0.50  # standard class, taken in
HTTP_API_REQUEST = 1.00 / 1e6
TRACE = 5.00 / 1e6  # X-Ray, recorded
METRIC_MONTH = 0.30  # custom, of each name and dimensions
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00

ONE_VCPU_GB = 1769 / 1024
