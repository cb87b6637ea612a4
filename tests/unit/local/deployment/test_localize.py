"""What the local stack makes of the template."""

from __future__ import annotations

import copy
import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.deployment.function_sources import (
    CodeObject,
    FunctionSource,
    function_sources,
    run_from_source,
    without_aliases,
)
from local.deployment.http_api import expand_http_apis, open_routes
from local.deployment.localize import (
    allow_plain_http,
    definition_files,
    limit_queue_concurrency,
    localize,
)
from local.settings import TEMPLATE, LocalStackError

CODE = CodeObject("code", "key.zip")


def image_function(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::Function",
        "Metadata": {"Dockerfile": "functions/classify/Dockerfile", "DockerContext": "."},
        "Properties": {
            "PackageType": "Image",
            "ImageConfig": {"Command": ["app.handle"]},
            "Timeout": 7,
            **properties,
        },
    }


def zip_function() -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": "functions/api/",
            "Handler": "app.serve",
            "Runtime": "python3.12",
            "Layers": [{"Ref": "Layer"}],
        },
    }


class TestFunctions:
    def test_sources_of_images_and_zips(self) -> None:
        template = {
            "Resources": {"Classify": image_function(), "Api": zip_function(), "B": bucket()}
        }
        assert function_sources(template) == {
            "Classify": FunctionSource(PurePosixPath("functions/classify"), "app.handle"),
            "Api": FunctionSource(PurePosixPath("functions/api"), "app.serve"),
        }

    def test_image_without_a_command_is_explained(self) -> None:
        function = image_function()
        del function["Properties"]["ImageConfig"]
        with pytest.raises(
            LocalStackError, match=r"Classify in template.yaml .*ImageConfig.Command"
        ):
            function_sources({"Resources": {"Classify": function}})

    def test_each_runs_from_its_archive(self) -> None:
        layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layers/x"}}
        functions = {"Classify": image_function(), "Api": zip_function()}
        template = {"Resources": {**functions, "Layer": layer}}
        before = copy.deepcopy(template)
        resources = run_from_source(template, {"Classify": CODE, "Api": CODE})["Resources"]
        assert template == before, "the input was changed"
        assert resources.keys() == functions.keys(), "what layers hold is on the path"
        assert resources["Classify"]["Properties"] == {
            "PackageType": "Zip",
            "Runtime": "provided.al2023",
            "Handler": "app.handle",
            "CodeUri": {"Bucket": "code", "Key": "key.zip"},
            "Timeout": 7,
        }
        assert resources["Api"]["Properties"] == {
            "PackageType": "Zip",
            "Runtime": "provided.al2023",
            "Handler": "app.serve",
            "CodeUri": {"Bucket": "code", "Key": "key.zip"},
        }


def bucket() -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {}}


def api(**body: Any) -> dict[str, Any]:
    integration = {"type": "aws_proxy", "uri": "arn:of:function", "payloadFormatVersion": "2.0"}
    operation = {"x-amazon-apigateway-integration": integration}
    return {
        "Resources": {
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Body": {
                        "openapi": "3.0.1",
                        "info": {"title": {"Ref": "AWS::StackName"}},
                        "paths": {
                            "/predict": {"post": operation},
                            "/results/{clip_id}": {
                                "get": operation | {"security": [{"Users": ["read"]}]},
                            },
                            "/any": {"x-amazon-apigateway-any-method": operation},
                        },
                        **body,
                    }
                },
            }
        }
    }


class TestHttpApi:
    def test_routes_become_resources(self) -> None:
        template = api()
        before = copy.deepcopy(template)
        resources = expand_http_apis(template, "fixed")["Resources"]
        assert template == before, "the input was changed"
        assert resources["Api"]["Properties"] == {
            "Name": {"Ref": "AWS::StackName"},
            "ProtocolType": "HTTP",
            "Tags": {"ms-custom-id": "fixed"},
        }
        routes = {
            r["Properties"]["RouteKey"]: r["Properties"]
            for r in resources.values()
            if r["Type"] == "AWS::ApiGatewayV2::Route"
        }
        assert routes.keys() == {"POST /predict", "GET /results/{clip_id}", "ANY /any"}
        assert "AuthorizationType" not in routes["POST /predict"]
        target = routes["POST /predict"]["Target"]["Fn::Sub"]
        assert target == "integrations/${ApiPostPredictIntegration}"
        assert resources["ApiPostPredictIntegration"]["Properties"] == {
            "ApiId": {"Ref": "Api"},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": "arn:of:function",
            "PayloadFormatVersion": "2.0",
        }

    def test_authorizers_become_resources(self) -> None:
        jwt = {"issuer": "https://issuer", "audience": ["earshot"]}
        scheme = {
            "type": "oauth2",
            "x-amazon-apigateway-authorizer": {
                "type": "jwt",
                "identitySource": "$request.header.Authorization",
                "jwtConfiguration": jwt,
            },
        }
        template = api(components={"securitySchemes": {"Users": scheme}})
        resources = expand_http_apis(template, "fixed")["Resources"]
        assert resources["ApiUsersAuthorizer"]["Properties"] == {
            "ApiId": {"Ref": "Api"},
            "Name": "Users",
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": "https://issuer", "Audience": ["earshot"]},
        }
        route = resources["ApiGetResultsClipIdRoute"]["Properties"]
        assert route["AuthorizerId"] == {"Ref": "ApiUsersAuthorizer"}
        assert (route["AuthorizationType"], route["AuthorizationScopes"]) == ("JWT", ["read"])

    def test_routes_without_an_authorizer_are_open(self) -> None:
        template = api(components={"securitySchemes": {}})
        paths = template["Resources"]["Api"]["Properties"]["Body"]["paths"]
        paths["/predict"]["post"]["security"] = [{"NONE": []}]
        resources = expand_http_apis(template, "fixed")["Resources"]
        assert "AuthorizationType" not in resources["ApiPostPredictRoute"]["Properties"]

    def test_cors_is_kept(self) -> None:
        cors = {"allowOrigins": ["https://ui.example"]}
        resources = expand_http_apis(api(**{"x-amazon-apigateway-cors": cors}), "x")["Resources"]
        assert resources["Api"]["Properties"]["CorsConfiguration"] == cors


