"""What must hold of the workflows, and of the roles that they deploy with."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from local.settings import REPOSITORY, TEMPLATE

WORKFLOWS = {path.stem: path for path in (REPOSITORY / ".github" / "workflows").glob("*.yml")}
ROLES = yaml_parse((REPOSITORY / "infrastructure" / "github-role.yaml").read_text())["Resources"]


@pytest.mark.parametrize("name", WORKFLOWS)
class TestWorkflow:
    def test_actions_are_pinned_by_commit(self, name: str) -> None:
        uses = re.findall(r"uses: (\S+)(.*)", WORKFLOWS[name].read_text())
        assert uses
        for action, comment in uses:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)

    def test_jobs_get_what_they_need_and_no_secret(self, name: str) -> None:
        text = WORKFLOWS[name].read_text()
        assert "secrets." not in text
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {}
        reads = {"contents": "read"}
        needs = {"check": reads, "emulator": reads, "deploy": reads | {"id-token": "write"}}
        for job in workflow["jobs"].values():
            assert job["permissions"] == needs[name]


def test_only_the_environment_of_one_repository_may_deploy() -> None:
    (trust,) = ROLES["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {
                "Fn::Sub": "repo:${Repository}:environment:${Stage}"
            },
        }
    }


def test_github_itself_makes_no_resource_and_no_role() -> None:
    (policy,) = ROLES["DeployRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    actions = {
        a
        for s in statements
        for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }
    assert not any("*" in action for action in actions)
    assert {action.partition(":")[0] for action in actions} == {
        "cloudformation",
        "ecr",
        "iam",
        "s3",
    }
    (hands_on,) = (s for s in statements if s["Action"] == "iam:PassRole")
    assert hands_on["Resource"] == {"Fn::GetAtt": ["CloudFormationRole", "Arn"]}
    everything = [s["Action"] for s in statements if s["Resource"] == "*"]
    assert everything == ["ecr:GetAuthorizationToken"]


def test_sam_runs_classify_alone_without_what_the_template_would_name() -> None:
    config = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    alone = REPOSITORY / config["default"]["local_invoke"]["parameters"]["env_vars"]
    functions = json.loads(alone.read_text())
    resources = yaml_parse(TEMPLATE.read_text())["Resources"]
    for function, variables in functions.items():
        known = resources[function]["Properties"]["Environment"]["Variables"]
        assert variables.keys() <= known.keys()
        assert set(variables.values()) == {""}
