"""Settings of the local stack, and finding its process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.emulator import process
from local.emulator.process import emulator_environment, find, start
from local.settings import TEMPLATE, LocalStackError, Settings


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


class TestRoom:
    @pytest.fixture(autouse=True)
    def _free_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "require_free_port", lambda _: None)

    def test_a_full_disk_is_one_sentence(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3_000_000))
        folder = tmp_path / "not" / "yet"
        with pytest.raises(LocalStackError, match=rf"the disk of {tmp_path} has 3 MB left\.$"):
            start(Settings(4566, folder))
        assert not folder.exists()

    def test_a_folder_that_cannot_be_written_to_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        folder = tmp_path / "file" / "local"
        with pytest.raises(LocalStackError, match="cannot be written to") as refused:
            start(Settings(4566, folder))
        assert str(folder) in str(refused.value)
        assert "\n" not in str(refused.value)
