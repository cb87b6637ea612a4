"""ARNs of the resources of a stack ``earshot-dev``, and what policies allow on them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from tests.unit.infrastructure.cloudformation import RESOURCES, as_list

STACK = "earshot-dev"
ROLE_STACK = "earshot-github"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
    "Stage": "dev",
}

# What CloudFormation calls a resource without a name of its own: stack, logical id, random suffix.
_OWN = "earshot-dev-{name}-1A2B3C4D5E6F"
_ARNS = {
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:" + _OWN,
    "AWS::CloudWatch::Dashboard": "arn:aws:cloudwatch::111122223333:dashboard/{own_name}",
    "AWS::CodeDeploy::Application": "arn:aws:codedeploy:eu-west-1:111122223333:application:" + _OWN,
    "AWS::CodeDeploy::DeploymentGroup": (
        "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:"
        "earshot-dev-ServerlessDeploymentApplication-1A2B3C/" + _OWN
    ),
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:eu-west-1:111122223333:table/" + _OWN,
    "AWS::Glue::Database": "arn:aws:glue:eu-west-1:111122223333:database/earshot_dev",
    "AWS::Glue::Table": "arn:aws:glue:eu-west-1:111122223333:table/earshot_dev/archive_results",
    "AWS::Events::ApiDestination": (
        "arn:aws:events:eu-west-1:111122223333:api-destination/{own_name}/1-2"
    ),
    "AWS::Events::Connection": "arn:aws:events:eu-west-1:111122223333:connection/{own_name}/1-2",
    "AWS::Events::Rule": "arn:aws:events:eu-west-1:111122223333:rule/earshot-dev/" + _OWN,
    "AWS::Events::EventBus": "arn:aws:events:eu-west-1:111122223333:event-bus/{own_name}",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/" + _OWN,
    "AWS::Lambda::Function": "arn:aws:lambda:eu-west-1:111122223333:function:" + _OWN,
    "AWS::Lambda::LayerVersion": "arn:aws:lambda:eu-west-1:111122223333:layer:{own_name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:eu-west-1:111122223333:log-group:{own_name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{own_name}",
    "AWS::SecretsManager::Secret": (
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:{own_name}-1A2B3C"
    ),
    "AWS::SNS::Topic": "arn:aws:sns:eu-west-1:111122223333:" + _OWN,
    "AWS::SQS::Queue": "arn:aws:sqs:eu-west-1:111122223333:" + _OWN,
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/" + _OWN,
    "AWS::StepFunctions::StateMachine": (
        "arn:aws:states:eu-west-1:111122223333:stateMachine:{own_name}"
    ),
}
_NAMES = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::ApiDestination": "Name",
    "AWS::Events::Connection": "Name",
    "AWS::Events::EventBus": "Name",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",  # pragma: allowlist secret
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}


def arn_of(logical_id: str) -> str | None:
    """ARN of a resource of the template; None for a kind that has none of the stack's name."""
    resource = RESOURCES[logical_id]
    pattern = _ARNS.get(resource["Type"])
    if pattern is None:
        return None
    name = resource.get("Properties", {}).get(_NAMES.get(resource["Type"], ""))
    own_name = text(name) if name else f"earshot-dev-{logical_id.lower()}-1a2b3c4d5e6f"
    return pattern.format(name=logical_id, own_name=own_name)


def text(value: Any, stack: str = STACK) -> str:
    """What a string, `Ref`, `Fn::GetAtt` or `Fn::Sub` of the template comes to.

    A role's own stack has other resources; of those it gives the logical id.
    """
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return _reference(value["Ref"], stack)
    if "Fn::GetAtt" in value:
        return _reference(value["Fn::GetAtt"][0], stack)
    return re.sub(
        r"\$\{([^}]+)\}",
        lambda match: _reference(match[1].removesuffix(".Arn"), stack),
        value["Fn::Sub"],
    )


def _reference(name: str, stack: str) -> str:
    if name == "AWS::StackName":
        return stack
    if name in PSEUDO:
        return PSEUDO[name]
    return (arn_of(name) if name in RESOURCES else None) or name


def allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether statements allow an action on a resource, conditions aside."""

    def matches(statement: dict[str, Any], effect: str) -> bool:
        return (
            statement["Effect"] == effect
            and any(
                fnmatchcase(action.lower(), pattern.lower())
                for pattern in as_list(statement["Action"])
            )
            and any(
                fnmatchcase(resource, text(pattern, ROLE_STACK))
                for pattern in as_list(statement["Resource"])
            )
        )

    return any(matches(s, "Allow") for s in statements) and not any(
        matches(s, "Deny") for s in statements
    )
