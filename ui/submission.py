"""Sending clips to the API: small ones are posted, larger ones uploaded."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from earshot.errors import EarshotError
from earshot.results.result import Result
from earshot.uploads.objects import MAX_BODY_BYTES
from earshot_client.api_client import EarshotClient

PATIENCE_S = 600
POLL_S = 0.5

Progress = Callable[[float, str], None]


class NoResultYetError(EarshotError):
    """An uploaded clip has no result within `PATIENCE_S`."""


def submit(
    client: EarshotClient, content: bytes, source: str, request: str, progress: Progress
) -> Result:
    """Send a clip of up to 100 MB and wait for its result.

    Args:
        client: of the API.
        content: of the recording's file.
        source: camera or site; may be empty.
        request: key under which a clip that is posted again has one result.
        progress: called with the share that is done, 0 to 1, and the current step.

    Raises:
        ApiError: the API refused the clip, or failed.
        NoResultYetError: the clip waits in the queue for too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        path.write_bytes(content)
        if len(content) <= MAX_BODY_BYTES:
            progress(0.5, "Classifying")
            return client.predict(path, source or None, request=request)
        sent = 0

        def count(n_bytes: int) -> None:
            nonlocal sent
            sent += n_bytes
            share = min(sent / len(content), 1.0)
            progress(0.9 * share, f"Uploading, {sent / 1e6:.0f} of {len(content) / 1e6:.0f} MB")

        clip_id = client.upload(path, source or None, sent=count)
    progress(0.95, "Uploaded. Classifying")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if result := client.result(clip_id):
            return result
        time.sleep(POLL_S)
    raise NoResultYetError(
        f"The clip is uploaded but not classified yet. Its result will appear under {clip_id}."
    )
