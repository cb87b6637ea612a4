"""`make bench` and `make load` run and leave their figures; how good those are is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from local.settings import REPOSITORY

KEYS = {
    "cold_start": {"ratio", "ours_s", "reference_s"},
    "warm_clip": {"ratio_to_kernel", "ratio_to_served_kernel", "ratio_to_tensorflow"},
    "head": {"ratio_to_kernel", "ratio_to_served_kernel"},
    "posted_clip": {"ratio", "keeps_s", "drops_s"},
    "long_clip": {"ratio", "peak_above_idle_mb"},
    "front_end": {"ratio_to_tensorflow", "ratio_to_librosa"},
    "decode": {"ratio"},
    "scaling": {"two_to_one", "per_core_to_kernel"},
    "import_time": {"classify", "api", "alert", "retraining"},
}


def test_bench_measures_everything_and_keeps_what_others_have_reported(tmp_path: Path):
    report = tmp_path / "report.json"
    report.write_text('{"image_size": {"classify_mb": 1}}')
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(report)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(report.read_text())
    assert figures["image_size"] == {"classify_mb": 1}
    assert figures["machine"]["cores"] >= 1
    for key, names in KEYS.items():
        assert figures[key].keys() >= names, key
    assert figures["warm_clip"]["patches"] == 20
    assert figures["cold_start"]["ours_s"] > 0
    assert "numpy" in figures["import_time"]["classify"]["heaviest_s"]
    assert "warm clip" in done.stdout, "no table"


def test_load_runs_users_and_a_burst_of_which_nothing_is_lost(tmp_path: Path):
    report = tmp_path / "load.json"
    command = [sys.executable, "-m", "tests.load", "--users", "5", "--ramp", "5", "--time", "5s"]
    command += ["--objects", "5", "--out", str(report)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(report.read_text())
    users = figures["users"]
    assert users["requests"] > 0
    assert users["failures"] == 0
    assert users.keys() >= {"requests_per_s", "p50_s", "p95_s", "p99_s", "steady_state"}
    burst = figures["burst"]
    assert (burst["objects"], burst["lost"], burst["classified"]) == (5, 0, 5)
    assert burst["upload_to_result"].keys() >= {"p50_s", "p95_s"}
