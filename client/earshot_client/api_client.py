"""Client of the HTTP API; needs the extra `cli`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from earshot.alerts import alert
from earshot.alerts.alert import Alert
from earshot.results import serialization
from earshot.results.result import Result
from earshot.times import format_time
from earshot_client.filters import ResultFilters
from earshot_client.transport import ApiError, Transport, reason, segment


@dataclass(frozen=True)
class EarshotClient(Transport):
    """The HTTP API as functions. Each raises `ApiError`."""

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
        answer = self.call(
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
        ticket = self.ticket(source, recorded_at)
        self.send(ticket, path, sent)
        return str(ticket["clip_id"])

    def ticket(self, source: str | None, recorded_at: datetime | None) -> dict[str, Any]:
        """A ticket for one upload; it is good for an hour, and holds the clip's id."""
        wishes = {"source": source, "recorded_at": recorded_at and format_time(recorded_at)}
        body = {name: value for name, value in wishes.items() if value}
        answer: dict[str, Any] = self.call("POST", "/uploads", json=body)
        return answer

    def send(self, ticket: Mapping[str, Any], path: Path, sent: Callable[[int], None]) -> None:
        """Upload a clip by its ticket. Sent again by the same ticket, it is the same clip."""
        self.post_form(ticket, path, sent)

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
        ticket = self.call("POST", "/training-clips", json=wishes)
        self.post_form(ticket, path, sent)
        return str(ticket["prefix"])

    def result(self, clip_id: str) -> Result | None:
        """Result of a clip; None while there is none."""
        try:
            return serialization.from_json(self.call("GET", f"/results/{segment(clip_id)}"))
        except ApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def results(self, filters: ResultFilters, limit: int | None = None) -> Iterator[Result]:
        """Results, newest first, page after page; at most `limit`."""
        return map(serialization.from_json, self.pages("results", filters.as_query(), limit))

    def results_page(
        self, filters: ResultFilters, limit: int, cursor: str | None = None
    ) -> tuple[list[Result], str | None]:
        """At most `limit` results after a cursor, and the cursor of what comes next.

        A page may hold fewer, even none, while there are more.
        """
        params = filters.as_query() | {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        page = self.call("GET", "/results", params=params)
        return [serialization.from_json(one) for one in page["results"]], page["next_cursor"]

    def summary(
        self, filters: ResultFilters, bucket_s: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Counts of results by time, source and label, page after page."""
        params = filters.as_query() | ({"bucket_s": str(bucket_s)} if bucket_s else {})
        while True:
            page: dict[str, Any] = self.call("GET", "/results/summary", params=params)
            yield page
            if page["next_cursor"] is None:
                return
            params |= {"cursor": page["next_cursor"], "bucket_s": str(page["bucket_s"])}

    def alerts(self, limit: int | None = None) -> Iterator[Alert]:
        """Alerts that were sent, newest first, page after page; at most `limit`."""
        return map(alert.from_json, self.pages("alerts", {}, limit))

    def feedback(
        self, clip_id: str, label: str, comment: str = "", *, mute_alike: bool = False
    ) -> dict[str, Any]:
        """Confirm or correct a result; with `mute_alike`, mute what sounds like a false alarm."""
        body: dict[str, Any] = {"label": label, "comment": comment}
        body |= {"mute_alike": True} if mute_alike else {}
        return dict(self.call("POST", f"/results/{segment(clip_id)}/feedback", json=body))

    def withdraw_feedback(self, clip_id: str) -> dict[str, Any]:
        """Take back the feedback that was given last; the clip's feedback as it is then."""
        result = self.result(clip_id)
        last = {"at": format_time(result.feedback[-1].at)} if result and result.feedback else {}
        answer: dict[str, Any] = self.call(
            "DELETE", f"/results/{segment(clip_id)}/feedback", params=last
        )
        return answer

    def mutes(self, source: str | None = None) -> Iterator[dict[str, Any]]:
        """Muted sounds of a source or of all, newest first, page after page."""
        return self.pages("mutes", {"source": source} if source else {}, None)

    def unmute(self, clip_id: str) -> dict[str, Any]:
        """Let sounds like that of a clip raise alerts again; the mute as it was."""
        answer: dict[str, Any] = self.call("DELETE", f"/mutes/{segment(clip_id)}")
        return answer

    def outlook(self, prefix: str | None = None) -> dict[str, Any]:
        """Whether a retraining can start, what it would start from, and the earlier ones."""
        params = {"prefix": prefix} if prefix else {}
        answer: dict[str, Any] = self.call("GET", "/retrain", params=params)
        return answer

    def retrain(self, **wanted: Any) -> str:
        """Begin a retraining, with what `POST /retrain` takes as JSON; its id."""
        return str(self.call("POST", "/retrain", json=wanted)["id"])

    def retrain_on(self, clips: Sequence[tuple[str, bytes]], reason: str = "") -> str:
        """Begin a retraining on clips that go with the request; its id.

        Args:
            clips: name and content of each; the names are ``<label>_….wav``.
            reason: why.
        """
        return str(
            self.call(
                "POST",
                "/retrain",
                data={"reason": reason},
                files=[("files", (name, content, "audio/wav")) for name, content in clips],
            )["id"]
        )

    def retraining(self, run: str) -> dict[str, Any]:
        """Where a retraining stands."""
        answer: dict[str, Any] = self.call("GET", f"/retrain/{segment(run)}")
        return answer

    def models(self) -> list[dict[str, Any]]:
        """All model versions, newest first."""
        return list(self.pages("models", {}, None))

    def model(self, version: str) -> dict[str, Any]:
        """All that is known of a model version."""
        answer: dict[str, Any] = self.call("GET", f"/models/{segment(version)}")
        return answer

    def publish_model(self, folder: Path, flatbuffer: Path) -> str:
        """Publish the version that lies in a folder; its name. To publish it again changes nothing.

        Args:
            folder: of the version, as `make train` writes it.
            flatbuffer: of the YAMNet that it was trained with.
        """
        digest = hashlib.sha256(flatbuffer.read_bytes()).hexdigest()
        manifest = json.loads((folder / "manifest.json").read_text())
        body = {"manifest": manifest, "yamnet_sha256": digest}
        found = self.call("POST", "/models", json=body)
        for form in found["missing"]:
            path = flatbuffer if form["name"] == flatbuffer.name else folder / form["name"]
            self.post_form(form, path, lambda n_bytes: None)
        if not found["published"]:
            found = self.call("POST", "/models", json=body)
        if not found["published"]:
            names = ", ".join(form["name"] for form in found["missing"])
            raise ApiError(0, f"These are not the files that the manifest names: {names}.")
        return str(found["version"])

    def promote(self, version: str, reason: str, *, force: bool = False) -> dict[str, Any]:
        """Make a version the champion."""
        body = {"reason": reason, "force": force}
        answer: dict[str, Any] = self.call("POST", f"/models/{segment(version)}/promote", json=body)
        return answer

    def erase(self, clip_id: str) -> dict[str, Any]:
        """Erase a clip; what was erased and what remains."""
        answer: dict[str, Any] = self.call("DELETE", f"/results/{segment(clip_id)}")
        return answer

    def erase_source(self, source: str) -> Iterator[dict[str, Any]]:
        """Erase all clips of a source; what each request erased, and what remains."""
        more = True
        while more:
            answer: dict[str, Any] = self.call("DELETE", "/results", params={"source": source})
            more = answer["more"]
            yield answer

    def clients(self) -> list[dict[str, Any]]:
        """Clients of the user pool that are bound to sources."""
        answer: list[dict[str, Any]] = self.call("GET", "/clients")["clients"]
        return answer

    def bind_client(self, client_id: str, sources: Sequence[str]) -> dict[str, Any]:
        """Let a client send clips of these sources, and of no others."""
        wanted = {"sources": list(sources)}
        answer: dict[str, Any] = self.call("PUT", f"/clients/{segment(client_id)}", json=wanted)
        return answer

    def revoke_client(self, client_id: str) -> dict[str, Any]:
        """Let a client send no clips any more; what it was bound to."""
        answer: dict[str, Any] = self.call("DELETE", f"/clients/{segment(client_id)}")
        return answer

    def sources(self) -> list[dict[str, Any]]:
        """Sources, with their settings and what is known of their microphones."""
        return list(self.call("GET", "/sources")["sources"])

    def source(self, source: str) -> dict[str, Any]:
        """A source."""
        return dict(self.call("GET", f"/sources/{segment(source)}"))

    def set_source(self, source: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give a source these settings in place of all earlier ones."""
        return dict(self.call("PUT", f"/sources/{segment(source)}", json=settings))

    def beat(self, source: str, report: Mapping[str, Any]) -> None:
        """Report how a listener and its microphone are."""
        self.call("POST", f"/sources/{segment(source)}/heartbeat", json=report)

    def status(self) -> dict[str, Any]:
        """How the system is."""
        answer: dict[str, Any] = self.call("GET", "/status")
        return answer

    def fetch(self, url: str) -> bytes:
        """What lies at an address that the API gave, such as a clip."""
        try:
            answer = self.http.get(url)
        except httpx.HTTPError as error:
            raise ApiError(0, f"The file cannot be fetched: {error}") from error
        if not answer.is_success:
            raise ApiError(answer.status_code, f"The file cannot be fetched: {reason(answer)}")
        return answer.content
