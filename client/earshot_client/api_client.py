"""Client of the HTTP API; needs the extra `cli`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from earshot.alerts import alert
from earshot.alerts.alert import Alert
from earshot.errors import EarshotError
from earshot.results import serialization
from earshot.results.result import Result
from earshot.times import format_time

TIMEOUT = httpx.Timeout(30, write=300)
PAGE = 200
_LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}


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
class ResultFilters:
    """Which results are asked for; see `earshot.results.query.ResultQuery`."""

    label: str | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None

    def as_query(self) -> dict[str, str]:
        """Query parameters."""
        given = {
            "label": self.label,
            "source": self.source,
            "from": self.start and format_time(self.start),
            "to": self.end and format_time(self.end),
            "min_confidence": self.min_confidence,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class EarshotClient:
    """The HTTP API as functions. Each raises `ApiError`.

    Attributes:
        api_url: base address.
        token: gives a valid token, or an empty one where none is asked for; called before each
            request.
        http: connections; may be shared among threads.
        waits_s: before each further try, where the API asks to come again.
    """

    api_url: str
    token: Callable[[], str]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT))
    waits_s: tuple[float, ...] = (0.5, 1, 2, 4)

    def predict(
        self,
        path: Path,
        source: str | None = None,
        recorded_at: datetime | None = None,
        request: str | None = None,
    ) -> Result:
        """Result of a clip of up to `MAX_BODY_BYTES`.

        Args:
            request: key under which the same clip can be sent again and has one result.
        """
        metadata = {"source": source, "recorded_at": recorded_at and format_time(recorded_at)}
        answer = self._call(
            "POST",
            "/predict",
            params={name: value for name, value in metadata.items() if value},
            content=path.read_bytes(),
            headers={"Content-Type": "audio/wav"}
            | ({"Idempotency-Key": request} if request else {}),
        )
        return serialization.from_json(answer)

    def upload(
        self,
        path: Path,
        source: str | None = None,
        recorded_at: datetime | None = None,
        sent: Callable[[int], None] = lambda n_bytes: None,
    ) -> str:
        """Upload a clip of up to 100 MB; returns the id under which its result will appear.

        Args:
            sent: called with the number of bytes of each block that is read to be sent.
        """
        wishes = {"source": source, "recorded_at": recorded_at and format_time(recorded_at)}
        ticket = self._call("POST", "/uploads", json={k: v for k, v in wishes.items() if v})
        self._post(ticket, path, sent)
        return str(ticket["clip_id"])

    def upload_training_clip(
        self,
        path: Path,
        label: str,
        batch: str,
        *,
        held_out: bool = False,
        sent: Callable[[int], None] = lambda n_bytes: None,
    ) -> str:
        """Upload a labeled clip of up to 100 MB, for training or for the held-out set.

        Args:
            label: the clip's label.
            batch: name for clips that belong together.
            held_out: whether the clip is evaluated on and never trained on.
            sent: as of `upload`.

        Returns:
            Prefix of the batch, for `retrain`.
        """
        wishes = {"label": label, "batch": batch, "held_out": held_out}
        ticket = self._call("POST", "/training-clips", json=wishes)
        self._post(ticket, path, sent)
        return str(ticket["prefix"])

    def result(self, clip_id: str) -> Result | None:
        """Result of a clip; None while there is none."""
        try:
            return serialization.from_json(self._call("GET", f"/results/{clip_id}"))
        except ApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def results(self, filters: ResultFilters, limit: int | None = None) -> Iterator[Result]:
        """Results, newest first, page after page; at most `limit`."""
        return map(serialization.from_json, self._pages("results", filters.as_query(), limit))

    def alerts(self, limit: int | None = None) -> Iterator[Alert]:
        """Alerts that were sent, newest first, page after page; at most `limit`."""
        return map(alert.from_json, self._pages("alerts", {}, limit))

    def feedback(self, clip_id: str, label: str, comment: str = "") -> dict[str, Any]:
        """Confirm or correct a result."""
        body = {"label": label, "comment": comment}
        answer: dict[str, Any] = self._call("POST", f"/results/{clip_id}/feedback", json=body)
        return answer

    def retrain(self, **wanted: Any) -> str:
        """Begin a retraining, with what `POST /retrain` takes as JSON; its id."""
        return str(self._call("POST", "/retrain", json=wanted)["id"])

    def retrain_on(self, clips: Sequence[tuple[str, bytes]], reason: str = "") -> str:
        """Begin a retraining on clips that go with the request; its id.

        Args:
            clips: name and content of each; the names are ``<label>_….wav``.
            reason: why.
        """
        return str(
            self._call(
                "POST",
                "/retrain",
                data={"reason": reason},
                files=[("files", (name, content, "audio/wav")) for name, content in clips],
            )["id"]
        )

    def retraining(self, run: str) -> dict[str, Any]:
        """Where a retraining stands."""
        answer: dict[str, Any] = self._call("GET", f"/retrain/{run}")
        return answer

    def models(self) -> list[dict[str, Any]]:
        """Model versions, newest first."""
        answer: list[dict[str, Any]] = self._call("GET", "/models")["models"]
        return answer

    def model(self, version: str) -> dict[str, Any]:
        """All that is known of a model version."""
        answer: dict[str, Any] = self._call("GET", f"/models/{version}")
        return answer

    def promote(self, version: str, reason: str, *, force: bool = False) -> dict[str, Any]:
        """Make a version the champion."""
        body = {"reason": reason, "force": force}
        answer: dict[str, Any] = self._call("POST", f"/models/{version}/promote", json=body)
        return answer

    def status(self) -> dict[str, Any]:
        """How the system is."""
        answer: dict[str, Any] = self._call("GET", "/status")
        return answer

    def fetch(self, url: str) -> bytes:
        """What lies at an address that the API gave, such as a clip."""
        try:
            answer = self.http.get(url)
        except httpx.HTTPError as error:
            raise ApiError(0, f"The clip cannot be fetched: {error}") from error
        if not answer.is_success:
            raise ApiError(answer.status_code, f"The clip cannot be fetched: {_reason(answer)}")
        return answer.content

    def _pages(
        self, what: str, query: dict[str, str], limit: int | None
    ) -> Iterator[dict[str, Any]]:
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self._call("GET", f"/{what}", params={**query, "limit": str(size)})
            yield from page[what]
            if left is not None:
                left -= len(page[what])
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def _post(self, ticket: Mapping[str, Any], path: Path, sent: Callable[[int], None]) -> None:
        with path.open("rb") as file:
            watched = _Watched(file, sent)
            files: Any = {"file": (path.name, watched, "audio/wav")}
            try:
                answer = self.http.post(ticket["url"], data=ticket["fields"], files=files)
            except httpx.HTTPError as error:
                raise ApiError(0, f"The upload of {path} broke off: {error}") from error
        if not answer.is_success:
            raise ApiError(answer.status_code, f"S3 refused {path}: {answer.text}")

    def _call(
        self, method: str, route: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Any:
        for wait_s in (*self.waits_s, None):
            token = self.token()
            sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
            try:
                answer = self.http.request(method, self.api_url + route, headers=sent, **request)
            except httpx.HTTPError as error:
                raise ApiError(0, f"{self.api_url} does not answer: {error}") from error
            if answer.status_code not in _LATER or wait_s is None:
                break
            time.sleep(wait_s)
        if not answer.is_success:
            raise ApiError(answer.status_code, _reason(answer))
        try:
            return answer.json()
        except ValueError as error:
            raise ApiError(
                answer.status_code, f"What answers at {self.api_url} is not Earshot's API."
            ) from error


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, read: Callable[[int], None]) -> None:
        self._file = file
        self._tell_read = read

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._tell_read(len(content))
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _reason(answer: httpx.Response) -> str:
    """Message of a problem document, or of the gateway's own short answer."""
    try:
        content = answer.json()
        return str(content.get("detail") or content["message"])
    except (ValueError, KeyError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"
