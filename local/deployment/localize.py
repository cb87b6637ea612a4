"""Turn the SAM template into one that the emulator runs as AWS runs the original.

Pure functions from dict to dict. What has to change, and nothing else does:

- functions run from the working copy (`function_sources`, `package`), which has the layers' code
  too;
- state machines hold their definition, and their maps run fewer items at once;
- integrations, routes and authorizers of the HTTP API become resources (`http_api`), and it
  has another address;
- the emulator speaks plain HTTP, so nothing may insist on TLS;
- each function at work is a process, so fewer work at once; and the emulator's queue poller needs
  that number as a number, where CloudFormation hands on a parameter's text.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import PurePosixPath

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.deployment.function_sources import CodeObject, Template, run_from_source
from local.deployment.http_api import expand_http_apis, name_http_api

_RESOURCE_POLICIES = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
STATE_MACHINE = "AWS::Serverless::StateMachine"


def localize(
    template: Template,
    code: Mapping[str, CodeObject],
    definitions: Mapping[str, Template],
    *,
    region: str,
    api_id: str,
    api_url: str,
    concurrency: int,
) -> Template:
    """A SAM template as plain CloudFormation for the emulator."""
    template = run_from_source(template, code)
    template = hold_definitions(template, definitions, concurrency)
    template = translate(template, region)
    template = expand_http_apis(template, api_id)
    template = name_http_api(template, api_url)
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
                state.pop("MaxConcurrencyPath", None)
                state["MaxConcurrency"] = concurrency
        properties = template["Resources"][name]["Properties"]
        del properties["DefinitionUri"]
        properties["Definition"] = held
    return template


def translate(template: Template, region: str) -> Template:
    """SAM to CloudFormation, by AWS's own translator."""
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    result: Template = translator.translate(copy.deepcopy(template), parameter_values={})
    return result


def allow_plain_http(template: Template) -> Template:
    """Drop the policy statements that deny requests without TLS."""
    template = copy.deepcopy(template)
    resources = template["Resources"]
    for name in [n for n, r in resources.items() if r["Type"] in _RESOURCE_POLICIES]:
        policy = resources[name]["Properties"]["PolicyDocument"]
        policy["Statement"] = [
            statement
            for statement in policy["Statement"]
            if "aws:SecureTransport" not in statement.get("Condition", {}).get("Bool", {})
        ]
        if not policy["Statement"]:  # no service takes an empty policy
            del resources[name]
    return template


def limit_queue_concurrency(template: Template, concurrency: int) -> Template:
    """Let at most so many functions at once work for each queue."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if "ScalingConfig" in resource.get("Properties", {}):
            resource["Properties"]["ScalingConfig"] = {"MaximumConcurrency": concurrency}
    return template
