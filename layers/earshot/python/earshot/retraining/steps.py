"""The steps of a retraining that need no model: plan, gate, promote, reject, record a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from earshot.errors import ConflictError
from earshot.model.versions import (
    DECISION_NAME,
    MANIFEST_NAME,
    WEIGHTS_MEMBER,
    YAMNET_MEMBER,
    Champion,
    sha256_hex,
)
from earshot.retraining.gate import carried_by, decide
from earshot.retraining.plan import Request, make_plan
from earshot.times import format_time
from earshot.uploads.objects import HELD_OUT_PREFIX

if TYPE_CHECKING:
    from earshot.model.registry import ModelRegistry
    from earshot.retraining.labeled_clips import LabeledClips
    from earshot.retraining.run_files import RunFiles
    from earshot.retraining.turn import Turn

PLAN_NAME = "plan.json"
BATCHES_NAME = "batches.json"
FEATURES_FOLDER = "features/"
CANDIDATE_FOLDER = "candidate/"
COMPARISON_NAME = "comparison.json"
TRAINING_NAME = "training.json"
OUTCOME_NAME = "outcome.json"

UNCHANGED = (
    "The candidate classifies held-out and corrected clips as the champion does: there was nothing "
    "new to learn."
)
# An outcome is a message, too: more of what was left out is in `training.json` of the version.
MAX_LEFT_OUT = 20
REFUSALS = {"RetrainingRefusedError", "BadRequestError"}

Document = dict[str, Any]


class Steps:
    """Steps of the state machine, each of which can be tried again.

    Args:
        files: of the retrainings.
        clips: labeled clips.
        registry: of the models.
        turn: whose run may go on.
        now: the time.
    """

    def __init__(
        self,
        files: RunFiles,
        clips: LabeledClips,
        registry: ModelRegistry,
        turn: Turn,
        now: Callable[[], datetime],
    ) -> None:
        self._files = files
        self._clips = clips
        self._registry = registry
        self._turn = turn
        self._now = now

    def plan(self, run: str, document: Document) -> Document:
        """Take the turn, and the snapshot.

        Raises:
            BadRequestError: the execution's input is not what is accepted.
            RetrainingRefusedError: another run is under way, or there is no clip to train on.
        """
        request = Request.from_input(document)
        self._turn.take(run)
        objects = [*self._clips.under(request.prefix), *self._clips.under(HELD_OUT_PREFIX)]
        plan = make_plan(objects, request)
        batches = [batch.to_json() for batch in plan.batches]
        yamnet = self._yamnet_of_champion()
        for batch in batches:
            batch |= {"augmentations": request.augmentations, "seed": request.seed}
            batch |= {"yamnet": yamnet}
        self._files.write_json(run, BATCHES_NAME, batches)
        summary = {
            "run": run,
            "planned_at": format_time(self._now()),
            "request": {**vars(request)},
            "n_batches": len(plan.batches),
            "n_clips": plan.n_clips,
            "n_held_out": plan.held_out,
            "counts": plan.counts,
            "ignored": plan.ignored[:100],
        }
        self._files.write_json(run, PLAN_NAME, summary)
        return {
            "run": run,
            "bucket": self._files.bucket,
            "batches_key": self._files.key(run, BATCHES_NAME),
            "n_batches": len(plan.batches),
            "n_clips": plan.n_clips,
        }

    def apply_gate(self, run: str) -> Document:
        """Let the gate decide, and publish the candidate as a version with that decision.

        The version is published either way: a rejected one can be inspected, and an operator can
        promote it with force.

        Raises:
            ConflictError: the version that this retraining has claimed was written by another.
        """
        request = self._files.read_json(run, PLAN_NAME)["request"]
        comparison = self._files.read_json(run, COMPARISON_NAME)
        champion = self._registry.describe(comparison["compared_with"]["version"])
        decision = decide(
            comparison["candidate"],
            comparison["champion"],
            comparison["differences"],
            carried_by(champion.decision),
            own=comparison.get("on_own_clips"),
        )
        unchanged = comparison.get("unchanged", False) and not request["force"]
        forced = bool(request["force"]) and not decision.promote
        document = {
            **decision.to_json(),
            "promote": decision.promote and not unchanged,
            "unchanged": unchanged,
            "forced": forced,
            "requested_by": request["requested_by"],
            "reason": request["reason"],
            "compared_with": comparison["compared_with"],
            "evaluated_on": comparison["evaluated_on"],
        }
        version = self._registry.allocate(run)
        self._registry.publish(version, self._version_files(run, version, document))
        return {"version": version, "promote": document["promote"] or forced}

    def promote(self, run: str, version: str) -> Document:
        """Make the version the champion, unless another one became it meanwhile.

        It is promoted once. What was promoted and whose answer was lost is not promoted again when
        the step is tried again: somebody may have rolled back in between.
        """
        found = self._registry.describe(version)
        if found.outcome:
            return self._finish(run, found.outcome["status"], version, found.outcome["reasons"])
        decision = found.decision or {}
        compared_with = Champion(**decision["compared_with"])
        candidate = Champion(found.name, found.manifest_sha256)
        if not self._was_promoted(candidate):
            try:
                self._registry.promote(
                    version,
                    by=decision["requested_by"] or f"retraining {run}",
                    reason=decision["reason"] or "it passed the gate",
                    force=decision["forced"],
                    instead_of=compared_with,
                )
            except ConflictError as error:
                if not self._was_promoted(candidate):  # else: by a write whose answer was lost
                    return self._finish(run, "rejected", version, [str(error)])
        return self._finish(run, "promoted", version, [])

    def reject(self, run: str, version: str) -> Document:
        """Record that the champion stays, and why."""
        decision = self._registry.describe(version).decision or {"checks": []}
        if decision.get("unchanged"):
            return self._finish(run, "unchanged", version, [UNCHANGED])
        reasons = [check["reason"] for check in decision["checks"] if not check["passed"]]
        return self._finish(run, "rejected", version, reasons)

    def record_failure(self, run: str, error: Document) -> Document:
        """Record what a step failed of.

        Args:
            run: that failed.
            error: as a Catch of the state machine gives it: ``Error`` and ``Cause``.
        """
        status = "refused" if error.get("Error") in REFUSALS else "failed"
        return self._finish(run, status, None, [_message(error)], error=error.get("Error"))

    def _yamnet_of_champion(self) -> Document | None:
        """What the champion's manifest states about its YAMNet; None without a champion."""
        champion = self._registry.champion()
        if champion is None:
            return None
        manifest = self._registry.describe(champion.version).manifest
        return {name: manifest.get(name) for name in (YAMNET_MEMBER, WEIGHTS_MEMBER)}

    def _was_promoted(self, version: Champion) -> bool:
        pointer = self._registry.pointer()
        history = pointer.history if pointer else ()
        return any(entry.champion == version for entry in history)

    def _version_files(self, run: str, version: str, decision: Document) -> dict[str, bytes]:
        names = self._files.names(run, CANDIDATE_FOLDER)
        files = {name.removeprefix(CANDIDATE_FOLDER): self._files.read(run, name) for name in names}
        files[DECISION_NAME] = json.dumps(decision, indent=2).encode()
        manifest = json.loads(files.pop(MANIFEST_NAME))
        manifest |= {
            "version": version,
            "run": run,
            "files": {name: sha256_hex(content) for name, content in sorted(files.items())},
        }
        files[MANIFEST_NAME] = json.dumps(manifest, indent=2).encode()
        return files

    def _finish(
        self, run: str, status: str, version: str | None, reasons: list[str], **more: Any
    ) -> Document:
        champion = self._registry.champion()
        outcome = {
            "run": run,
            "status": status,
            "version": version,
            "champion": champion.version if champion else None,
            "reasons": reasons,
            "finished_at": format_time(self._now()),
            **(self._learned_from(run) if version else {}),
            **more,
        }
        self._files.write_json(run, OUTCOME_NAME, outcome)
        if version:
            self._registry.record_outcome(
                version, {"run": run, "status": status, "reasons": reasons}
            )
        self._turn.give_back(run)
        return outcome

    def _learned_from(self, run: str) -> Document:
        """What became of the clips of this run, so that none is silently dropped.

        A run that an earlier release began has not written down all of it.
        """
        corrections = self._files.read_json(run, COMPARISON_NAME).get("corrections", {})
        training = self._files.read_json(run, f"{CANDIDATE_FOLDER}{TRAINING_NAME}")
        left_out = list(training.get("left_out", []))
        ignored = self._files.read_json(run, PLAN_NAME)["ignored"]
        left_out += [[key, "its key states no label"] for key in ignored]
        counts = {name: n for name, n in corrections.items() if name != "clips"}
        return {
            "corrections": counts,
            "left_out": {
                "count": len(left_out),
                "clips": [{"key": key, "reason": why} for key, why in left_out[:MAX_LEFT_OUT]],
            },
        }


def _message(error: Document) -> str:
    """The message within the cause, which is JSON where a Lambda function raised it."""
    cause = error.get("Cause") or ""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause or str(error.get("Error") or "unknown")
