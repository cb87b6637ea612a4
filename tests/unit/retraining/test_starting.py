"""A retraining that is asked for again under its idempotency key is started once."""

from __future__ import annotations

from typing import Any

from earshot.errors import ConflictError
from earshot.retraining.plan import Request
from earshot.retraining.service import RetrainingService
from tests.unit.sample_results import NOON


class Machine:
    """Takes each name once, as Step Functions does."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, name: str, document: dict[str, Any]) -> None:
        if name in self.started:
            raise ConflictError(f"There is a retraining {name} already.")
        self.started.append(name)

    def exists(self, name: str) -> bool:
        return False  # as one that started a moment ago may seem

    def running(self) -> None:
        return None


def test_a_key_starts_one_retraining_of_its_requester() -> None:
    machine: Any = Machine()
    nothing: Any = None
    service = RetrainingService(machine, nothing, nothing, lambda: NOON)
    ann, ben = Request(requested_by="ann"), Request(requested_by="ben")
    asked = ((ann, "1"), (ann, "1"), (ben, "1"), (ann, "2"))
    runs = [service.start(request, key) for request, key in asked]
    assert runs[0] == runs[1]
    assert len(set(runs)) == len(machine.started) == 3
    service.start(ann)
    service.start(ann)
    assert len(machine.started) == 5
    assert all(name.startswith("20260131") for name in machine.started)
