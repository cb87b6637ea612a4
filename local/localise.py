"""Turn the SAM template into one that the emulator runs as AWS runs the original.

Pure functions from dict to dict. What has to change, and nothing else does:

- functions run from the working copy, see `local.package`, which has the layers' code too;
- state machines hold their definition, and their maps run fewer items at once;
- the emulator ignores the OpenAPI body that SAM makes of an HTTP API's routes, so integrations,
  routes and authorizers become resources of their own;
- the emulator speaks plain HTTP, so nothing may insist on TLS;
- each function at work is a process, so fewer work at once; and the emulator's queue poller needs
  that number as a number, where CloudFormation hands on a parameter's text.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.settings import LocalStackError

Template = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"
LAYER_VERSION = "AWS::Serverless::LayerVersion"
STATE_MACHINE = "AWS::Serverless::StateMachine"
RUNTIME = "provided.al2023"

# Fixes the address of the HTTP API from one start to the next.
API_ID_TAG = "ms-custom-id"

# Of a function: what its package is made of, and versions, of which the emulator needs but one.
_ONLY_ON_AWS = (
    *("ImageConfig", "ImageUri", "Layers"),
    *("AutoPublishAlias", "ProvisionedConcurrencyConfig"),
)

# What SAM calls the absence of an authorizer.
NO_AUTHORIZER = "NONE"


@dataclass(frozen=True)
class FunctionSource:
    """Where a function's code is.

    Attributes:
        folder: holds the handler's module, relative to the repository.
        handler: as in `app.lambda_handler`.
    """

    folder: PurePosixPath
    handler: str


@dataclass(frozen=True)
class CodeObject:
    """A function's archive in S3."""

    bucket: str
    key: str


