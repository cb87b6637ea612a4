"""Start and watch retrainings, and administer model versions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from earshot.errors import ConflictError, NotFoundError, RetrainingRunningError
from earshot.model.versions import METRICS_NAME, Promotion, Version
from earshot.retraining.plan import Request
from earshot.retraining.steps import (
    CANDIDATE_FOLDER,
    COMPARISON_NAME,
    FEATURES_FOLDER,
    OUTCOME_NAME,
    PLAN_NAME,
    Document,
)
from earshot.times import format_time, parse_time
from earshot.uploads.objects import digest

EARLIER_RUNS = 20
CONCURRENT_READS = 10  # as many connections as botocore keeps

if TYPE_CHECKING:
    from earshot.model.registry import ModelRegistry
    from earshot.retraining.readiness import Readiness
    from earshot.retraining.run_files import RunFiles
    from earshot.retraining.state_machine import StateMachine


class RetrainingService:
    """Starts and watches retrainings, and administers model versions.

    Every method raises `UnavailableError` where AWS fails.
    """

    def __init__(
        self,
        machine: StateMachine,
        files: RunFiles,
        registry: ModelRegistry,
        now: Callable[[], datetime],
        readiness: Readiness | None = None,
    ) -> None:
        self._machine = machine
        self._files = files
        self._registry = registry
        self._now = now
        self._readiness = readiness

    def outlook(self, request: Request) -> Document:
        """Whether a retraining can start, and what it would start from.

        Returns:
            ``ready``, ``reasons`` why not, ``running`` (id of the run that is under way),
            ``earlier`` (``id, state, started, version`` of the newest runs), and what
            `Outlook` has.
        """
        if self._readiness is None:
            raise TypeError("this service was made without readiness")
        running = self._machine.running()
        found = asdict(self._readiness.outlook(request))
        reasons = [str(RetrainingRunningError(running))] if running else []
        reasons += found.pop("reasons")
        return {
            "ready": not reasons,
            "reasons": reasons,
            **found,
            "running": running,
            "earlier": self._earlier(),
        }

    def start(self, request: Request, key: str | None = None) -> str:
        """Start a retraining; returns its id.

        Args:
            request: what is asked.
            key: the requester's idempotency key: sent again on the same day, it starts no other.

        Raises:
            RetrainingRunningError: another retraining is under way.
            RetrainingRefusedError: it is certain that it could not succeed.
        """
        document = {**asdict(request), "augmentations": list(request.augmentations)}
        if key is None:
            run = f"{self._now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        else:
            run = f"{self._now():%Y%m%d}-{digest(json.dumps([request.requested_by, key]))[:16]}"
            if self._machine.exists(run):
                return run
        # Two that start together may both pass here: then the first step of one is refused.
        if running := self._machine.running():
            raise RetrainingRunningError(running)
        if self._readiness:
            self._readiness.require(request)
        try:
            self._machine.start(run, document)
        except ConflictError:
            if key is None:
                raise
        return run

    def status(self, run: str) -> Document:
        """Where a retraining stands.

        Returns:
            ``id, state`` (``running``, ``promoted``, ``rejected``, ``unchanged``, ``refused``,
            ``failed`` or ``aborted``), ``step, started, stopped``, ``clips`` and ``embedded``
            (share of the batches done, 0..1), ``metrics`` of the candidate and ``comparison`` with
            the champion on the same clips once measured, ``corrections`` (for each clip that a
            person corrected, what the champion and what the candidate say), ``left_out`` (clips
            that were not used, and why), ``version`` and ``decision`` once it is through the gate,
            ``reasons``, ``champion``.

        Raises:
            NotFoundError: there is no such retraining.
        """
        execution = self._machine.execution(run)
        plan = self._json(run, PLAN_NAME) or {}
        outcome = self._json(run, OUTCOME_NAME) or {}
        version = outcome.get("version")
        comparison = _renamed(self._json(run, COMPARISON_NAME)) or {}
        corrections = comparison.pop("corrections", None)
        return {
            "id": run,
            "state": _state(execution.status, outcome),
            "step": execution.step,
            "started": format_time(execution.started),
            "stopped": format_time(execution.stopped) if execution.stopped else None,
            "clips": plan.get("n_clips"),
            "embedded": self._share_embedded(run, plan),
            "metrics": self._json(run, f"{CANDIDATE_FOLDER}{METRICS_NAME}"),
            "comparison": comparison or None,
            "version": version,
            "decision": _renamed(self._registry.describe(version).decision) if version else None,
            "corrections": corrections,
            "left_out": outcome.get("left_out"),
            "reasons": outcome.get("reasons", [execution.cause] if execution.cause else []),
            "champion": outcome.get("champion"),
        }

    def _earlier(self) -> list[Document]:
        executions = self._machine.newest(EARLIER_RUNS)
        with ThreadPoolExecutor(CONCURRENT_READS) as pool:
            outcomes = pool.map(lambda one: self._json(one.name, OUTCOME_NAME) or {}, executions)
            return [
                {
                    "id": one.name,
                    "state": _state(one.status, outcome),
                    "started": format_time(one.started),
                    "version": outcome.get("version"),
                }
                for one, outcome in zip(executions, outcomes, strict=True)
            ]

    def models(self, limit: int, after: str | None = None) -> tuple[list[Document], str | None]:
        """A page of the versions in short, newest first, and the last one's name if more follow.

        Args:
            limit: versions at most.
            after: last version of the page before.

        Raises:
            NotFoundError: there is no version `after`.
        """
        names = self._registry.versions()
        if after is not None and after not in names:
            raise NotFoundError(f"There is no model version {after}.")
        first = names.index(after) + 1 if after is not None else 0
        page = names[first : first + limit]
        with ThreadPoolExecutor(CONCURRENT_READS) as pool:
            serving = pool.submit(self._registry.champion)
            found = list(pool.map(self._registry.describe, page))
            champion = serving.result()
        shown = [_in_short(version, champion.version if champion else None) for version in found]
        return shown, page[-1] if names[first + limit :] else None

    def model(self, version: str) -> Document:
        """A version with its metrics, decision, manifest and promotions.

        Raises:
            NotFoundError: there is no such version.
        """
        found = self._registry.describe(version)
        pointer = self._registry.pointer()
        history = pointer.history if pointer else ()
        champion = pointer.champion.version if pointer else None
        return {
            **_in_short(found, champion),
            "metrics": found.metrics,
            "decision": _renamed(found.decision),
            "outcome": found.outcome,
            "manifest": found.manifest,
            "promotions": [entry.to_json() for entry in history if entry.version == version],
        }

    def promote(
        self,
        version: str,
        *,
        by: str,
        reason: str,
        force: bool = False,
        key: str | None = None,
    ) -> Promotion:
        """Make a version the champion, as `ModelRegistry.promote` does.

        Args:
            version: to promote.
            by: person who asks.
            reason: for the record.
            force: also if it did not pass the gate.
            key: the person's idempotency key: sent again, the request changes nothing.
        """
        request = digest(json.dumps([by, version, key])) if key else None
        return self._registry.promote(version, by=by, reason=reason, force=force, request=request)

    def rollback(self, *, by: str, reason: str) -> Promotion:
        """Promote the version that served before, as `ModelRegistry.rollback` does."""
        return self._registry.rollback(by=by, reason=reason)

    def _share_embedded(self, run: str, plan: Document) -> float:
        n_batches = plan.get("n_batches")
        return len(self._files.names(run, FEATURES_FOLDER)) / n_batches if n_batches else 0.0

    def _json(self, run: str, name: str) -> Any:
        try:
            return self._files.read_json(run, name)
        except NotFoundError:
            return None


def _state(execution_status: str, outcome: Document) -> str:
    """State of a run; its working files expire, so one of long ago may have no outcome."""
    if execution_status == "RUNNING":
        return "running"
    if execution_status == "ABORTED" and not outcome:
        return "aborted"
    return str(outcome.get("status", "failed"))


def _renamed(document: Document | None) -> Document | None:
    """A comparison or decision, of which 0.1.0 stored three members under other names."""
    if document is None or "judged_against" not in document:
        return document
    members = dict(document)
    compared_with, evaluated_on = members.pop("judged_against"), dict(members.pop("judged_on"))
    evaluated_on["labels_confirmed"] = evaluated_on.pop("vouched_for")
    return {**members, "compared_with": compared_with, "evaluated_on": evaluated_on}


def _in_short(version: Version, champion: str | None) -> Document:
    created = version.manifest.get("created")
    return {
        "version": version.name,
        "created": format_time(parse_time(created)) if created else None,
        "parent": version.manifest.get("parent"),
        "champion": version.name == champion,
        "status": (version.outcome or {}).get("status"),
        "macro_f1": version.metrics.get("macro_f1"),
        "accuracy": version.metrics.get("accuracy"),
        "manifest_sha256": version.manifest_sha256,
    }
