"""How the interface is started for many, and what its stack gives it."""

from __future__ import annotations

import tomllib

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.settings import REPOSITORY
from ui import serve

ENVIRONMENT = {
    "EARSHOT_API_URL": "https://api.example",
    "EARSHOT_UI_URL": "https://desk.example/",
    "EARSHOT_OIDC_METADATA_URL": "https://pool.example/.well-known/openid-configuration",
    "EARSHOT_OIDC_CLIENT_ID": "people",
    "EARSHOT_COOKIE_SECRET": 'a"b',
}


def test_people_come_back_to_the_interface_and_their_token_reaches_it():
    auth = tomllib.loads(serve.secrets_toml(ENVIRONMENT))["auth"]
    assert auth["redirect_uri"] == "https://desk.example/oauth2callback"
    assert auth["cookie_secret"] == ENVIRONMENT["EARSHOT_COOKIE_SECRET"]
    assert auth["expose_tokens"] == ["access"]
    assert auth["client_kwargs"]["code_challenge_method"] == "S256"
    assert "earshot/admin" in auth["client_kwargs"]["scope"].split()


def test_what_is_missing_is_named(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EARSHOT_UI_URL")
    with pytest.raises(SystemExit, match="EARSHOT_UI_URL"):
        serve.main()


def test_the_stack_gives_the_container_all_that_it_needs_and_no_role():
    template = yaml_parse((REPOSITORY / "infrastructure" / "ui.yaml").read_text())
    task = template["Resources"]["TaskDefinition"]["Properties"]
    (container,) = task["ContainerDefinitions"]
    given = {one["Name"] for one in (*container["Environment"], *container["Secrets"])}
    assert given == set(ENVIRONMENT)
    assert "TaskRoleArn" not in task
    assert [one["Name"] for one in container["Secrets"]] == ["EARSHOT_COOKIE_SECRET"]
