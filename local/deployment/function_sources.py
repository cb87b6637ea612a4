"""Run the template's functions from the working copy, whatever package they are on AWS."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from local.settings import LocalStackError

Template = dict[str, Any]
FUNCTION = "AWS::Serverless::Function"
LAYER_VERSION = "AWS::Serverless::LayerVersion"
RUNTIME = "provided.al2023"
ALIAS = "live"

# Of a function: what its package is made of, and versions, of which the emulator needs but one.
_ONLY_ON_AWS = (
    *("ImageConfig", "ImageUri", "Layers"),
    *("AutoPublishAlias", "DeploymentPreference", "ProvisionedConcurrencyConfig", "SnapStart"),
)


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
    return without_aliases(template)


def without_aliases(template: Template) -> Template:
    """Let what names an alias, such as ``${ClassifyFunction}:live``, name the function itself."""
    changed: Template = json.loads(json.dumps(template).replace(f"}}:{ALIAS}", "}"))
    return changed


def _source_of(name: str, resource: Template) -> FunctionSource:
    properties = resource["Properties"]
    try:
        if properties.get("PackageType") == "Image":
            (handler,) = properties["ImageConfig"]["Command"]
            return FunctionSource(PurePosixPath(resource["Metadata"]["Dockerfile"]).parent, handler)
        return FunctionSource(PurePosixPath(properties["CodeUri"]), properties["Handler"])
    except (KeyError, ValueError) as error:
        raise LocalStackError(
            f"{name} in template.yaml does not say where its code is. "
            "An image needs Metadata.Dockerfile, in the folder of its handler, and "
            "ImageConfig.Command with the handler; a zip needs CodeUri and Handler."
        ) from error
