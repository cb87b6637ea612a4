"""infrastructure/github-role.yaml: what may deploy, compared with what there is to deploy.

What CloudFormation needs for each kind of resource is from the resource's own schema, as AWS
publishes it (cfn-lint brings them along); what AWS's managed policies allow is from moto's copies.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from moto.iam.aws_managed_policies import aws_managed_policies_data
from samtranslator.yaml_helper import yaml_parse

from local.settings import REPOSITORY
from tests.unit.infrastructure.arns import ROLE_STACK, allows, arn_of, text
from tests.unit.infrastructure.cloudformation import RESOURCES, SAM, as_list, of_type

ROLES = yaml_parse((REPOSITORY / "infrastructure" / "github-role.yaml").read_text())["Resources"]
MANAGED = json.loads(aws_managed_policies_data)
PACKAGES = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-x/key"
SECRETS = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"  # pragma: allowlist secret
EVERYTHING = "arn:aws:unknown:eu-west-1:111122223333:of-another-name"


def policy(name: str) -> list[dict[str, Any]]:
    """Statements of a managed policy of the stack of roles."""
    found: list[dict[str, Any]] = ROLES[name]["Properties"]["PolicyDocument"]["Statement"]
    return found


MAKES = policy("MakeResources") + policy("MakeRoles")
BOUNDARY = policy("Boundary")

# What the schemas list for uses that Earshot does not make of a resource: its own keys, networks,
# file systems, imports, replicas, computers to deploy to, contributor insights, federated catalogs.
# And what IAM does not know (cfn-lint W3037): API Gateway's tags are set by PUT and POST.
NOT_USED = re.compile(
    r"kms:|ec2:|elasticfilesystem:|s3files:|s3tables:|kinesis:|firehose:|cloudfront:"
    r"|codedeploy:RegisterOnPremisesInstance$"
    r"|iam:CreateServiceLinkedRole|iam:DeleteRolePermissionsBoundary|s3:REST"
    r"|dynamodb:(\w*Replica|\w*ImportTable|\w*Item|Query|Scan|\w*ContributorInsights"
    r"|(En|Dis)ableKinesis\w*|UpdateKinesis\w*|(Put|Delete)ResourcePolicy)$"
    r"|logs:(\w*KmsKey|\w*DataProtectionPolicy|\w*IndexPolic\w*|PutBearerTokenAuthentication)$"
    r"|s3:(\w*Object\w*|\w*MetadataTable\w*|\w*MetadataJournal\w*|\w*MetadataInventory\w*"
    r"|\w*MetadataAnnotation\w*|Put(Accelerate|Analytics|IntelligentTiering|Inventory|Metrics"
    r"|Replication)Configuration)$"
    r"|lakeformation:|glue:(\w*Connection|GetSchemaVersion)$"
    r"|cognito-idp:AddCustomAttributes|apigateway:(Unt|T)agResource"
)
# Streams of a table's own, of which the table's schema speaks for a different use.
NEVER = re.compile("(?!)")
USED_ELSEWHERE = {
    "AWS::DynamoDB::Table": re.compile(r"logs:|s3:"),
    "AWS::S3::Bucket": re.compile("iam:"),
}
UNNAMED = ("AWS::ApiGatewayV2::", "AWS::Cognito::")
PARENTS = {
    "AWS::Lambda::Alias": "FunctionName",
    "AWS::Lambda::Version": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::Lambda::EventSourceMapping": "FunctionName",
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::SNS::Subscription": "TopicArn",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::SQS::QueuePolicy": "Queues",
}


def needed() -> set[tuple[str, str, str]]:
    """Logical id, action and resource of all that CloudFormation does to make the stack."""
    return {
        (name, action, _target(name, resource, action))
        for name, resource in RESOURCES.items()
        for handler, details in _handlers(resource["Type"]).items()
        if handler in {"create", "read", "update", "delete"}
        for action in details.get("permissions", [])
        if not NOT_USED.match(action)
        and not USED_ELSEWHERE.get(resource["Type"], NEVER).match(action)
    }


def _handlers(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema[
        "handlers"
    ]
    return found


def _target(name: str, resource: dict[str, Any], action: str) -> str:
    if action.lower().startswith("s3:getobject"):
        return PACKAGES
    if action.startswith("secretsmanager:") and resource["Type"] == "AWS::Events::Connection":
        connection = text(resource["Properties"]["Name"])
        return f"{SECRETS}events!connection/{connection}/1-2"
    return _target_of_kind(name, resource, action)


def _target_of_kind(name: str, resource: dict[str, Any], action: str) -> str:
    if action.startswith("codedeploy:"):
        return _target_of_deployment(name, resource, action)
    if action.startswith("iam:"):
        is_role = resource["Type"] == "AWS::IAM::Role"
        return (is_role and arn_of(name)) or "arn:aws:iam::111122223333:role/earshot-dev-x"
    if "EventSourceMapping" in action:
        return "arn:aws:lambda:eu-west-1:111122223333:event-source-mapping:1-2-3"
    kind = resource["Type"]
    if kind.startswith(UNNAMED) or re.match(
        "logs:.*(LogDelivery|ResourcePolic|DescribeLogGroups)", action
    ):
        return EVERYTHING
    if parent := PARENTS.get(kind):
        (reference,) = as_list(resource["Properties"][parent])
        logical_id = next(iter(re.findall(r"Ref': '(\w+)|GetAtt': \['(\w+)", str(reference))))
        return _named("".join(logical_id))
    return _named(name)


def _target_of_deployment(name: str, resource: dict[str, Any], action: str) -> str:
    """As CodeDeploy's permissions reference says which action is about which resource."""
    if action == "codedeploy:GetDeploymentConfig":
        config = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        return f"arn:aws:codedeploy:eu-west-1:111122223333:deploymentconfig:{config}"
    if "ApplicationRevision" in action:
        return _named("ServerlessDeploymentApplication")
    if resource["Type"] == "AWS::Lambda::Alias":
        return _named(f"{resource['Properties']['FunctionName']['Ref']}DeploymentGroup")
    return _named(name)


