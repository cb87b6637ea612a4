"""What the API itself checks of a request, whatever the gateway let through."""

from __future__ import annotations

from typing import Any

import pytest

from earshot.access.sources import Binding, SourcePolicy
from earshot_api import openapi
from tests.unit.api.calls import authorizer, call, content, machine, post_files, problem
from tests.unit.api.fake_services import CLIP_ID, RUN
from tests.unit.sample_results import NOON

PLACES = {
    "clip_id": CLIP_ID,
    "run": RUN,
    "version": "v2",
    "client_id": "c1",
    "source": "gate",
    "event": "1.wav",
}
GUARDED = [
    (method.upper(), path.format(**PLACES), operation["security"][0]["token"][0])
    for path, operations in openapi.document()["paths"].items()
    for method, operation in operations.items()
    if operation.get("security") and path != "/predict"
]
ALL_SCOPES = ["earshot/predict", "earshot/read", "earshot/train", "earshot/admin"]


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_a_token_without_the_scope_gets_403(services, method, path, scope):
    others = " ".join(one for one in ALL_SCOPES if one != scope)
    answer = call(method, path, authorizer=machine(others))
    assert problem(answer, 403)["detail"] == f"The token lacks the scope {scope}."
    assert scope in problem(call(method, path, authorizer=authorizer(others)), 403)["detail"]
    assert services.asked == []


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_a_person_may_do_what_their_groups_may(services, method, path, scope):
    """Their token itself has all scopes, as everybody's who signs in by the same program."""
    allowed = {
        "earshot/read": {"[viewer]", "[trainer]", "[admin]", "[viewer admin]"},
        "earshot/predict": {"[trainer]", "[admin]", "[viewer admin]"},
        "earshot/train": {"[trainer]", "[admin]", "[viewer admin]"},
        "earshot/admin": {"[admin]", "[viewer admin]"},
    }[scope]
    for groups in ("[viewer]", "[trainer]", "[admin]", "[viewer admin]", "[]", "[x,admin]", None):
        answer = call(method, path, authorizer=authorizer(groups=groups))
        assert (answer["statusCode"] != 403) is (groups in allowed), groups


def test_an_administrators_token_that_was_issued_for_less_does_less(services):
    answer = call("POST", "/models/v2/promote", {"reason": "r"}, authorizer("earshot/read"))
    assert "you are in no group" in problem(answer, 403)["detail"]


def test_what_decides_on_versions_is_for_administrators(services):
    clip = {"label": "siren", "batch": "may"}
    trainer, both = machine("earshot/train"), machine("earshot/train earshot/admin")
    content(call("POST", "/training-clips", clip, trainer), 201)
    problem(call("POST", "/training-clips", clip | {"held_out": True}, trainer), 403)
    content(call("POST", "/training-clips", clip | {"held_out": True}, both), 201)
    assert [held_out for *_, held_out in services.asked] == [False, True]


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_no_token_gets_401(services, method, path, scope):
    problem(call(method, path, authorizer=None), 401)
    assert services.asked == []


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
@pytest.mark.parametrize("route", ["$default", "OPTIONS /{proxy+}"])
def test_a_route_for_any_path_serves_none(services, method, path, scope, route):
    problem(call(method, path, route_key=route), 404)
    assert services.asked == []


def test_a_path_that_is_spelled_in_another_way_serves_nothing(services):
    answer = call("POST", "/models/v2/promote/", {"reason": "r"}, route_key="$default")
    problem(answer, 404)
    assert services.asked == []


def test_files_are_not_kept_without_the_scope(services):
    answer = post_files(("siren_1.wav", b"RIFF"), authorizer=authorizer("earshot/read"))
    problem(answer, 403)
    assert services.kept == {}


class TestSources:
    """A ticket is issued for a source of the client alone."""

    @pytest.fixture(autouse=True)
    def _bound(self, services):
        class Bindings:
            def get(self, client_id: str) -> Binding | None:
                return Binding("c1", ("gate",), "ann", NOON) if client_id == "c1" else None

        bindings: Any = Bindings()
        services.sources = SourcePolicy(bindings, ["service"])

    @pytest.mark.parametrize(
        ("client", "wanted", "source"),
        [("c1", "gate", "gate"), ("c1", None, "gate"), ("service", "yard", "yard")],
    )
    def test_allowed(self, services, client, wanted, source):
        wishes = {"source": wanted} if wanted else {}
        content(call("POST", "/uploads", wishes, authorizer=authorizer(client_id=client)), 201)
        assert services.asked == [(source, None, "audio/wav")]

    @pytest.mark.parametrize("client", ["c1", "c2"])
    def test_refused(self, services, client):
        token = authorizer(client_id=client)
        detail = problem(call("POST", "/uploads", {"source": "yard"}, token), 403)["detail"]
        assert client in detail
        assert services.asked == []


class TestClients:
    def test_bound_listed_and_revoked(self, services):
        bound = content(call("PUT", "/clients/c1", {"sources": ["gate", "cafe\u0301", "gate"]}))
        assert bound["sources"] == ["gate", "caf\u00e9"]
        assert bound["bound_by"] == "ann"
        assert content(call("GET", "/clients")) == {"clients": [bound]}
        assert content(call("DELETE", "/clients/c1")) == bound
        problem(call("DELETE", "/clients/c1"), 404)

    @pytest.mark.parametrize("sources", [[], ["a/b"], [""], [".."], "gate", ["x"] * 51])
    def test_sources_are_names_of_folders(self, services, sources):
        problem(call("PUT", "/clients/c1", {"sources": sources}), 422)
        assert services.clients.all() == []


class TestQuery:
    @pytest.mark.parametrize(
        ("path", "accepted"), [("/results?labels=siren", "label, source"), ("/status?x=1", "none")]
    )
    def test_an_unknown_parameter_is_named(self, services, path, accepted):
        detail = problem(call("GET", path), 400)["detail"]
        assert path.partition("?")[2].partition("=")[0] in detail
        assert accepted in detail
        assert services.asked == []


@pytest.mark.parametrize("body", ["[" * 9000 + "]" * 9000, '{"a":' * 3000 + "1" + "}" * 3000])
def test_json_that_is_nested_too_deeply_is_a_bad_request(services, body):
    assert "nested" in problem(call("POST", "/uploads", body), 400)["detail"]


def test_bytes_that_are_no_text_are_a_bad_request(services):
    problem(call("POST", "/uploads", "//79", base64_encoded=True), 400)
