"""The prefilter's model is the service's, verified before it is parsed, or that of before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from earshot.model.versions import sha256_hex
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME, Yamnet
from earshot_client.api_client import EarshotClient
from earshot_client.listen.champion import FollowedChampion
from local.settings import FIRST_MODEL, YAMNET

LINKS = "https://models.example/"
MANIFEST: dict[str, Any] = json.loads((FIRST_MODEL / "manifest.json").read_text())
HEAD = (FIRST_MODEL / "head.npz").read_bytes()
FLATBUFFER = (YAMNET / FLATBUFFER_NAME).read_bytes()


class Service:
    """`GET /champion`, and the files that it links to."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def promote(
        self, version: str, *, yamnet: bytes | None = None, **altered: bytes
    ) -> Mapping[str, Any]:
        """Share a version; what is altered has other bytes than its digest says."""
        manifest = {**MANIFEST, "version": version}
        if yamnet is not None:
            manifest["yamnet_sha256"] = sha256_hex(yamnet)
        content = json.dumps(manifest).encode()
        self.files = {"manifest.json": content, "head.npz": HEAD, "yamnet": yamnet or b""}
        self.files |= altered
        self.answer = {
            "version": version,
            "manifest_sha256": sha256_hex(content),
            "files": [{"name": n, "url": f"{LINKS}{n}"} for n in ("manifest.json", "head.npz")],
            "yamnet": yamnet and {"sha256": sha256_hex(yamnet), "url": f"{LINKS}yamnet"},
        }
        return self.answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if url.startswith(LINKS):
            assert "Authorization" not in request.headers, "the link is signed; S3 takes no token"
            self.fetched.append(url.removeprefix(LINKS))
            return httpx.Response(200, content=self.files[self.fetched[-1]])
        assert (request.method, request.url.path) == ("GET", "/champion")
        if self.status == 0:
            raise httpx.ConnectError("no network")
        return httpx.Response(self.status, json=self.answer or {"detail": "none was promoted"})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def said() -> list[str]:
    return []


def followed(service: Service, said: list[str]) -> FollowedChampion:
    http = httpx.Client(transport=httpx.MockTransport(service))
    client = EarshotClient("https://earshot.example", lambda: "token", http=http)
    return FollowedChampion(client, Yamnet(YAMNET), FIRST_MODEL, said.append, every_s=0)


def look(champion: FollowedChampion) -> str:
    """Look once, as the thread does; the version afterwards."""
    champion.look()
    return champion().model.version


def test_a_promotion_is_followed_and_nothing_is_fetched_twice(
    service: Service, said: list[str]
) -> None:
    service.promote("v7")
    champion = followed(service, said)
    assert champion().model.version == "v7"
    assert look(champion) == "v7"
    assert service.fetched == ["manifest.json", "head.npz"], "its YAMNet is the one that is here"
    service.promote("v8")
    assert look(champion) == "v8"
    assert said == [
        f"the prefilter classifies with {version}, which the service serves"
        for version in ("v7", "v8")
    ]


@pytest.mark.parametrize(
    ("altered", "words"),
    [
        ({"manifest.json": b"{}"}, "manifest.json has SHA-256"),
        ({"head.npz": HEAD + b"\0"}, "head.npz of v7 is not the one its manifest names"),
    ],
)
def test_what_was_altered_is_refused_in_words_and_the_model_of_before_goes_on(
    service: Service, said: list[str], altered: dict[str, bytes], words: str
) -> None:
    service.promote("v7", **altered)
    champion = followed(service, said)
    assert champion().model.version == "v1"
    assert words in said[0]
    assert said[1] == "the prefilter classifies with v1, which came with Earshot"
    assert look(champion) == "v1"
    assert len(said) == 2, "the same reason is shown once"
    service.promote("v7")
    assert look(champion) == "v7"


def test_another_yamnet_is_fetched_and_verified_before_it_is_parsed(
    service: Service, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    of_flatbuffer = Yamnet.of_flatbuffer

    def watched(self: Yamnet, flatbuffer: bytes, weights_sha256: str) -> Yamnet:
        opened.append(flatbuffer)
        return of_flatbuffer(self, flatbuffer, weights_sha256)

    monkeypatch.setattr(Yamnet, "of_flatbuffer", watched)
    other = FLATBUFFER + bytes(4)  # the same network, as another file
    service.promote("v7", yamnet=other)
    service.files["yamnet"] = other[:-1] + b"\1"
    champion = followed(service, said)
    assert (champion().model.version, opened) == ("v1", [])
    assert "was altered" in said[0]
    service.files["yamnet"] = other
    assert look(champion) == "v7"
    assert opened == [other]
    assert champion().yamnet_sha256 == sha256_hex(other)


@pytest.mark.parametrize(("status", "words"), [(0, "no network"), (403, "none was promoted")])
def test_without_the_service_the_model_that_came_with_earshot_classifies(
    service: Service, said: list[str], status: int, words: str
) -> None:
    service.status = status
    champion = followed(service, said)
    assert champion().model.version == "v1"
    assert words in said[0]
    assert said[0].startswith("the prefilter cannot get the service's model: ")
    service.status = 200
    service.promote("v7")
    assert look(champion) == "v7"


def test_where_none_was_ever_promoted_that_of_earshot_is_the_services(
    service: Service, said: list[str]
) -> None:
    service.status = 404
    assert followed(service, said)().model.version == "v1"
    assert said == ["the prefilter classifies with v1, which came with Earshot"]


def test_a_model_that_came_with_earshot_and_is_altered_is_an_error(
    service: Service, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    http = httpx.Client(transport=httpx.MockTransport(service))
    client = EarshotClient("https://earshot.example", lambda: "token", http=http)
    service.status = 404
    with pytest.raises(Exception, match="names no version"):
        FollowedChampion(client, Yamnet(YAMNET), tmp_path, said.append)
