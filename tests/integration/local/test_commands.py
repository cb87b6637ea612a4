"""The commands around the local stack."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from local.settings import FIRST_MODEL, REPOSITORY, Settings
from local.up import how_to_use
from tests.clips import sweep
from tests.integration.local.posting import post_clip
from tests.stack import USERS_SETTINGS, LocalStack, free_port


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestCommands:
    def test_only_this_machine_is_served(self, local_stack: LocalStack) -> None:
        connections = psutil.Process(local_stack.pid).net_connections()
        listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}

    def test_users_credentials_stay_out(self, local_stack: LocalStack) -> None:
        post_clip(local_stack)
        emulator = psutil.Process(local_stack.pid)
        family = [emulator, *emulator.children()]
        assert len(family) > 1, "no function process to look at"
        seen = {value for process in family for value in process.environ().values()}
        assert not seen & {USERS_SETTINGS["AWS_ACCESS_KEY_ID"], USERS_SETTINGS["AWS_PROFILE"]}

    def test_up_twice_changes_nothing(self, local_stack: LocalStack) -> None:
        before = local_stack.outputs, local_stack.pid
        again = local_stack.run("up")
        assert again.returncode == 0, again.stderr
        assert "already running" in again.stdout
        assert "nothing has changed" in again.stdout
        assert (local_stack.outputs, local_stack.pid) == before

    def test_the_commands_that_up_prints_reach_the_stack(self, local_stack: LocalStack) -> None:
        settings = Settings(port=local_stack.port, folder=local_stack.folder)
        printed = how_to_use(settings, local_stack.outputs).replace("\\\n", "")
        exports = re.findall(r"^  (source .*)$", printed, re.MULTILINE)
        commands = re.findall(r"^  (aws .*(?:sqs|dynamodb) .*)$", printed, re.MULTILINE)
        assert len(exports) == 1
        assert len(commands) == 3
        for command in commands:
            done = subprocess.run(
                ["bash", "-c", "\n".join([*exports, f"exec {command}"])],
                cwd=REPOSITORY,
                env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr

    def test_taken_port_is_explained(self, local_stack: LocalStack, tmp_path: Path) -> None:
        other = LocalStack(tmp_path, local_stack.port)
        up = other.run("up")
        assert up.returncode == 1
        assert f"Port {local_stack.port} is not free" in up.stderr
        assert f"pid {local_stack.pid}" in up.stderr
        assert "PORT=" in up.stderr
        assert "Traceback" not in up.stderr
        assert not any(tmp_path.iterdir()), "it left something behind"

    @pytest.mark.long
    def test_an_open_stack_asks_nobody_for_a_token(self, tmp_path: Path) -> None:
        stack = LocalStack(tmp_path / "open", free_port(), {"TOKENS": "off"})
        try:
            up = stack.run("up")
            assert up.returncode == 0, up.stderr
            clip = {"Content-Type": "audio/wav"}
            assert stack.request("POST", "/predict", sweep(), clip, token=None).status == 200
            assert stack.request("GET", "/results", token=None).status == 200
            document = stack.request("GET", "/openapi.json", token=None).json()
            committed = (REPOSITORY / "docs" / "openapi.json").read_text()
            assert document == json.loads(committed)
        finally:
            stack.run("down")

    @pytest.mark.parametrize("command", ["logs", "token"])
    def test_a_stack_that_is_down(self, second_stack: LocalStack, command: str) -> None:
        done = second_stack.run(command)
        assert done.returncode == 1
        assert "make up" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.long
    def test_changes_are_deployed_and_down_leaves_nothing(
        self, second_stack: LocalStack, tmp_path: Path
    ) -> None:
        assert second_stack.run("up").returncode == 0
        post_clip(second_stack)
        emulator = psutil.Process(second_stack.pid)
        functions = emulator.children()
        assert functions

        # The bundled model is part of the code: another one is other code.
        model = shutil.copytree(FIRST_MODEL, tmp_path / "v1")
        again = second_stack.run("up", "--model", str(model))
        assert "now runs your changes" in again.stdout, again.stderr
        post_clip(second_stack)
        renewed = emulator.children()
        assert renewed
        assert not {f.pid for f in functions} & {f.pid for f in renewed}

        down = second_stack.run("down")
        assert down.returncode == 0, down.stderr
        assert not [process for process in (emulator, *functions, *renewed) if is_alive(process)]
        assert [file.name for file in second_stack.folder.iterdir()] == ["emulator.log"]
        assert "was not running" in second_stack.run("down").stdout
