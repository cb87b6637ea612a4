"""What the emulator lacks, and `local` makes up for."""

from __future__ import annotations

import json

import pytest

from tests.stack import LocalStack


@pytest.fixture(scope="module")
def plain_stack(local_stack: LocalStack) -> dict[str, str]:
    template = {
        "Resources": {
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Body": {
                        "openapi": "3.0.1",
                        "info": {"title": "plain", "version": "1"},
                        "paths": {"/predict": {"post": {}}},
                    }
                },
            },
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "TimeToLiveSpecification": {"AttributeName": "end", "Enabled": True},
                },
            },
        },
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}, "Table": {"Value": {"Ref": "Table"}}},
    }
    cloudformation = local_stack.client("cloudformation")
    cloudformation.create_stack(StackName="plain", TemplateBody=json.dumps(template))
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName="plain", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    (stack,) = cloudformation.describe_stacks(StackName="plain")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


class TestEmulator:
    """What `local` makes up for. When one of these fails, ministack does it by itself: use that."""

    def test_ignores_the_body_of_an_api(
        self, local_stack: LocalStack, plain_stack: dict[str, str]
    ) -> None:
        gateway = local_stack.client("apigatewayv2")
        assert gateway.get_routes(ApiId=plain_stack["Api"])["Items"] == []

    def test_ignores_time_to_live(
        self, local_stack: LocalStack, plain_stack: dict[str, str]
    ) -> None:
        dynamodb = local_stack.client("dynamodb")
        state = dynamodb.describe_time_to_live(TableName=plain_stack["Table"])
        assert state["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
