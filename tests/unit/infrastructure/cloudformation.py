"""template.yaml, seen as the CloudFormation that AWS makes of it."""

from __future__ import annotations

from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.deployment.localize import translate
from local.settings import TEMPLATE

Resource = dict[str, Any]
SAM = yaml_parse(TEMPLATE.read_text())

# Of the retraining's state machine.
EXECUTIONS = (
    "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
    ":execution:${AWS::StackName}-retrain:*"
)
# Six characters that Secrets Manager adds to the name.
LINK_KEY = (
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
    ":secret:${AWS::StackName}-link-key-??????"
)


def _cloudformation() -> dict[str, Resource]:
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if properties.get("PackageType") == "Image":
            properties["ImageUri"] = "1.dkr.ecr.eu-west-1.amazonaws.com/x"
        # What `sam package` uploads.
        for uri in {"CodeUri", "ContentUri", "DefinitionUri"} & properties.keys():
            properties[uri] = {"Bucket": "code", "Key": "key.zip"}
    resources: dict[str, Resource] = translate(template, "eu-west-1")["Resources"]
    return resources


RESOURCES = _cloudformation()


def of_type(kind: str) -> dict[str, Resource]:
    found = {
        name: resource.get("Properties", {})
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }
    assert found, f"no {kind} in the template"
    return found


def properties(name: str) -> Resource:
    found: Resource = RESOURCES[name]["Properties"]
    return found


def statements_of_roles(prefix: str = "") -> list[Resource]:
    return [
        statement
        for name, role in of_type("AWS::IAM::Role").items()
        if name.startswith(prefix)
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def allowed(function: str) -> set[tuple[str, str]]:
    """What the role of a function or state machine allows: actions, each with its resource."""
    return {
        (action, _text(resource))
        for statement in statements_of_roles(function)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def _text(resource: str | Resource) -> str:
    if isinstance(resource, str):
        return resource
    return resource.get("Fn::Sub") or resource.get("Ref") or ".".join(resource["Fn::GetAtt"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
