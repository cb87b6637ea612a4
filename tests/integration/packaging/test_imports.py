"""classify starts fast because of what it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from training.yamnet import MODEL_DIR

REPOSITORY = Path(__file__).parents[3]
HEAVY = {"tensorflow", "keras", "librosa", "numba", "scipy", "sklearn", "pandas", "matplotlib"}

WALK = """
import json, sys
from types import SimpleNamespace
from earshot_classify import app
context = SimpleNamespace(function_name="classify", memory_limit_in_mb=1769,
                          invoked_function_arn="arn", aws_request_id="1")
answer = app.lambda_handler(json.load(sys.stdin), context)
print(json.dumps({"status": answer["statusCode"], "modules": sorted(sys.modules)}))
"""


def test_classifying_a_clip_imports_nothing_heavy():
    folder = REPOSITORY / "functions" / "classify"
    done = subprocess.run(
        [sys.executable, "-c", WALK],
        cwd=folder,
        input=(REPOSITORY / "events" / "predict_raw.json").read_text(),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder),
            "YAMNET_DIR": str(MODEL_DIR),
            "BUNDLED_MODEL_DIR": str(REPOSITORY / "models" / "v1"),
            "AWS_DEFAULT_REGION": "eu-central-1",
            "POWERTOOLS_METRICS_NAMESPACE": "Earshot/test",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    walked = json.loads(done.stdout.splitlines()[-1])
    assert walked["status"] == 200
    packages = {name.partition(".")[0] for name in walked["modules"]}
    assert packages & HEAVY == set()
    assert "ai_edge_litert" in packages, "the clip was not classified"
