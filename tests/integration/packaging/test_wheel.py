"""The wheel works where there is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.settings import REPOSITORY
from training.data.demo_sounds import write_clips


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of wheel and sdist; the wheel is built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "build", "--no-build-isolation", "--python", sys.executable, "-o", folder, REPOSITORY],
        check=True,
        capture_output=True,
    )
    return folder


def test_classify_runs_from_the_wheel_alone_with_the_released_model(built: Path, tmp_path: Path):
    (wheel,) = built.glob("*.whl")
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    clips = write_clips(tmp_path / "clips", n_each=1)
    # Packages of this environment, but neither its checkout nor its working folder; nor what is
    # installed here and does not come with the extra `cli`.
    start = (
        "import sys; sys.modules |= dict.fromkeys(['boto3', 'botocore', 'pydantic', 'paho', "
        "'aws_lambda_powertools', 'tensorflow', 'sklearn', 'pandas']); "
        f"sys.path = [{str(installed)!r}] + [p for p in sys.path if p and "
        f"not p.startswith({str(REPOSITORY)!r}) or 'site-packages' in p]; "
        "import earshot_client; assert earshot_client.__file__.startswith(sys.path[0]); "
        "from earshot_client.cli.commands import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", start, "classify", "--json", *map(str, clips)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a line that is not ours"
    labels = [one["label"] for one in json.loads(done.stdout)]
    assert labels == [clip.stem.partition("_")[0] for clip in clips]


def test_wheel_and_sdist_would_be_taken_by_an_index(built: Path):
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *built.glob("earshot-*")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2