def _named(name: str) -> str:
    resource = RESOURCES[name]
    if resource["Type"] == "AWS::Lambda::Alias":
        return _named(resource["Properties"]["FunctionName"]["Ref"])
    found = arn_of(name)
    assert found, f"{name}: of what name is a {resource['Type']}?"
    # Versions and streams are named below their resource.
    return f"{found}:1" if resource["Type"] == "AWS::Lambda::LayerVersion" else found


def test_cloudformation_may_make_each_resource_of_the_template() -> None:
    missing = {
        (name, action, target)
        for name, action, target in needed()
        if not allows(MAKES, action, target)
    }
    assert missing == set()


def test_the_layer_bears_the_stacks_name() -> None:
    (layer,) = of_type("AWS::Lambda::LayerVersion")
    assert arn_of(layer) == "arn:aws:lambda:eu-west-1:111122223333:layer:earshot-dev-earshot"
    assert (layer, "lambda:PublishLayerVersion", f"{arn_of(layer)}:1") in needed()


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateRole", "arn:aws:iam::111122223333:role/admin"),
        ("iam:PutRolePolicy", f"arn:aws:iam::111122223333:role/{ROLE_STACK}-CloudFormationRole-X"),
        ("iam:AttachRolePolicy", f"arn:aws:iam::111122223333:role/{ROLE_STACK}-DeployRole-X"),
        ("iam:PassRole", f"arn:aws:iam::111122223333:role/{ROLE_STACK}-CloudFormationRole-X"),
        ("iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/earshot-dev-boundary"),
        ("iam:DeleteRolePermissionsBoundary", "arn:aws:iam::111122223333:role/earshot-dev-x"),
        ("iam:CreateUser", "arn:aws:iam::111122223333:user/earshot-dev-x"),
        ("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:111122223333:function:payroll"),
        (
            "lambda:UpdateFunctionCode",
            "arn:aws:lambda:eu-west-1:111122223333:function:earshot-prod-x",
        ),
        ("s3:GetObject", "arn:aws:s3:::earshot-dev-uploads-1/incoming/a.wav"),
        (
            "dynamodb:Scan",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/earshot-dev-ClipResultsTable-X",
        ),
    ],
)
def test_cloudformation_may_do_nothing_else(action: str, resource: str) -> None:
    assert not allows(MAKES, action, resource)


