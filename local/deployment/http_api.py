"""HTTP APIs for the emulator, which ignores an API's OpenAPI body.

Integrations, routes and authorizers become resources of their own.
"""

from __future__ import annotations

import copy
import re

from earshot.http.caller import NO_TOKENS
from local.deployment.function_sources import Template

# Fixes the address of the HTTP API from one start to the next.
API_ID_TAG = "ms-custom-id"

# What SAM calls the absence of an authorizer.
NO_AUTHORIZER = "NONE"


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


def name_http_api(template: Template, url: str) -> Template:
    """Give functions that write links the address of the emulator's HTTP API."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            if "API_URL" in variables:
                variables["API_URL"] = url
    return template


def open_routes(template: Template) -> Template:
    """Let anyone who reaches the HTTP API use it: no route and no function asks for a token."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            environment = resource["Properties"].setdefault("Environment", {})
            environment.setdefault("Variables", {})["API_TOKENS"] = NO_TOKENS
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            for name in ("AuthorizationType", "AuthorizerId", "AuthorizationScopes"):
                resource["Properties"].pop(name, None)
    return template


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
