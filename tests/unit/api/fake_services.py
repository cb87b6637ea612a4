"""Services that live in memory, for the API's routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from earshot.access.sources import Binding, SourcePolicy
from earshot.alerts.links import LinkSigner
from earshot.alerts.mutes import ListedMute
from earshot.errors import ConflictError, GoneError, NotFoundError
from earshot.labels import Label
from earshot.model.publishing import Publication
from earshot.model.versions import Promotion
from earshot.results.feedback import Review
from earshot.results.query import Page, Position, ResultQuery
from earshot.results.result import Feedback
from earshot.results.states import State
from earshot.results.summary import Count, Summary
from earshot.retraining.plan import Request
from earshot.sources.settings import SourceSettings as Settings
from earshot.sources.source import Heartbeat, Source
from earshot.uploads.objects import Location
from tests.unit.sample_results import NOON, classified

CLIP_ID = "0123456789abcdef" * 2
RESULT = classified(CLIP_ID, location=None)
RUN = "20260131T110000-0123abcd"
RETRAINING: dict[str, Any] = {
    "id": RUN, "state": "running", "step": "Train", "started": "2026", "stopped": None,
    "clips": 9, "embedded": 1.0, "metrics": None, "comparison": None,
    "version": None, "decision": None,
    "corrections": None, "left_out": None, "reasons": [], "champion": None,
}  # fmt: skip
OUTLOOK: dict[str, Any] = {
    "ready": False, "reasons": ["too few"], "notes": [], "champion": "v1", "corrections": 2,
    "new_clips": 3, "clips": {"siren": 3}, "held_out": {"siren": 1}, "released_held_out": 0,
    "complete": True, "running": None,
    "earlier": [{"id": RUN, "state": "unchanged", "started": "2026", "version": "v2"}],
}  # fmt: skip
MODEL = {
    "version": "v2", "created": "2026", "parent": "v1", "champion": True, "status": "promoted",
    "macro_f1": 0.9, "accuracy": 0.9, "manifest_sha256": "0" * 64,
}  # fmt: skip


class Retrainings:
    """Knows one retraining and one model."""

    def __init__(self, answer: Callable[[Any, Any], Any]) -> None:
        self._answer = answer
        self.keys: list[str | None] = []

    def start(self, request: Request, key: str | None) -> Any:
        self.keys.append(key)
        return self._answer(request, RUN)

    def outlook(self, request: Request) -> Any:
        return self._answer(request, OUTLOOK)

    def status(self, run: str) -> Any:
        return self._answer(run, RETRAINING)

    def models(self, limit: int, after: str | None) -> Any:
        return self._answer((limit, after), ([MODEL], "v2" if limit == 1 else None))

    def model(self, version: str) -> Any:
        more: dict[str, Any] = {"metrics": {}, "decision": None, "outcome": None, "manifest": {}}
        return self._answer(version, {**MODEL, **more, "promotions": []})

    def promote(self, version: str, *, by: str, reason: str, force: bool, key: str | None) -> Any:
        promotion = Promotion(version, "0" * 64, NOON, by, reason, force)
        return self._answer((version, by, reason, force, key), promotion)


class Clients(dict[str, Binding]):
    """Bindings of clients."""

    def all(self) -> list[Binding]:
        return list(self.values())

    def put(self, binding: Binding) -> None:
        self[binding.client_id] = binding

    def delete(self, client_id: str) -> bool:
        return self.pop(client_id, None) is not None


class Mutes:
    """Mutes of clips; that of `CLIP_ID` can be made."""

    def __init__(self) -> None:
        self.kept: dict[str, ListedMute] = {}

    def check(self, clip_id: str) -> None:
        if clip_id != CLIP_ID:
            raise ConflictError("No embedding of an event is kept")

    def mute(self, clip_id: str, by: str) -> ListedMute:
        labels = (Label.SIREN,)
        self.kept[clip_id] = ListedMute(clip_id, "gate", labels, by, NOON, NOON)
        return self.kept[clip_id]

    def find(
        self, source: str | None, limit: int, after: Position | None
    ) -> tuple[list[ListedMute], Position | None]:
        found = [mute for mute in self.kept.values() if source in {None, mute.source}]
        return found, Position(NOON, CLIP_ID)

    def delete(self, clip_id: str) -> ListedMute | None:
        return self.kept.pop(clip_id, None)


class SourceSettings(dict[str, Source]):
    """As `SourcesTable`, in memory."""

    def all(self) -> list[Source]:
        return list(self.values())

    def set(self, source: str, settings: Settings) -> Source:
        self[source] = replace(self.get(source) or Source(source), settings=settings)
        return self[source]

    def delete(self, source: str) -> bool:
        return self.pop(source, None) is not None

    def beat(self, source: str, beat: Heartbeat, now: datetime) -> Source:
        known = self.get(source) or Source(source)
        self[source] = replace(known, last_heartbeat=now, level_dbfs=beat.level_dbfs)
        return self[source]


class Sounds:
    """The sound of `CLIP_ID`, which has one event."""

    def clip_url(self, clip_id: str) -> str:
        if clip_id != CLIP_ID:
            raise GoneError("The clip is deleted")
        return f"https://s3/{clip_id}"

    def event_wav(self, clip_id: str, number: int, cut: Any) -> bytes:
        if (clip_id, number) != (CLIP_ID, 1):
            raise NotFoundError("There is no event")
        return b"RIFF\x00\xff"


class Services:
    """Gives prepared answers and records what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.page = Page([RESULT], None)
        self.error: Exception | None = None
        self.results = self.tickets = self.feedback = self.status = self.counts = self
        self.retraining = Retrainings(self._answer)
        self.publisher = self
        self.uploads = self
        self.sounds = Sounds()
        self.signer = LinkSigner(lambda: "key")
        self.sources = SourcePolicy(None, [])
        self.clients = Clients()
        self.mutes = self.muting = Mutes()
        self.source_settings = SourceSettings()
        self.asks_for_tokens = True
        self.kept: dict[str, bytes] = {}

    def _answer(self, asked: Any, answer: Any) -> Any:
        if self.error:
            raise self.error
        self.asked.append(asked)
        return answer

    def put(self, key: str, content: bytes) -> None:
        self.kept[key] = content

    def find(self, query: ResultQuery, limit: int, after: Position | None) -> Page:
        return self._answer((query, limit, after), self.page)

    def summary(self, query: ResultQuery, bucket: Any, after: Position | None) -> Summary:
        count = Count(NOON, "gate", None, 2, Counter({State.ALERTED: 1}))
        return self._answer((query, bucket, after), Summary(timedelta(hours=1), (count,), None))

    def find_alerted(self, limit: int, after: Position | None) -> Page:
        return self._answer((limit, after), self.page)

    def get(self, clip_id: str) -> Any:
        return self._answer(clip_id, RESULT if clip_id == CLIP_ID else None)

    def issue(self, source: Any, recorded_at: Any, content_type: str) -> Any:
        ticket = {"clip_id": CLIP_ID, "result": f"/results/{CLIP_ID}", "url": "https://s3"}
        rest = {"fields": {"key": "k"}, "max_bytes": 1, "expires_at": "2026"}
        return self._answer((source, recorded_at, content_type), ticket | rest)

    def issue_training_clip(self, label: str, batch: str, *, held_out: bool) -> Any:
        ticket = {"key": "k", "prefix": f"training/{batch}/", "url": "https://s3", "fields": {}}
        return self._answer((label, batch, held_out), ticket | {"max_bytes": 1, "expires_at": "2"})

    def publish(self, manifest: Any, yamnet_sha256: str) -> Any:
        form = {"url": "https://s3", "fields": {"key": "publishing/0"}}
        return self._answer(
            (manifest, yamnet_sha256), Publication("v-0123456789ab", (("head.npz", form),))
        )

    def link(self, location: Location, lifetime: Any) -> str:
        return f"https://s3/{location.key}?versionId={location.version_id}&for={lifetime}"

    def withdraw(self, clip_id: str, by: str, at: Any) -> Any:
        return self._answer((clip_id, by, at), Review(clip_id, Label.SIREN, (), None))

    def give(self, clip_id: str, label: Label, comment: str, by: str) -> Any:
        given = Feedback(label, False, comment, by, NOON)
        return self._answer((label, comment, by), Review(clip_id, Label.SIREN, (given,), None))