def test_only_tls_is_no_longer_asked_for() -> None:
    def statement(condition: dict[str, Any]) -> dict[str, Any]:
        return {"Effect": "Deny", "Action": "s3:*", "Condition": condition}

    tls = statement({"Bool": {"aws:SecureTransport": "false"}})
    other = statement({"StringEquals": {"aws:SourceAccount": "1"}})
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "b", "PolicyDocument": {"Statement": [tls, other]}},
    }
    resources = allow_plain_http({"Resources": {"Policy": policy}})["Resources"]
    assert resources["Policy"]["Properties"]["PolicyDocument"]["Statement"] == [other]


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_a_policy_that_only_insists_on_tls_is_left_out(kind: str) -> None:
    deny = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    policy = {"Type": kind, "Properties": {"PolicyDocument": {"Statement": [deny]}}}
    assert allow_plain_http({"Resources": {"Policy": policy}})["Resources"] == {}


def test_queue_concurrency_is_a_number() -> None:
    mapping = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {"BatchSize": 5, "ScalingConfig": {"MaximumConcurrency": {"Ref": "Max"}}},
    }
    resources = limit_queue_concurrency({"Resources": {"Mapping": mapping}}, 3)["Resources"]
    expected = {"BatchSize": 5, "ScalingConfig": {"MaximumConcurrency": 3}}
    assert resources["Mapping"]["Properties"] == expected


def test_the_template_itself_keeps_all_else() -> None:
    template = yaml_parse(TEMPLATE.read_text())
    code = dict.fromkeys(function_sources(template), CODE)
    definitions = {
        name: yaml_parse((TEMPLATE.parent / file).read_text())
        for name, file in definition_files(template).items()
    }
    result = localize(
        template,
        code,
        definitions,
        region="us-east-1",
        api_id="earshot",
        api_url="http://api",
        concurrency=2,
    )
    variables = result["Resources"]["AlertFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["API_URL"] == "http://api"
    types = {resource["Type"] for resource in result["Resources"].values()}
    assert not [kind for kind in types if kind.startswith("AWS::Serverless::")]
    assert result["Outputs"].keys() == template["Outputs"].keys()
    insisting_on_tls = {
        name
        for name, resource in template["Resources"].items()
        if "aws:SecureTransport" in json.dumps(resource)
    }
    for name, resource in template["Resources"].items():
        if not resource["Type"].startswith("AWS::Serverless::") and name not in insisting_on_tls:
            assert result["Resources"][name] == resource
    function = result["Resources"]["ClassifyFunction"]["Properties"]
    assert function["Code"] == {"S3Bucket": "code", "S3Key": "key.zip"}
    machine = json.dumps(result["Resources"]["RetrainStateMachine"]["Properties"])
    assert "EmbedBatches" in machine
    written = template["Resources"]["ClassifyFunction"]["Properties"]["Environment"]["Variables"]
    assert function["Environment"]["Variables"].items() >= written.items()


def test_open_routes_ask_for_no_token() -> None:
    route = {"RouteKey": "GET /results", "AuthorizationType": "JWT", "AuthorizerId": {"Ref": "X"}}
    function = {"Environment": {"Variables": {"A": "b"}}}
    resources = {
        "R": {"Type": "AWS::ApiGatewayV2::Route", "Properties": route},
        "F": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    opened = open_routes({"Resources": resources})["Resources"]
    assert opened["R"]["Properties"] == {"RouteKey": "GET /results"}
    variables = opened["F"]["Properties"]["Environment"]["Variables"]
    assert variables == {"A": "b", "API_TOKENS": "none"}
    assert route["AuthorizationType"] == "JWT", "the template itself was changed"


def test_what_names_an_alias_names_the_function_itself():
    name = {"Fn::Sub": "${ClassifyFunction}:live"}
    arn = {"Fn::Sub": "${ClassifyFunction.Arn}:live"}
    assert without_aliases({"name": name, "arn": arn}) == {
        "name": {"Fn::Sub": "${ClassifyFunction}"},
        "arn": {"Fn::Sub": "${ClassifyFunction.Arn}"},
    }
