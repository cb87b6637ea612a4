"""How the interface is started for many, and what its stack gives it."""

from __future__ import annotations

import os
import subprocess
import sys
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


def test_what_pages_import_is_loaded_before_the_first_is_asked_for():
    program = """
import ast, importlib, pathlib, sys
from ui import start
for name in start.NEEDED:
    importlib.import_module(name)
for view in pathlib.Path("ui/views").glob("*.py"):
    for node in ast.walk(ast.parse(view.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            parts = [f"ui.{one.name}" for one in node.names]
            wanted = parts if node.module == "ui" else [node.module]
            print(*(name for name in wanted if name not in sys.modules))
"""
    path = os.pathsep.join(["", "layers/earshot/python", "client"])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
