"""Requests to the HTTP API: tokens, further tries, and errors for people."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import httpx

from earshot.errors import EarshotError

PAGE = 200
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
TIMEOUT = httpx.Timeout(30, write=300)
_LATER = {
    httpx.codes.TOO_MANY_REQUESTS,
    httpx.codes.SERVICE_UNAVAILABLE,
}
# The connection broke, and the request may have arrived or not.
_BROKE_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class ApiError(EarshotError):
    """The API, or the gateway before it, refused a request or did not answer.

    Args:
        status: of the answer; 0 if there was none.
        detail: what is wrong, for a person.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Transport:
    """Sends requests to the HTTP API.

    Attributes:
        api_url: base address.
        token: gives a valid token, or an empty one where none is asked for; called before each
            request.
        http: connections; may be shared among threads.
        waits_s: before each further try, where the API asks to come again or does not answer.
    """

    api_url: str
    token: Callable[[], str]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT))
    waits_s: tuple[float, ...] = (0.5, 1, 2, 4)

    def call(
        self, method: str, route: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Any:
        """Answer of the API, as JSON.

        A POST carries an idempotency key, the same in each try, so that it can be sent again
        though an earlier try may have arrived.

        Raises:
            ApiError: the API refused the request, or did not answer.
        """
        given = dict(headers or {})
        if method == "POST":
            given.setdefault("Idempotency-Key", uuid.uuid4().hex)
        answer = self._send(method, route, given, request)
        if not answer.is_success:
            raise ApiError(answer.status_code, reason(answer))
        try:
            return answer.json()
        except ValueError as error:
            raise ApiError(
                answer.status_code, f"What answers at {self.api_url} is not Earshot's API."
            ) from error

    def pages(
        self, what: str, query: dict[str, str], limit: int | None
    ) -> Iterator[dict[str, Any]]:
        """What a list has, page after page; at most `limit`, if that is given."""
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self.call("GET", f"/{what}", params={**query, "limit": str(size)})
            yield from page[what]
            if left is not None:
                left -= len(page[what])
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def _send(
        self, method: str, route: str, headers: Mapping[str, str], request: Mapping[str, Any]
    ) -> httpx.Response:
        for wait_s in (*self.waits_s, None):
            token = self.token()
            sent = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
            try:
                answer = self.http.request(method, self.api_url + route, headers=sent, **request)
            except httpx.HTTPError as error:
                if wait_s is None or not isinstance(error, _BROKE_OFF):
                    raise ApiError(0, _no_answer(self.api_url, error)) from error
            else:
                if answer.status_code not in _LATER or wait_s is None:
                    return answer
            time.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def post_form(self, ticket: Mapping[str, Any], path: Path, sent: Callable[[int], None]) -> None:
        """Send a file to S3 by an upload ticket. Raises `ApiError`."""
        with path.open("rb") as file:
            files: Any = {"file": (path.name, _Watched(file, sent), "audio/wav")}
            try:
                answer = self.http.post(ticket["url"], data=ticket["fields"], files=files)
            except httpx.HTTPError as error:
                raise ApiError(0, f"The upload of {path} broke off: {error}") from error
        if not answer.is_success:
            raise ApiError(answer.status_code, f"S3 refused {path}: {answer.text}")


class _Watched:
    """A file that counts how much of it was read."""

    def __init__(self, file: BinaryIO, read: Callable[[int], None]) -> None:
        self._file = file
        self._tell_read = read

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._tell_read(len(content))
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _no_answer(api_url: str, error: httpx.HTTPError) -> str:
    hint = ""
    if isinstance(error, httpx.ConnectError) and urlsplit(api_url).hostname in _THIS_MACHINE:
        hint = ". Is the local stack up? Start it with: make up"
    return f"{api_url} does not answer: {error}{hint}"


def reason(answer: httpx.Response) -> str:
    """Message of a problem document, or of the gateway's own short answer."""
    try:
        content = answer.json()
        return str(content.get("detail") or content["message"])
    except (ValueError, KeyError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"


def segment(name: str) -> str:
    """A name as one segment of a path, whatever a user types."""
    return quote(name, safe="")