def test_roles_are_made_within_the_boundary_and_keep_it() -> None:
    powerful = {"CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary"}
    for statement in MAKES:
        if statement["Effect"] == "Allow" and any(
            action.removeprefix("iam:") in powerful for action in as_list(statement["Action"])
        ):
            assert statement["Condition"]["StringEquals"] == {
                "iam:PermissionsBoundary": {"Ref": "Boundary"}
            }
    (denied,) = (s for s in MAKES if s["Sid"] == "NeverWithoutTheBoundary")
    assert (denied["Effect"], denied["Resource"]) == ("Deny", "*")


def test_every_role_of_the_template_takes_a_boundary() -> None:
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundary}"}
    for name, role in of_type("AWS::IAM::Role").items():
        boundary = {"Fn::If": ["HasPermissionsBoundary", arn, {"Ref": "AWS::NoValue"}]}
        assert role["PermissionsBoundary"] == boundary, name
    assert SAM["Parameters"]["PermissionsBoundary"]["Default"] == ""
    name = ROLES["Boundary"]["Properties"]["ManagedPolicyName"]
    assert text(name, ROLE_STACK) == "earshot-dev-boundary"


def test_the_boundary_lets_each_role_do_its_work() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        own = [s for p in role.get("Policies", []) for s in p["PolicyDocument"]["Statement"]]
        for statement in own:
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    assert allows(BOUNDARY, action, text(resource)), (name, action, text(resource))


def test_the_boundary_lets_sams_policies_work_on_the_stacks_resources() -> None:
    streams = f"{arn_of('ClipResultsTable')}/stream/2026"
    targets = {"sqs": arn_of("UploadsQueue"), "dynamodb": streams}
    for arn in attached():
        for statement in MANAGED[arn.rpartition("/")[2]]["Document"]["Statement"]:
            for action in as_list(statement["Action"]):
                target = targets.get(action.partition(":")[0], "*") or ""
                assert allows(BOUNDARY, action, target), (arn, action)


def attached() -> set[str]:
    """ARNs of the managed policies that SAM attaches to the template's roles."""
    return {
        arn for r in of_type("AWS::IAM::Role").values() for arn in r.get("ManagedPolicyArns", [])
    }


def test_only_what_sam_attaches_may_be_attached() -> None:
    (statement,) = (s for s in MAKES if s["Action"] == "iam:AttachRolePolicy")
    allowed = {
        text(arn, ROLE_STACK) for arn in statement["Condition"]["ArnEquals"]["iam:PolicyARN"]
    }
    assert allowed == attached()


@pytest.mark.parametrize("service", ["iam", "sts", "organizations", "ec2", "cloudformation"])
def test_the_boundary_knows_no_other_service(service: str) -> None:
    for statement in BOUNDARY:
        for action in as_list(statement["Action"]):
            assert action != "*"
            assert action.partition(":")[0] != service


def test_github_asks_for_changes_of_one_stack() -> None:
    (inline,) = ROLES["DeployRole"]["Properties"]["Policies"]
    statements = inline["PolicyDocument"]["Statement"]
    ours = "arn:aws:cloudformation:eu-west-1:111122223333:stack/{}/1"
    for stack, may in (("earshot-dev", True), (ROLE_STACK, False), ("earshot-prod", False)):
        change = allows(statements, "cloudformation:ExecuteChangeSet", ours.format(stack))
        assert change is may, stack
    assert allows(
        statements,
        "cloudformation:UpdateStack",
        ours.format("earshot-dev-0a1b2c3d-CompanionStack"),
    )
    assert not allows(statements, "cloudformation:UpdateStack", ours.format("earshot-dev"))