def function_sources(template: Template) -> dict[str, FunctionSource]:
    """Every function of a SAM template by logical id."""
    return {
        name: _source_of(name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == FUNCTION
    }


def localise(
    template: Template,
    code: Mapping[str, CodeObject],
    definitions: Mapping[str, Template],
    *,
    region: str,
    api_id: str,
    concurrency: int,
) -> Template:
    """A SAM template as plain CloudFormation for the emulator."""
    template = run_from_source(template, code)
    template = hold_definitions(template, definitions, concurrency)
    template = translate(template, region)
    template = expand_http_apis(template, api_id)
    template = allow_plain_http(template)
    return limit_queue_concurrency(template, concurrency)


def definition_files(template: Template) -> dict[str, PurePosixPath]:
    """Every state machine's definition by logical id, relative to the repository."""
    return {
        name: PurePosixPath(resource["Properties"]["DefinitionUri"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == STATE_MACHINE
    }


def hold_definitions(
    template: Template, definitions: Mapping[str, Template], concurrency: int
) -> Template:
    """Put the definitions into the state machines; a map works on so many items at once."""
    template = copy.deepcopy(template)
    for name, definition in definitions.items():
        held = copy.deepcopy(definition)
        for state in held["States"].values():
            if state["Type"] == "Map":
                state["MaxConcurrency"] = concurrency
        properties = template["Resources"][name]["Properties"]
        del properties["DefinitionUri"]
        properties["Definition"] = held
    return template


def run_from_source(template: Template, code: Mapping[str, CodeObject]) -> Template:
    """Make each function an archive with a `bootstrap`, whatever package it is on AWS.

    What layers hold, such functions find in the working copy.
    """
    template = copy.deepcopy(template)
    resources = template["Resources"]
    for name in [n for n, r in resources.items() if r["Type"] == LAYER_VERSION]:
        del resources[name]
    for name, source in function_sources(template).items():
        resource = template["Resources"][name]
        resource.pop("Metadata", None)
        properties = resource["Properties"]
        for key in _ONLY_ON_AWS:
            properties.pop(key, None)
        properties |= {
            "PackageType": "Zip",
            "Runtime": RUNTIME,
            "Handler": source.handler,
            "CodeUri": {"Bucket": code[name].bucket, "Key": code[name].key},
        }
    return template


def translate(template: Template, region: str) -> Template:
    """SAM to CloudFormation, by AWS's own translator."""
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    result: Template = translator.translate(copy.deepcopy(template), parameter_values={})
    return result


def expand_http_apis(template: Template, api_id: str) -> Template:
    """Replace the OpenAPI body of the template's HTTP API by the resources it stands for."""
    template = copy.deepcopy(template)
    resources = template["Resources"]
    for name in [n for n, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::Api"]:
        properties = resources[name]["Properties"]
        body = properties.pop("Body")
        properties |= {
            "Name": body["info"]["title"],
            "ProtocolType": "HTTP",
            "Tags": {API_ID_TAG: api_id},
        }
        if cors := body.get("x-amazon-apigateway-cors"):
            properties["CorsConfiguration"] = cors
        resources |= _authorizers(name, body)
        for path, operations in body["paths"].items():
            for method, operation in operations.items():
                resources |= _route(name, path, method, operation)
    return template


def allow_plain_http(template: Template) -> Template:
    """Drop the policy statements that deny requests without TLS."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::S3::BucketPolicy":
            policy = resource["Properties"]["PolicyDocument"]
            policy["Statement"] = [
                statement
                for statement in policy["Statement"]
                if "aws:SecureTransport" not in statement.get("Condition", {}).get("Bool", {})
            ]
    return template


def open_routes(template: Template) -> Template:
    """Let anyone who reaches the HTTP API use it: no route asks for a token."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            for name in ("AuthorizationType", "AuthorizerId", "AuthorizationScopes"):
                resource["Properties"].pop(name, None)
    return template


def limit_queue_concurrency(template: Template, concurrency: int) -> Template:
    """Let at most so many functions at once work for each queue."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if "ScalingConfig" in resource.get("Properties", {}):
            resource["Properties"]["ScalingConfig"] = {"MaximumConcurrency": concurrency}
    return template


def _source_of(name: str, resource: Template) -> FunctionSource:
    properties = resource["Properties"]
    try:
        if properties.get("PackageType") == "Image":
            (handler,) = properties["ImageConfig"]["Command"]
            return FunctionSource(PurePosixPath(resource["Metadata"]["Dockerfile"]).parent, handler)
        return FunctionSource(PurePosixPath(properties["CodeUri"]), properties["Handler"])
    except (KeyError, ValueError) as error:
        raise LocalStackError(
            f"{name} in template.yaml does not tell where its code is. "
            "An image needs Metadata.Dockerfile, in the folder of its handler, and "
            "ImageConfig.Command with the handler; a zip needs CodeUri and Handler."
        ) from error


def _authorizers(api: str, body: Template) -> Template:
    schemes = body.get("components", {}).get("securitySchemes", {})
    return {
        _authorizer_id(api, name): {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": {"Ref": api},
                "Name": name,
                "AuthorizerType": "JWT",
                "IdentitySource": [scheme["x-amazon-apigateway-authorizer"]["identitySource"]],
                "JwtConfiguration": {
                    key.capitalize(): value
                    for key, value in scheme["x-amazon-apigateway-authorizer"][
                        "jwtConfiguration"
                    ].items()
                },
            },
        }
        for name, scheme in schemes.items()
    }


def _route(api: str, path: str, method: str, operation: Template) -> Template:
    integration = operation["x-amazon-apigateway-integration"]
    verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
    name = api + _words(f"{verb} {path}")
    route = {
        "ApiId": {"Ref": api},
        "RouteKey": path if path == "$default" else f"{verb} {path}",
        "Target": {"Fn::Sub": f"integrations/${{{name}Integration}}"},
    }
    # SAM lists at most one authorizer for a route; an empty entry means none.
    for requirement in operation.get("security", []):
        for authorizer, scopes in requirement.items():
            if authorizer == NO_AUTHORIZER:
                continue
            route |= {
                "AuthorizationType": "JWT",
                "AuthorizerId": {"Ref": _authorizer_id(api, authorizer)},
                "AuthorizationScopes": scopes,
            }
    return {
        f"{name}Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": api},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": integration["uri"],
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            },
        },
        f"{name}Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": route},
    }


def _authorizer_id(api: str, authorizer: str) -> str:
    return f"{api}{_words(authorizer)}Authorizer"


def _words(text: str) -> str:
    """`POST /results/{clip_id}/feedback` as part of a logical id: `PostResultsClipIdFeedback`."""
    return "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", text))
