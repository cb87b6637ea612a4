"""How new versions of functions take over: canaries with alarms, snapshots, and stamps."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from samtranslator.yaml_helper import yaml_parse

from earshot.aws import secret
from infrastructure import stamp
from local.deployment.function_sources import RUNTIME
from local.deployment.localize import translate
from local.settings import REPOSITORY, TEMPLATE
from tests.unit.infrastructure.cloudformation import RESOURCES, SAM, of_type, properties

SERVE = ("ClassifyFunction", "ApiFunction", "AlertFunction", "DeliverFunction")
ZIPS = ("ApiFunction", "AlertFunction", "DeliverFunction")
NOTHING: dict[str, Any] = {}


class TestCanaries:
    def test_each_function_that_serves_has_one_and_no_other(self) -> None:
        aliases = of_type("AWS::Lambda::Alias")
        assert {alias["FunctionName"]["Ref"] for alias in aliases.values()} == {*SERVE}
        for name, alias in aliases.items():
            function = alias["FunctionName"]["Ref"]
            policy = RESOURCES[name]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            assert policy["DeploymentGroupName"] == {"Ref": f"{function}DeploymentGroup"}

    @pytest.mark.parametrize("function", SERVE)
    def test_an_alarm_that_sees_errors_within_the_shift_gives_traffic_back(
        self, function: str
    ) -> None:
        group = properties(f"{function}DeploymentGroup")
        # SAM puts the parameter's value in.
        assert SAM["Resources"][function]["Properties"]["DeploymentPreference"]["Type"] == {
            "Ref": "TrafficShift"
        }
        assert group["DeploymentConfigName"] == SAM["Parameters"]["TrafficShift"]["Default"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        condition, watched, otherwise = group["AlarmConfiguration"]["Fn::If"]
        assert (condition, otherwise) == ("ShiftsTraffic", NOTHING), (
            "no alarm stops LambdaAllAtOnce"
        )
        alarms = [properties(alarm["Name"]["Ref"]) for alarm in watched["Alarms"]]
        assert watched["Enabled"]
        errors = {
            alarm["Dimensions"][0]["Value"]["Ref"]
            for alarm in alarms
            if (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
        }
        assert errors == {function}
        for alarm in alarms:  # the shortest shift takes five minutes
            assert alarm["Period"] * alarm["EvaluationPeriods"] <= 60
            assert alarm["TreatMissingData"] == "notBreaching", "silence stops no deployment"

    def test_it_is_a_parameter_whether_there_are_canaries(self) -> None:
        parameter = SAM["Parameters"]["TrafficShift"]
        everything_at_once = "CodeDeployDefault.LambdaAllAtOnce"
        assert everything_at_once in parameter["AllowedValues"]
        assert "Canary" in parameter["Default"]
        is_all_at_once = {"Fn::Equals": [{"Ref": "TrafficShift"}, everything_at_once]}
        assert SAM["Conditions"]["ShiftsTraffic"] == {"Fn::Not": [is_all_at_once]}

    def test_what_calls_a_function_that_serves_calls_its_alias(self) -> None:
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
            assert mapping["FunctionName"]["Ref"].endswith("Aliaslive")
        body = str(of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"])
        assert "${ApiFunctionAliaslive}" in body
        assert "${ApiFunction.Arn}" not in body
        assert "${ClassifyFunction.Arn}" not in body


class TestSnapshots:
    def test_they_are_a_parameter_and_of_functions_without_an_image(self) -> None:
        # Lambda makes none of images: "Supported features and limitations" in
        # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
        for name, function in of_type("AWS::Lambda::Function").items():
            expected = {"ApplyOn": {"Ref": "SnapStart"}} if name in ZIPS else None
            assert function.get("SnapStart") == expected, name
            if expected:
                assert function["Runtime"] == "python3.12"
                assert function.get("EphemeralStorage") is None
        assert SAM["Parameters"]["SnapStart"]["Default"] == "None"
        assert RUNTIME not in SAM["Parameters"]["SnapStart"]["AllowedValues"]

    @pytest.mark.parametrize(
        ("folder", "module", "kept"),
        [
            ("api", "earshot_api.app", "earshot_api.wiring.services"),
            ("alert", "earshot_alert.app", "earshot_alert.wiring.service"),
            ("alert", "earshot_alert.deliver", "earshot_alert.deliver.dispatcher"),
        ],
    )
    def test_none_holds_a_client_or_a_connection_or_a_time(
        self, folder: str, module: str, kept: str
    ) -> None:
        """What is made before a snapshot is as old as its version when it serves."""
        script = (
            "import sys, boto3, socket\n"
            "boto3.client = boto3.resource = None\n"
            "def refuse(*args): raise AssertionError('a connection')\n"
            "socket.socket.connect = refuse\n"
            f"import {module}\n"
            f"package, _, name = {kept!r}.rpartition('.')\n"
            "assert getattr(sys.modules[package], name).cache_info().currsize == 0\n"
        )
        path = [REPOSITORY / "functions" / folder, REPOSITORY / "layers/earshot/python"]
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(map(str, path)), "PATH": ""},
            check=True,
        )

    def test_a_secret_is_read_again_after_an_hour_as_a_snapshot(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [1e9]
        monkeypatch.setattr(time, "time", lambda: now[0])
        monkeypatch.setattr(time, "monotonic", lambda: 1000.0)  # it stands still meanwhile
        client = Mock()
        client.get_secret_value.side_effect = [{"SecretString": one} for one in ("old", "new")]
        text = secret.Secret(client, "arn")
        assert (text(), text()) == ("old", "old")
        now[0] += 3600
        assert text() == "new"


class TestStamp:
    @pytest.fixture
    def versions(self) -> Callable[[dict[str, Any]], set[str]]:
        def of(template: dict[str, Any]) -> set[str]:
            found = translate(template, "eu-west-1")["Resources"]
            return {n for n, r in found.items() if r["Type"] == "AWS::Lambda::Version"}

        return of

    def test_another_value_of_a_parameter_is_another_version(
        self, versions: Callable[[dict[str, Any]], set[str]]
    ) -> None:
        template = self.packaged()
        before = versions(template)
        stamped = copy.deepcopy(template)
        names = stamp.stamp(stamped, stamp.digest_of(b"", ["ResultTtlDays=30"]))
        assert {*names} == {*SERVE}
        after = versions(stamped)
        assert len(before) == len(after) == len(SERVE)
        assert not before & after

    def test_the_same_values_are_the_same_versions(self) -> None:
        overrides = ["ResultTtlDays=30", "Stage=dev"]
        one = stamp.digest_of(b"config", overrides)
        assert one == stamp.digest_of(b"config", overrides[::-1])
        assert one != stamp.digest_of(b"changed", overrides)
        assert one != stamp.digest_of(b"config", ["ResultTtlDays=31", "Stage=dev"])

    def test_it_changes_the_built_template_and_nothing_else_of_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        stamp.BUILT.parent.mkdir(parents=True)
        stamp.BUILT.write_text(TEMPLATE.read_text())
        stamp.CONFIG.write_text("")
        monkeypatch.setattr(sys, "argv", ["stamp.py", "ResultTtlDays=30"])
        stamp.main()
        digest = stamp.digest_of(b"", ["ResultTtlDays=30"])
        assert digest[:10] in capsys.readouterr().out
        expected = yaml_parse(TEMPLATE.read_text())
        for name in SERVE:
            expected["Resources"][name]["Properties"]["Environment"]["Variables"][
                stamp.VARIABLE
            ] = digest
        assert yaml_parse(stamp.BUILT.read_text()) == expected

    @staticmethod
    def packaged() -> dict[str, Any]:
        template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
        for resource in template["Resources"].values():
            of = resource.get("Properties", {})
            if of.get("PackageType") == "Image":
                of["ImageUri"] = "1.dkr.ecr.eu-west-1.amazonaws.com/x"
            for uri in {"CodeUri", "ContentUri", "DefinitionUri"} & of.keys():
                of[uri] = {"Bucket": "code", "Key": "key.zip"}
        return template
