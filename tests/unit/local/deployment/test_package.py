"""The archives that the local stack runs functions from."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

from local.deployment.package import archive, bootstrap, hash_source


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
