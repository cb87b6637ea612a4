"""A new champion is taken up while classify runs, and only if nothing is wrong with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from earshot.errors import ModelError, UnavailableError
from earshot.model.champion import ServingModel
from earshot.model.versions import Pointer, Promotion
from earshot_classify import wiring
from earshot_classify.settings import Settings


def promotion(version: str) -> Promotion:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    return Promotion(version, f"sha256 of {version}", at, "tester", "a test")


class Registry:
    """Remembers promotions, newest first; fails with `failure` if that is set."""

    def __init__(self, *versions: str) -> None:
        self.history = [promotion(version) for version in versions]
        self.failure: Exception | None = None

    def pointer(self) -> Pointer | None:
        if self.failure:
            raise self.failure
        return Pointer('"etag"', tuple(self.history)) if self.history else None

    def reader(self, version: str) -> Any:
        return lambda name: version.encode()


class Stage:
    """A `ServingModel` with a clock and files that a test turns."""

    def __init__(
        self,
        registry: Registry,
        broken: set[str] | None = None,
        fault: Exception | None = None,
    ) -> None:
        self.registry = registry
        self.broken = broken or set()
        self.fault = fault
        self.seconds = 0.0
        self.refused: list[Exception] = []
        self.loaded: list[str] = []
        like_a_registry: Any = registry
        self.serving: Any = ServingModel(
            like_a_registry,
            load=self.load,
            bundled=lambda name: b"bundled",
            refused=self.refused.append,
            clock=lambda: self.seconds,
        )

    def load(self, read: Any, manifest_sha256: str | None) -> Any:
        version = read("manifest.json").decode()
        assert manifest_sha256 == (None if version == "bundled" else f"sha256 of {version}")
        if version in self.broken:
            raise self.fault or ModelError(
                f"head.npz of {version} is not the one its manifest names"
            )
        self.loaded.append(version)
        return version

    def after(self, seconds: float) -> Any:
        self.seconds += seconds
        return self.serving()


def test_the_bundled_model_serves_until_there_is_a_champion():
    stage = Stage(Registry())
    assert stage.serving() == "bundled"
    stage.registry.history = [promotion("v2")]
    assert stage.after(30) == "v2"


def test_a_new_champion_serves_within_a_minute_and_the_pointer_is_not_read_each_time():
    stage = Stage(Registry("v1"))
    stage.registry.history.insert(0, promotion("v2"))
    assert stage.after(29) == "v1"
    assert stage.after(30) == "v2"
    assert stage.after(31) == "v2"
    assert stage.loaded == ["v1", "v2"], "an unchanged champion was loaded again"


def test_an_altered_champion_is_refused_with_an_alarm_and_the_old_one_serves_on():
    stage = Stage(Registry("v1"), broken={"v2"})
    stage.registry.history.insert(0, promotion("v2"))
    assert stage.after(30) == "v1"
    assert [str(error) for error in stage.refused] == [
        "head.npz of v2 is not the one its manifest names"
    ]
    stage.broken.clear()  # mended
    assert stage.after(30) == "v2"


@pytest.mark.parametrize("failure", [UnavailableError("S3"), ModelError("pointer"), KeyError("x")])
def test_a_failing_registry_does_not_stop_a_model_that_serves(failure):
    stage = Stage(Registry("v1"))
    stage.registry.failure = failure
    assert stage.after(30) == "v1"
    assert stage.refused == [failure]


def test_a_function_that_starts_under_an_altered_champion_serves_the_one_before():
    stage = Stage(Registry("v3", "v2", "v3", "v1"), broken={"v3", "v2"})
    assert stage.serving() == "v1"
    assert len(stage.refused) == 2
    stage.broken.clear()
    assert stage.after(30) == "v3"


def test_a_function_that_starts_with_nothing_sound_serves_the_bundled_model():
    stage = Stage(Registry("v2", "v1"), broken={"v1", "v2"})
    assert stage.serving() == "bundled"


def test_a_registry_that_does_not_answer_a_starting_function_is_a_transient_fault():
    registry = Registry("v1")
    registry.failure = UnavailableError("S3")
    with pytest.raises(UnavailableError):
        Stage(registry)


@pytest.mark.parametrize("fault", [KeyError("files"), TypeError("x"), MemoryError(), IndexError()])
def test_whatever_fails_while_a_champion_is_loaded_is_a_refusal(fault):
    running = Stage(Registry("v1"), broken={"v2"}, fault=fault)
    running.registry.history.insert(0, promotion("v2"))
    assert running.after(30) == "v1"
    starting = Stage(Registry("v2", "v1"), broken={"v2"}, fault=fault)
    assert starting.serving() == "v1"
    assert running.refused == starting.refused == [fault]


@pytest.mark.parametrize("fault", [ModelError("champion.json"), RecursionError(), KeyError("x")])
def test_under_a_pointer_that_cannot_be_read_the_bundled_model_serves_until_it_can(fault):
    registry = Registry("v1")
    registry.failure = fault
    stage = Stage(registry)
    assert stage.serving() == "bundled"
    assert stage.refused == [fault]
    registry.failure = None
    assert stage.after(30) == "v1"


def test_a_version_that_cannot_be_read_now_is_not_passed_over_at_the_start():
    with pytest.raises(UnavailableError):
        Stage(Registry("v2", "v1"), broken={"v2"}, fault=UnavailableError("S3"))


def test_a_clock_that_was_set_back_delays_no_new_champion():
    registry = Registry("v1")
    stage = Stage(registry)
    stage.seconds = 1e6
    assert stage.serving() == "v1"
    registry.history.insert(0, promotion("v2"))
    stage.seconds = 5.0
    assert stage.serving() == "v2"


def test_an_environment_that_was_restored_serves_the_champion_of_now(monkeypatch):
    """Its monotonic clock stands where it stood when the snapshot was made."""
    registry = Registry("v1")
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    now = [1e9]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(wiring, "ModelRegistry", lambda s3, bucket: registry)
    monkeypatch.setattr(wiring, "Yamnets", Mock())
    monkeypatch.setattr(wiring, "Classifier", lambda yamnet, model, reference: model)
    monkeypatch.setattr(wiring, "check_golden_clip", lambda classifier: None)
    monkeypatch.setattr(
        wiring,
        "load_model",
        lambda read, folder, sha256: SimpleNamespace(
            version=read("manifest.json").decode(), manifest=None, sha256=sha256
        ),
    )
    registry.read_yamnet = None  # type: ignore[attr-defined]
    settings = Settings(Path("yamnet"), Path("model"), models_bucket="models")
    nothing: Any = None
    serving: Any = wiring._serving_model(settings, nothing, nothing)
    assert serving().version == "v1"
    registry.history.insert(0, promotion("v2"))
    assert serving().version == "v1", "within half a minute it does not look again"
    now[0] += 3600  # it was a snapshot for an hour
    assert serving().version == "v2"
