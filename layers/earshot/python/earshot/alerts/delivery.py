"""Alerts at AWS: cooldowns in DynamoDB, the topic in SNS."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.alerts.alert import Alert, for_message, to_json
from earshot.alerts.service import Decision
from earshot.alerts.source_alert import SourceAlert
from earshot.aws.errors import unavailable_on_failure
from earshot.labels import Label
from earshot.times import format_time, parse_time, shown
from earshot.uploads.objects import clean_source

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient

# A stream keeps its records for 24 hours: until then a result may be considered again.
DECISION_LIFETIME = timedelta(days=2)


class AlertClaims:
    """What was decided about each clip and label, and which cooldowns run.

    Both are rows of one table, and all of them expire. DynamoDB deletes expired rows some time
    later; the conditions do not rely on it.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def decision(self, clip_id: str, label: Label) -> Decision | None:
        """What was decided about a clip's label; None so far. Raises `UnavailableError`."""
        with unavailable_on_failure("The table of cooldowns"):
            found = self._dynamodb.get_item(
                TableName=self._name,
                Key={"subject": {"S": _decision(clip_id, label)}},
                ConsistentRead=True,
            )
        if "Item" not in found:
            return None
        sent_at = found["Item"].get("sent_at")
        on_bus = found["Item"].get("on_bus", {"BOOL": True})  # decisions of before there was one
        return Decision(parse_time(sent_at["S"]) if sent_at else None, on_bus["BOOL"])

    def decide(self, clip_id: str, label: Label, decision: Decision, now: datetime) -> None:
        """Keep a decision. Raises `UnavailableError`."""
        sent_at = {"sent_at": {"S": format_time(decision.sent_at)}} if decision.sent_at else {}
        with unavailable_on_failure("The table of cooldowns"):
            self._dynamodb.put_item(
                TableName=self._name,
                Item={
                    "subject": {"S": _decision(clip_id, label)},
                    **sent_at,
                    "on_bus": {"BOOL": decision.on_bus},
                    "expires_at": _seconds(now + DECISION_LIFETIME),
                },
            )

    def begin_cooldown(
        self, label: Label, source: str, clip_id: str, now: datetime, cooldown: timedelta
    ) -> bool:
        """Begin a cooldown for this clip; False if one of another clip runs.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        with unavailable_on_failure("The table of cooldowns"):
            try:
                self._dynamodb.put_item(
                    TableName=self._name,
                    Item={
                        "subject": {"S": _cooldown(label, source)},
                        "clip_id": {"S": clip_id},
                        "expires_at": _expiry(now, cooldown),
                    },
                    ConditionExpression=(
                        "attribute_not_exists(subject) OR expires_at <= :now OR clip_id = :clip"
                    ),
                    ExpressionAttributeValues={":now": _seconds(now), ":clip": {"S": clip_id}},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def release_cooldown(self, label: Label, source: str, clip_id: str) -> None:
        """End the cooldown that this clip began. Raises `UnavailableError`."""
        with unavailable_on_failure("The table of cooldowns"):
            try:
                self._dynamodb.delete_item(
                    TableName=self._name,
                    Key={"subject": {"S": _cooldown(label, source)}},
                    ConditionExpression="clip_id = :clip",
                    ExpressionAttributeValues={":clip": {"S": clip_id}},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise


def _decision(clip_id: str, label: Label) -> str:
    return f"clip#{clip_id}#{label}"


def _cooldown(label: Label, source: str) -> str:
    return f"{label}#{source}"


def _expiry(now: datetime, cooldown: timedelta) -> dict[str, str]:
    """Rounded up: cut off, a cooldown would be up to a second too short. None ends at once."""
    return {"N": str(ceil((now + cooldown).timestamp()))} if cooldown else _seconds(now)


def _seconds(time: datetime) -> dict[str, str]:
    return {"N": str(int(time.timestamp()))}


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
                Message=json.dumps(
                    {"default": json.dumps(to_json(for_message(alert))), "email": _mail(alert)}
                ),
                MessageAttributes={
                    "label": {"DataType": "String", "StringValue": str(alert.label)},
                    "source": {"DataType": "String", "StringValue": alert.source},
                    "confidence": {"DataType": "Number", "StringValue": str(alert.confidence)},
                    **_addressed(alert.addressees),
                },
            )

    def publish_source(self, alert: SourceAlert) -> None:
        """Send an alert about a source itself. Raises `UnavailableError`."""
        mail = alert.text()
        with unavailable_on_failure("The topic of alerts"):
            self._sns.publish(
                TopicArn=self._arn,
                Subject=f"Earshot: {'' if not alert.over else 'no longer '}{alert.fault}",
                MessageStructure="json",
                Message=json.dumps({"default": json.dumps(alert.to_json()), "email": mail}),
                MessageAttributes={
                    "kind": {"DataType": "String", "StringValue": alert.kind},
                    "source": {"DataType": "String", "StringValue": alert.source.source},
                    "fault": {"DataType": "String", "StringValue": alert.fault},
                    **_addressed(alert.source.settings.addressees),
                },
            )

    def publish_digest(self, document: Mapping[str, Any], text: str) -> None:
        """Send a digest. Raises `UnavailableError`."""
        with unavailable_on_failure("The topic of alerts"):
            self._sns.publish(
                TopicArn=self._arn,
                Subject=f"Earshot: {document['count']} alerts that could wait",
                MessageStructure="json",
                Message=json.dumps({"default": json.dumps(document), "email": text}),
                MessageAttributes={"kind": {"DataType": "String", "StringValue": "digest"}},
            )


def _addressed(addressees: Sequence[str]) -> dict[str, Any]:
    """Attribute by which a subscription asks for what is meant for somebody."""
    if not addressees:
        return {}
    return {"addressees": {"DataType": "String.Array", "StringValue": json.dumps(addressees)}}


def _mail(alert: Alert) -> str:
    # Rows of earlier versions may hold a source with line ends, which would look like our own text.
    source = clean_source(alert.source)
    where = f"{source} ({alert.place})" if alert.place else source
    lines = [
        f"{alert.label.capitalize()} at {where}, confidence {alert.confidence:.0%}, "
        f"{shown(alert.happened_at, alert.time_zone or 'UTC')}.",
        f"Clip {alert.clip_id}",
    ]
    if alert.event_url:
        lines.append(f"Listen: {alert.event_url}")
    if alert.clip_url:
        lines.append(f"The whole clip: {alert.clip_url}")
    if alert.page_url:
        lines.append(f"Confirm or correct it: {alert.page_url}")
    return "\n".join(lines)
