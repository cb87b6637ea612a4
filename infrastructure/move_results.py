"""Copy the results of an earlier version's table into this version's.

An update makes a new table, since DynamoDB does not change several indexes of one at once, and
leaves the earlier one with its rows. Repeat it until it copies nothing: rows that are there already
stay. The copies raise no alerts.

    python infrastructure/move_results.py OLD-TABLE NEW-TABLE --buckets N
"""

from __future__ import annotations

import argparse
from typing import Any

import boto3
from botocore.exceptions import ClientError

from earshot.labels import Label
from earshot.results.index_requests import LABEL_BUCKET, label_bucket
from earshot.results.item import ARCHIVE

MOVED = "moved"  # in place of the name of an archive


def move(dynamodb: Any, old: str, new: str, buckets: int) -> tuple[int, int]:
    """Copy rows that the new table does not have; returns how many, and how many it had."""
    copied = had = 0
    for page in dynamodb.get_paginator("scan").paginate(TableName=old):
        for row in page["Items"]:
            label = Label(row["label"]["S"]) if "label" in row else None
            bucket = label_bucket(label, row["clip_id"]["S"], buckets)
            moved = row | {LABEL_BUCKET: {"S": bucket}}
            moved.setdefault(ARCHIVE, {"S": MOVED})
            try:
                dynamodb.put_item(
                    TableName=new, Item=moved, ConditionExpression="attribute_not_exists(clip_id)"
                )
                copied += 1
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                had += 1
    return copied, had


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", help="name of the earlier table")
    parser.add_argument("new", help="ResultsTableName of the stack")
    parser.add_argument("--buckets", type=int, default=1, help="LabelBuckets of the stack")
    arguments = parser.parse_args()
    dynamodb = boto3.client("dynamodb")
    copied, had = move(dynamodb, arguments.old, arguments.new, arguments.buckets)
    print(f"{copied} copied; {had} were there.")


if __name__ == "__main__":
    main()
