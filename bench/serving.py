"""The packages that classify's image holds, installed as its Dockerfile installs them.

The development environment has more, some of which others import because it is there: pyOpenSSL
alone would add a tenth to a cold start.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.events import BUCKET
from bench.worker import Worker
from local.settings import LAYER, REPOSITORY

_CACHE = REPOSITORY / ".cache" / "bench"
_REQUIREMENTS = REPOSITORY / "functions" / "classify" / "requirements.txt"
_UNUSED = REPOSITORY / "functions" / "classify" / "unused.txt"
_PACK = REPOSITORY / "infrastructure" / "pack.py"


def packages() -> Path:
    """Folder of the packages; made on first use, and again when the requirements have changed."""
    digest = hashlib.sha256(sys.version.encode())
    for file in (_REQUIREMENTS, _UNUSED, _PACK):
        digest.update(file.read_bytes())
    folder = _CACHE / f"serving-{digest.hexdigest()[:12]}"
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        _run(uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-deps",
             "--require-hashes", "--only-binary", ":all:", "--target", partial,
             "-r", _REQUIREMENTS)  # fmt: skip
        _run(sys.executable, _PACK, "packages", partial, _UNUSED)
        partial.rename(folder)
    return folder


def classify_environment(endpoint: str) -> dict[str, str]:
    """What classify finds on AWS, but for the endpoint."""
    return {
        "PYTHONPATH": os.pathsep.join(
            map(str, (packages(), REPOSITORY / "functions" / "classify", LAYER, REPOSITORY))
        ),
        "YAMNET_DIR": str(REPOSITORY / "models" / "yamnet"),
        "BUNDLED_MODEL_DIR": str(REPOSITORY / "models" / "v1"),
        "OPENBLAS_NUM_THREADS": "1",
        "RESULTS_TABLE": "results",
        "MODELS_BUCKET": "models",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_METRICS_NAMESPACE": "Earshot/bench",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }


def classify(
    endpoint: str, memory_mb: int = 1769, *, one_core: bool = False, keeps_posted: bool = False
) -> Worker:
    """A process of classify's own, without the development environment's packages."""
    environment = classify_environment(endpoint)
    if keeps_posted:
        environment["POSTED_CLIPS_BUCKET"] = BUCKET
    environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(memory_mb)
    return Worker("bench.ours", environment, [sys.executable, "-S"], one_core=one_core)


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True)
