"""What a page's desk shows, and what becomes of what people do there.

A desk keeps its lists as they were loaded: new results never move a row under a person's hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import streamlit as st

from earshot.alerts.alert import Alert
from earshot.errors import EarshotError
from earshot.results.result import Result
from earshot_client.transport import ApiError
from ui import clips, errors, filters, session
from ui.components import clip_data, desk, palette
from ui.components.rows import local_time
from ui.groups import Group
from ui.spans import Span

ALL = Span(None, None)
GONE = (
    "There is no result for the clip of this link. It was erased, or its retention period is over, "
    "or the link is not whole."
)
CLIP = "clip"  # the opened clip, in the page's address
_CLIP_ID = re.compile(r"[0-9a-f]{32}")
_THUMBNAILS = 8  # of a list


@dataclass
class Desk:
    """A page's desk, in the session's state.

    Attributes:
        key: of the component.
        loaded: what was asked for when the lists were loaded, and when.
        groups: lists of clips; a clip is in the first that has it.
        span: that was asked for.
        zone: in which times are written; `said_zone` says so.
        counting: of the results in the span, while the lists are drawn already.
        counts: of the results in it; None until they are counted.
        timeline: of the component.
        lines: of the timeline, as many as are expected before the results are counted.
        details: results as they were read one by one, with the address of the recording.
        contents: recordings that this session has itself.
        alerts: of the last seven days, whoever reviewed them.
        undoable: clips of each feedback that was given here.
    """

    key: str
    loaded: tuple[object, datetime] | None = None
    groups: list[Group] = field(default_factory=list)
    span: Span = ALL
    zone: str = "UTC"
    said_zone: str = ""
    counting: Future[tuple[list[dict[str, Any]], int]] | None = None
    counts: list[dict[str, Any]] | None = None
    timeline: dict[str, Any] | None = None
    lines: int = 0
    details: dict[str, Result] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    thumbnails: dict[str, str | None] = field(default_factory=dict)
    mutes: dict[str, str] = field(default_factory=dict)
    undoable: list[list[str]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    said: str = ""
    moved: bool = False
    failed: EarshotError | None = None
    pick: Callable[[dict[str, Any]], None] | None = None

    @classmethod
    def of(cls, key: str) -> Desk:
        """The desk of a page in this session."""
        found: Desk = st.session_state.setdefault(f"desk of {key}", cls(key))
        return found

    def stale(self, wanted: object) -> bool:
        """Whether something else is asked for than was loaded; it then counts as loaded now."""
        if self.loaded and self.loaded[0] == wanted:
            return False
        self.loaded = (wanted, datetime.now(UTC))
        self.groups, self.counts, self.timeline, self.said = [], None, None, ""
        self.counting = None
        self.details.clear()
        return True

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Around what loads the lists: if it fails, they are not loaded."""
        try:
            yield
        except Exception:
            self.loaded = None
            raise

    def show(
        self,
        *,
        bulk: bool = False,
        advance: bool = False,
        low: bool = False,
        pick: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Draw it.

        Args:
            bulk: several clips can be selected.
            advance: the next clip opens when one was labeled.
            low: there are lists below the timeline. It has the same height before and after the
                results are counted, and is scrolled, so that the lists are seen at once.
            pick: called in a callback with what was picked from the timeline.
        """
        if self.moved:
            self.moved = False
            st.rerun()  # the filters are outside of the part of the page that a desk draws anew
        if self.failed:
            failed, self.failed = self.failed, None
            with errors.shown_errors():
                raise failed
        self.pick = pick
        clip = self._opened()
        desk.mount(
            self.key,
            {
                "labels": clip_data.KEYS,
                "timeline": self.timeline,
                "groups": [self._group(group) for group in self._distinct()],
                "clip": clip,
                "may": session.may("train"),
                "bulk": bulk,
                "advance": advance,
                "room": self.lines if low and (self.timeline or self.counts is None) else 0,
                "undo": bool(self.undoable),
                "said": self.said,
            },
            self._act,
        )

    def missing_thumbnails(self) -> bool:
        """Compute spectrograms of the first rows; whether there are new ones to show."""
        wanted = [
            result.clip_id
            for group in self._distinct()
            for result in group.results[:_THUMBNAILS]
            if _has_recording(result) and result.clip_id not in self.thumbnails
        ]
        self.thumbnails |= clips.thumbnails(session.client(), wanted)
        return any(self.thumbnails[clip_id] for clip_id in wanted)

    def _distinct(self) -> Iterable[Group]:
        seen: set[str] = set()
        for group in self.groups:
            results = [one for one in group.results if one.clip_id not in seen]
            seen |= {one.clip_id for one in results}
            yield replace(group, results=results)

    def _group(self, group: Group) -> dict[str, Any]:
        return {
            "id": group.id,
            "title": group.title,
            "note": group.note,
            "above": group.above,
            "pending": group.pending,
            "empty": "Loading …" if group.pending else group.empty,
            "more": f"More ({len(group.rest):,})" if group.rest else group.cursor and "More",
            "rows": [
                clip_data.row(
                    one,
                    self.zone,
                    self._thumbnail(n, one),
                    group.names.get(one.clip_id, ""),
                    say_alerted=group.id != "alerts",
                )
                for n, one in enumerate(group.results)
            ],
        }

    def _thumbnail(self, n: int, result: Result) -> str | None:
        """Of row `n` of a list; empty where room is kept for one."""
        kept = "" if n < _THUMBNAILS and _has_recording(result) else None
        return self.thumbnails.get(result.clip_id) or kept

    def _opened(self) -> dict[str, Any] | None:
        clip_id = st.query_params.get(CLIP)
        if not clip_id:
            return None
        try:
            # Whoever made the link chose the text: nothing else than an id is asked for.
            result = self._details(clip_id) if _CLIP_ID.fullmatch(clip_id) else None
            if result is None:
                st.warning(GONE, icon=":material/search_off:")
                return None
            if not any(one.clip_id == clip_id for group in self.groups for one in group.results):
                self.groups.insert(0, Group("link", "Linked clip", results=[result], above=True))
            content = self.contents.get(clip_id)
            if content is None and result.clip_url:
                content = clips.recording(session.client(), clip_id, result.clip_url)
        except ApiError as error:
            errors.show(error)
            return None
        mutes = {
            by: f"No alert for {palette.title(label)}: it sounds like a muted clip."
            for label, by in result.muted_by.items()
        }
        if clip_id in self.mutes:
            mutes[clip_id] = self.mutes[clip_id]
        zone = filters.source_zone(result.source, self.zone)
        said = f"{zone}, the zone of {result.source}" if zone != self.zone else ""
        return clip_data.opened(result, content, zone, mutes, said)

    def _details(self, clip_id: str) -> Result | None:
        if clip_id not in self.details:
            found = session.client().result(clip_id)
            if found is None:
                return None
            self.details[clip_id] = found
        return self.details[clip_id]

    # ---- What people do: in a callback, before the page is drawn -----------------------------

    def _act(self) -> None:
        what = st.session_state[self.key]["act"]
        self.said = ""
        try:
            getattr(self, f"_do_{what['do']}")(what)
        except EarshotError as error:
            self.failed = error

    def _do_open(self, what: dict[str, Any]) -> None:
        st.query_params[CLIP] = what["id"]

    def _do_close(self, what: dict[str, Any]) -> None:
        st.query_params.pop(CLIP, None)

    def _do_more(self, what: dict[str, Any]) -> None:
        next(group for group in self.groups if group.id == what["group"]).load(session.client())

    def _do_pick(self, what: dict[str, Any]) -> None:
        if self.pick:
            self.pick(what)
            self.moved = True

    def _do_label(self, what: dict[str, Any]) -> None:
        self._label(
            [(clip_id, what["label"]) for clip_id in what["ids"]],
            what.get("comment", ""),
            mute=bool(what.get("mute")),
        )
        if then := what.get("then"):
            st.query_params[CLIP] = then

    def _do_confirm(self, what: dict[str, Any]) -> None:
        known = {one.clip_id: one.classification for g in self.groups for one in g.results}
        found = [(clip_id, known.get(clip_id)) for clip_id in what["ids"]]
        self._label([(clip_id, str(c.label)) for clip_id, c in found if c], "", mute=False)

    def _label(self, wanted: list[tuple[str, str]], comment: str, *, mute: bool) -> None:
        client, given = session.client(), []
        try:
            for clip_id, label in wanted:
                before = self._details(clip_id)
                answer = client.feedback(clip_id, label, comment, mute_alike=mute)
                if not before or len(answer["feedback"]) > len(before.feedback):
                    given.append(clip_id)
                if found := answer["mute"]:
                    until = found["expires_at"][:10]
                    self.mutes[clip_id] = (
                        f"What sounds like this raises no alert as {' or '.join(found['labels'])} "
                        f"at {found['source']} until {until}."
                    )
                self._reread(clip_id)
        finally:
            if given:
                self.undoable.append(given)
        use = "" if answer["training_key"] else " It is not kept, so no retraining learns from it."
        what = f"{len(wanted)} clips"
        if len(wanted) == 1 and (one := self._details(wanted[0][0])):
            at = local_time(one.time, filters.source_zone(one.source, self.zone))
            what = f"{palette.title(wanted[0][1])}, {one.source}, {at:%H:%M:%S}"
        self.said = f"Recorded: {what}.{use}"

    def _do_undo(self, what: dict[str, Any]) -> None:
        for clip_id in self.undoable.pop():
            session.client().withdraw_feedback(clip_id)
            self.mutes.pop(clip_id, None)
            self._reread(clip_id)
        self.said = "Taken back."

    def _do_unmute(self, what: dict[str, Any]) -> None:
        try:
            session.client().unmute(what["id"])
        except ApiError as error:
            if error.status != httpx.codes.NOT_FOUND:  # expired, or somebody else was faster
                raise
        self.mutes.pop(what["id"], None)
        self.said = "Unmuted: such sounds raise alerts again."

    def _reread(self, clip_id: str) -> None:
        self.details.pop(clip_id, None)
        found = self._details(clip_id)
        if found is None:
            return
        for group in self.groups:
            group.results = [found if one.clip_id == clip_id else one for one in group.results]


def _has_recording(result: Result) -> bool:
    """Whether there was a recording to draw; an alert of the list says nothing of its location."""
    return bool(result.location or result.alerted_at)
