"""The API's handler with services that live in memory."""

from __future__ import annotations

import pytest

from earshot_api import app, authorization
from earshot_api.routes import (
    about,
    alerts,
    audio,
    clients,
    erasure,
    feedback,
    models,
    mutes,
    results,
    retraining,
    sources,
    uploads,
)
from tests.unit.api.fake_services import Services


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    fake = Services()
    monkeypatch.setattr(authorization, "asks_for_tokens", lambda: fake.asks_for_tokens)
    modules = (
        *(about, alerts, audio, clients, erasure, feedback, models, mutes, results, retraining),
        *(sources, uploads),
    )
    for module in (app, *modules):
        monkeypatch.setattr(module, "services", lambda: fake)
    return fake
