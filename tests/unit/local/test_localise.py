"""What the local stack makes of the template and of the functions' code."""

from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from samtranslator.yaml_helper import yaml_parse

from local.deploy import apply_template
from local.localise import (
    CodeObject,
    FunctionSource,
    allow_plain_http,
    definition_files,
    expand_http_apis,
    function_sources,
    limit_queue_concurrency,
    localise,
    open_routes,
    run_from_source,
)
from local.package import archive, bootstrap, hash_source
from local.process import emulator_environment, find
from local.settings import TEMPLATE, LocalStackError, Settings

CODE = CodeObject("code", "key.zip")


def image_function(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::Function",
        "Metadata": {"Dockerfile": "functions/hear/Dockerfile", "DockerContext": "."},
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
        template = {"Resources": {"Hear": image_function(), "Api": zip_function(), "B": bucket()}}
        assert function_sources(template) == {
            "Hear": FunctionSource(PurePosixPath("functions/hear"), "app.handle"),
            "Api": FunctionSource(PurePosixPath("functions/api"), "app.serve"),
        }

    def test_image_without_a_command_is_explained(self) -> None:
        function = image_function()
        del function["Properties"]["ImageConfig"]
        with pytest.raises(LocalStackError, match=r"Hear in template.yaml .*ImageConfig.Command"):
            function_sources({"Resources": {"Hear": function}})

    def test_each_runs_from_its_archive(self) -> None:
        layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layers/x"}}
        functions = {"Hear": image_function(), "Api": zip_function()}
        template = {"Resources": {**functions, "Layer": layer}}
        before = copy.deepcopy(template)
        resources = run_from_source(template, {"Hear": CODE, "Api": CODE})["Resources"]
        assert template == before, "the input was changed"
        assert resources.keys() == functions.keys(), "what layers hold is on the path"
        assert resources["Hear"]["Properties"] == {
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
    result = localise(
        template, code, definitions, region="us-east-1", api_id="earshot", concurrency=2
    )
    types = {resource["Type"] for resource in result["Resources"].values()}
    assert not [kind for kind in types if kind.startswith("AWS::Serverless::")]
    assert result["Outputs"].keys() == template["Outputs"].keys()
    for name, resource in template["Resources"].items():
        if not resource["Type"].startswith(("AWS::Serverless::", "AWS::S3::BucketPolicy")):
            assert result["Resources"][name] == resource
    function = result["Resources"]["ClassifyFunction"]["Properties"]
    assert function["Code"] == {"S3Bucket": "code", "S3Key": "key.zip"}
    machine = json.dumps(result["Resources"]["RetrainStateMachine"]["Properties"])
    assert "EmbedBatches" in machine
    written = template["Resources"]["ClassifyFunction"]["Properties"]["Environment"]["Variables"]
    assert function["Environment"]["Variables"].items() >= written.items()


class TestPackage:
    def test_bootstrap_starts_the_handler_with_its_environment(self, tmp_path: Path) -> None:
        # A stand-in for Python that tells how it was started.
        python = tmp_path / "a python"
        python.write_text('#!/bin/sh\necho "$@" "$YAMNET_DIR"\n')
        python.chmod(0o755)
        folder = "/somewhere with 'quotes' & $signs"
        script = bootstrap(str(python), {"YAMNET_DIR": folder}, "0" * 64)
        with zipfile.ZipFile(io.BytesIO(archive(script))) as file:
            (entry,) = file.infolist()
            assert entry.filename == "bootstrap"
            assert entry.external_attr >> 16 & 0o111, "not executable"
            (tmp_path / "bootstrap").write_bytes(file.read(entry))
        run = subprocess.run(
            ["/bin/sh", tmp_path / "bootstrap"],
            env={"_HANDLER": "app.lambda_handler"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout == f"-m awslambdaric app.lambda_handler {folder}\n"

    def test_same_source_gives_same_bytes(self) -> None:
        assert archive(bootstrap("p", {}, "1")) == archive(bootstrap("p", {}, "1"))
        assert archive(bootstrap("p", {}, "1")) != archive(bootstrap("p", {}, "2"))

    def test_hash_follows_names_and_contents(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text("1")
        first = hash_source([tmp_path])
        assert hash_source([tmp_path]) == first
        (tmp_path / "app.py").write_text("2")
        changed = hash_source([tmp_path])
        (tmp_path / "app.py").rename(tmp_path / "app2.py")
        renamed = hash_source([tmp_path])
        (tmp_path / "notes.txt").write_text("not code")
        assert hash_source([tmp_path]) == renamed
        assert len({first, changed, renamed}) == 3


TEMPLATE_URL = "http://127.0.0.1:4566/code/template.json"


class TestApply:
    """The template meets CloudFormation, played by botocore's stubber."""

    @pytest.fixture
    def stubber(self) -> Iterator[Stubber]:
        client = boto3.client("cloudformation")
        with Stubber(client) as stubber:
            stubber.add_response("describe_stacks", {"Stacks": []})
            yield stubber

    def test_nothing_to_update_is_no_failure(self, stubber: Stubber) -> None:
        stubber.add_client_error(
            "update_stack", "ValidationError", "No updates are to be performed."
        )
        assert apply_template(stubber.client, TEMPLATE_URL) is False

    def test_refusal_is_explained(self, stubber: Stubber) -> None:
        stubber.add_client_error("update_stack", "ValidationError", "Unresolved resource")
        with pytest.raises(LocalStackError, match=r"template\.yaml: Unresolved resource"):
            apply_template(stubber.client, TEMPLATE_URL)

    def test_failed_resources_are_named(self, stubber: Stubber) -> None:
        stack = {
            "StackName": "earshot-local",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "StackStatus": "UPDATE_ROLLBACK_COMPLETE",
        }
        event = {
            "StackId": "1",
            "EventId": "1",
            "StackName": "earshot-local",
            "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
            "LogicalResourceId": "UploadsQueue",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "no such attribute",
        }
        stubber.add_response("update_stack", {})
        stubber.add_response("describe_stacks", {"Stacks": [stack]})
        stubber.add_response("describe_stack_events", {"StackEvents": [event]})
        with pytest.raises(LocalStackError, match="UploadsQueue: no such attribute"):
            apply_template(stubber.client, TEMPLATE_URL)


class TestSettings:
    @pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "4566.0"])
    def test_bad_port_is_explained(self, port: str) -> None:
        with pytest.raises(LocalStackError, match="PORT"):
            Settings.from_environment({"PORT": port})

    def test_defaults(self) -> None:
        settings = Settings.from_environment({})
        assert (settings.port, settings.folder) == (4566, TEMPLATE.parent / ".local")
        assert settings.model == TEMPLATE.parent / "models" / "v1"
        assert not settings.asks_for_tokens

    def test_tokens_are_on_or_off(self) -> None:
        assert Settings.from_environment({"TOKENS": "on"}).asks_for_tokens
        with pytest.raises(LocalStackError, match="on or off"):
            Settings.from_environment({"TOKENS": "yes"})

    def test_environment_counts(self, tmp_path: Path) -> None:
        settings = Settings.from_environment({"PORT": "81", "EARSHOT_LOCAL_DIR": str(tmp_path)})
        assert (settings.endpoint, settings.folder) == ("http://127.0.0.1:81", tmp_path)

    def test_emulator_sees_little_of_the_user(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "MINISTACK_HOST", "GITHUB_TOKEN"):
            monkeypatch.setenv(name, "the user's own")
        environment = emulator_environment(Settings(port=81, folder=tmp_path))
        assert "the user's own" not in environment.values()
        assert environment["BIND_HOST"] == "127.0.0.1"
        assert environment["AUTH"] == "true"
        assert environment["PATH"] == os.environ["PATH"]


class TestFind:
    """`down` ends what the pid file names, so the file is not believed blindly."""

    @pytest.mark.parametrize("content", ["", "not json", "[]", '{"pid": 1}'])
    def test_spoilt_pid_file_names_nobody(self, tmp_path: Path, content: str) -> None:
        settings = Settings(port=81, folder=tmp_path)
        settings.pid_file.write_text(content)
        assert find(settings) is None

    def test_no_pid_file_names_nobody(self, tmp_path: Path) -> None:
        assert find(Settings(port=81, folder=tmp_path)) is None

    def test_another_process_with_that_pid_is_left_alone(self, tmp_path: Path) -> None:
        settings = Settings(port=81, folder=tmp_path)
        own = {"pid": os.getpid(), "started": 1.0, "port": 81}
        settings.pid_file.write_text(json.dumps(own))
        assert find(settings) is None

    def test_finished_process_is_not_found(self, tmp_path: Path) -> None:
        finished = subprocess.Popen([sys.executable, "-c", ""])
        finished.wait()
        settings = Settings(port=81, folder=tmp_path)
        settings.pid_file.write_text(json.dumps({"pid": finished.pid, "started": 1.0, "port": 81}))
        assert find(settings) is None


def test_open_routes_ask_for_no_token() -> None:
    route = {"RouteKey": "GET /results", "AuthorizationType": "JWT", "AuthorizerId": {"Ref": "X"}}
    resources = {"R": {"Type": "AWS::ApiGatewayV2::Route", "Properties": route}}
    opened = open_routes({"Resources": resources})["Resources"]["R"]["Properties"]
    assert opened == {"RouteKey": "GET /results"}
    assert route["AuthorizationType"] == "JWT", "the template itself was changed"
