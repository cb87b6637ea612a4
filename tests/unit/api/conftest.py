"""The API's handler with services that live in memory."""

from __future__ import annotations

import pytest

from earshot_api import app
from earshot_api.routes import about, alerts, feedback, models, results, retraining, uploads
from tests.unit.api.fake_services import Services


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    fake = Services()
    for module in (app, about, alerts, feedback, models, results, retraining, uploads):
        monkeypatch.setattr(module, "services", lambda: fake)
    return fake
