"""The HTTP API of template.yaml: routes, tokens, throttling, CORS."""

from __future__ import annotations

import json
import re
from typing import Any

from earshot.http.groups import SCOPES_OF_GROUPS
from earshot_api import openapi
from tests.unit.infrastructure.cloudformation import SAM, of_type, properties


def default(value: Any) -> Any:
    """A value, or the default of the parameter that it refers to."""
    return SAM["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value


class TestHttpApi:
    def test_throttled_and_logged(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        assert default(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]) > 0
        assert default(stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]) > 0
        assert stage["AccessLogSettings"]["DestinationArn"] == {
            "Fn::GetAtt": ["HttpApiLogGroup", "Arn"]
        }

    def test_what_is_dear_and_what_asks_for_no_token_has_a_limit_of_its_own(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        routes = {
            _route_key(path, method): operation
            for path, operations in api["Body"]["paths"].items()
            for method, operation in operations.items()
        }
        own = stage["RouteSettings"]
        # API Gateway refuses settings of a route that the API does not have.
        assert own.keys() <= routes.keys()
        open_to_all = {key for key, route in routes.items() if {"NONE": []} in route["security"]}
        changing = {"POST /predict", "POST /uploads", "POST /training-clips", "POST /retrain"}
        assert open_to_all | changing | {"$default"} <= own.keys()
        general = stage["DefaultRouteSettings"]
        for limits in own.values():
            rate, burst = limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]
            assert 0 < default(rate) < default(general["ThrottlingRateLimit"])
            assert default(burst) < default(general["ThrottlingBurstLimit"])
            # A route's settings replace the general ones, this among them.
            assert limits["DetailedMetricsEnabled"] == general["DetailedMetricsEnabled"]

    def test_access_log_lines_are_json(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        line = json.loads(stage["AccessLogSettings"]["Format"])
        assert line["requestId"] == "$context.requestId"

    def test_routes_ask_for_the_scopes_that_the_document_names(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        enforced = {
            (path, method): next(iter(operation["security"]))
            for path, operations in api["Body"]["paths"].items()
            for method, operation in operations.items()
        }
        assert enforced.pop(("$default", "x-amazon-apigateway-any-method")) == {"Token": []}
        assert enforced.pop(("/{proxy+}", "options")) == {"NONE": []}
        # Open routes take any method: one that is not in the document is a 405 without a token.
        by_link = ["/audio/{clip_id}", "/audio/{clip_id}/events/{event}"]
        for path in ("/health", *by_link):
            enforced[path, "get"] = enforced.pop((path, "x-amazon-apigateway-any-method"))
        documented = {
            (path, method): {"Token": operation["security"][0]["token"]}
            if "security" in operation
            else {"NONE": []}
            for path, operations in openapi.document()["paths"].items()
            for method, operation in operations.items()
        }
        assert enforced == documented
        open_to_all = [path for path, _ in enforced if enforced[path, _] == {"NONE": []}]
        # The sound of clips is open to the holder of a signed link.
        assert sorted(open_to_all) == [*by_link, "/health"]

    def test_tokens_come_from_our_user_pool_for_our_clients(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        scheme = api["Body"]["components"]["securitySchemes"]["Token"]
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        assert authorizer["identitySource"] == "$request.header.Authorization"
        assert authorizer["jwtConfiguration"]["issuer"]["Fn::Sub"].endswith("/${UserPool}")
        clients = of_type("AWS::Cognito::UserPoolClient").keys()
        condition, with_sites, without = authorizer["jwtConfiguration"]["audience"]["Fn::If"]
        assert condition == "HasSiteClients"
        assert without == [{"Ref": name} for name in clients]
        _, names = with_sites["Fn::Split"]
        assert names["Fn::Sub"].split(",") == [
            f"${{{name}}}" for name in (*clients, "SiteClientIds")
        ]

    def test_the_functions_check_tokens_and_bind_devices(self) -> None:
        for name in ("ApiFunction", "ClassifyFunction"):
            variables = properties(name)["Environment"]["Variables"]
            assert variables["CLIENTS_TABLE"] == {"Ref": "ClientsTable"}
            # People and services name any source; devices, and what is added later, do not.
            assert variables["UNBOUND_CLIENTS"] == {"Fn::Sub": "${ServiceClient},${PeopleClient}"}
            assert "API_TOKENS" not in variables

    def test_clients_get_the_scopes_they_need(self) -> None:
        clients = of_type("AWS::Cognito::UserPoolClient")
        scopes = {name: set(client["AllowedOAuthScopes"]) for name, client in clients.items()}
        (server,) = of_type("AWS::Cognito::UserPoolResourceServer").values()
        every = {f"earshot/{scope['ScopeName']}" for scope in server["Scopes"]}
        assert every == {f"earshot/{scope}" for scope in ("predict", "read", "train", "admin")}
        assert scopes["DeviceClient"] == {"earshot/predict"}
        assert scopes["ServiceClient"] == every
        # All of them: which a person has is decided by groups, in the functions.
        assert scopes["PeopleClient"] == every | {"openid", "email"}
        groups = of_type("AWS::Cognito::UserPoolGroup").values()
        assert {group["GroupName"] for group in groups} == set(SCOPES_OF_GROUPS)
        assert clients["PeopleClient"]["GenerateSecret"] is False
        for client in clients.values():
            assert "implicit" not in client["AllowedOAuthFlows"]

    def test_only_named_origins_are_let_in_and_without_credentials(self) -> None:
        (api,) = of_type("AWS::ApiGatewayV2::Api").values()
        _, cors, nothing = api["Body"]["x-amazon-apigateway-cors"]["Fn::If"]
        assert nothing == {"Ref": "AWS::NoValue"}
        parameter = SAM["Parameters"]["CorsOrigins"]
        assert cors["allowOrigins"] == {"Fn::Split": [",", parameter["Default"]]}
        assert "allowCredentials" not in cors
        assert re.fullmatch(parameter["AllowedPattern"], "https://a.example,http://localhost:1")
        for bad in ("*", "https://*.example", "https://a.example, https://b.example"):
            assert not re.fullmatch(parameter["AllowedPattern"], bad)


def _route_key(path: str, method: str) -> str:
    """`POST /predict`, as API Gateway writes it, of an OpenAPI path and method."""
    if path == "$default":
        return path
    return f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"
