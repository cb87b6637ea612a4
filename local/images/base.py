"""`python -m local.images.base`: which base image the Dockerfiles name, and which the registry has.

A tag such as ``3.12`` is moved to a new image every few weeks; a digest names one image for good.
With ``--pin``, the digest that the tag has now is written into the Dockerfiles. Without, this fails
if they name no digest, and says if the tag has moved on. It talks to the registry as the OCI
Distribution Specification says, without an account.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from local.settings import REPOSITORY

DOCKERFILES = tuple(sorted(REPOSITORY.glob("functions/*/Dockerfile")))
_BASE = re.compile(
    r"^ARG BASE=(?P<image>[^@\s]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?$", re.MULTILINE
)
# An index lists the image of each processor, so its digest does for all of them.
_INDEX = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)

# Sends a request: method, URL and headers; answers with status, headers and JSON.
Send = Callable[[str, str, Mapping[str, str]], tuple[int, Mapping[str, str], Any]]


class RegistryError(Exception):
    """The registry does not answer as it should."""


@dataclass(frozen=True)
class Base:
    """The base image that a Dockerfile names.

    Attributes:
        image: registry, repository and tag.
        digest: that it is pinned to; None if it is not.
    """

    image: str
    digest: str | None


def base_of(dockerfile: Path) -> Base:
    """Base image of a Dockerfile. Raises `ValueError` unless it names exactly one."""
    (match,) = _BASE.finditer(dockerfile.read_text())
    return Base(match["image"], match["digest"])


def pin(dockerfile: Path, digest: str) -> None:
    """Write a digest into a Dockerfile, behind the tag."""
    image = base_of(dockerfile).image
    dockerfile.write_text(_BASE.sub(f"ARG BASE={image}@{digest}", dockerfile.read_text()))


def current_digest(image: str, send: Send) -> str:
    """Digest of the index that the image's tag names now.

    Raises:
        RegistryError: the registry gives none.
    """
    registry, _, path = image.partition("/")
    repository, _, tag = path.partition(":")
    url = f"https://{registry}/v2/{repository}/manifests/{tag}"
    headers = {"Accept": _INDEX}
    status, answer, _ = send("HEAD", url, headers)
    if status == 401:  # even public images want a token, which anyone gets
        headers["Authorization"] = f"Bearer {_token(answer, repository, send)}"
        status, answer, _ = send("HEAD", url, headers)
    digest = answer.get("Docker-Content-Digest", "")
    if status != 200 or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise RegistryError(f"{registry} answers {status} for {image}, with the digest {digest!r}.")
    return digest


def _token(answer: Mapping[str, str], repository: str, send: Send) -> str:
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', answer.get("WWW-Authenticate", "")))
    if "realm" not in challenge:
        raise RegistryError("The registry wants a token and does not say from where.")
    scope = challenge.get("scope", f"repository:{repository}:pull")
    query = f"service={challenge.get('service', '')}&scope={scope}"
    _, _, content = send("GET", f"{challenge['realm']}?{query}", {})
    return str(content.get("token") or content.get("access_token"))


def unpinned(dockerfiles: tuple[Path, ...] = DOCKERFILES) -> list[str]:
    """Dockerfiles that name no digest."""
    return [str(f.relative_to(REPOSITORY)) for f in dockerfiles if base_of(f).digest is None]


def _send(method: str, url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], Any]:
    answer = urllib3.request(method, url, headers=dict(headers), timeout=30, retries=2)
    return answer.status, answer.headers, answer.json() if answer.data else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.images.base", description=__doc__)
    parser.add_argument("--pin", action="store_true", help="write the digest into the Dockerfiles")
    arguments = parser.parse_args()
    (image,) = {base_of(file).image for file in DOCKERFILES}
    try:
        digest = current_digest(image, _send)
    except (RegistryError, urllib3.exceptions.HTTPError) as error:
        sys.exit(f"The digest of {image} cannot be looked up: {error}")
    print(f"{image} is {digest}")
    if arguments.pin:
        for file in DOCKERFILES:
            pin(file, digest)
    if files := unpinned():
        sys.exit(f"No digest in {', '.join(files)}. To write it: make base-image PIN=1")
    if any(base_of(file).digest != digest for file in DOCKERFILES):
        print("The Dockerfiles name another one: the tag has moved on since they were pinned.")


if __name__ == "__main__":
    main()
