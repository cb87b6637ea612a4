"""Alerts at AWS: cooldowns in DynamoDB, the topic in SNS."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from earshot.alerts.alert import Alert, to_json
from earshot.aws.errors import unavailable_on_failure
from earshot.times import format_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient


class CooldownsTable:
    """One row for each subject that is cooling down.

    DynamoDB deletes expired rows some time later; the conditions do not rely on it.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def claim(self, subject: str, clip_id: str, now: datetime, cooldown: timedelta) -> bool:
        """Begin a cooldown for this clip unless one runs.

        True for the clip that began it, also when it asks again, until `confirm`.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        with unavailable_on_failure("The table of cooldowns"):
            try:
                self._dynamodb.put_item(
                    TableName=self._name,
                    Item={
                        "subject": {"S": subject},
                        "clip_id": {"S": clip_id},
                        "expires_at": {"N": str(int((now + cooldown).timestamp()))},
                    },
                    ConditionExpression=(
                        "attribute_not_exists(subject) OR expires_at <= :now "
                        "OR (clip_id = :clip AND attribute_not_exists(alerted))"
                    ),
                    ExpressionAttributeValues={
                        ":now": {"N": str(int(now.timestamp()))},
                        ":clip": {"S": clip_id},
                    },
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def confirm(self, subject: str, clip_id: str) -> None:
        """Record that the alert about this clip was sent. Raises `UnavailableError`."""
        with unavailable_on_failure("The table of cooldowns"):
            self._dynamodb.update_item(
                TableName=self._name,
                Key={"subject": {"S": subject}},
                UpdateExpression="SET alerted = :yes",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )


class AlertTopic:
    """An SNS topic: JSON for programs, a few lines of text for e-mail.

    Label, source and confidence are message attributes too, so that a subscription can filter.
    """

    def __init__(self, sns: SNSClient, arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, alert: Alert) -> None:
        """Send an alert. Raises `UnavailableError`."""
        with unavailable_on_failure("The topic of alerts"):
            self._sns.publish(
                TopicArn=self._arn,
                Subject=f"Earshot: {alert.label}",
                MessageStructure="json",
                Message=json.dumps({"default": json.dumps(to_json(alert)), "email": _mail(alert)}),
                MessageAttributes={
                    "label": {"DataType": "String", "StringValue": str(alert.label)},
                    "source": {"DataType": "String", "StringValue": alert.source},
                    "confidence": {"DataType": "Number", "StringValue": str(alert.confidence)},
                },
            )


def _mail(alert: Alert) -> str:
    lines = [
        f"{alert.label.capitalize()} at {alert.source}, confidence {alert.confidence:.0%}, "
        f"{format_time(alert.timestamp)}.",
        f"Clip {alert.clip_id}",
    ]
    if alert.clip_url:
        lines.append(f"Listen within the hour: {alert.clip_url}")
    return "\n".join(lines)
