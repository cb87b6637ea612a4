"""Function code that runs from the working copy.

On AWS classify is an image. Here it is an archive that holds nothing but an executable which
starts the Lambda runtime client of this very Python on the source in the repository.
"""

from __future__ import annotations

import hashlib
import io
import shlex
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def bootstrap(python: str, environment: Mapping[str, str], source_sha256: str) -> str:
    """The script that Lambda's `provided` runtime executes.

    The hash of the source makes changed code a changed archive, so that an update of the stack
    replaces running functions.
    """
    exports = "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()
    )
    return (
        f"#!/bin/sh\n# source sha256: {source_sha256}\n{exports}"
        f'exec {shlex.quote(python)} -m awslambdaric "$_HANDLER"\n'
    )


def archive(script: str) -> bytes:
    """A zip with the script as the executable `bootstrap`; the same script gives the same bytes."""
    entry = zipfile.ZipInfo("bootstrap")
    entry.create_system = 3  # Unix, so that the mode counts
    entry.external_attr = 0o755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(entry, script)
    return buffer.getvalue()


def hash_source(paths: Iterable[Path]) -> str:
    """SHA-256 over the Python files and manifests in these folders."""
    digest = hashlib.sha256()
    for folder in paths:
        for file in sorted(f for f in folder.rglob("*") if f.suffix in {".py", ".json"}):
            digest.update(f"{file.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
