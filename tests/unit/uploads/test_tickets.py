"""Tickets for uploads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest

from earshot.labels import Label, label_of
from earshot.uploads.tickets import TicketOffice

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Bucket:
    name = "uploads"

    def presign(
        self, key: str, content_type: str, metadata: dict[str, str], lifetime: timedelta
    ) -> dict[str, Any]:
        assert lifetime == timedelta(hours=1)
        return {"url": "https://s3", "fields": {"key": key, "Content-Type": content_type}}


BUCKET: Any = Bucket()


@pytest.mark.parametrize(("held_out", "folder"), [(False, "training"), (True, "heldout")])
def test_a_labeled_clip_lies_where_retrainings_look_for_it(held_out: bool, folder: str):
    office = TicketOffice(BUCKET, lambda: NOW)
    ticket = office.issue_training_clip(Label.SIREN, "harbor", held_out=held_out)
    assert ticket["prefix"] == f"{folder}/harbor/"
    assert ticket["key"].startswith(f"{folder}/harbor/siren/")
    assert label_of(PurePosixPath(ticket["key"])) is Label.SIREN
    assert ticket["fields"]["key"] == ticket["key"]
    assert ticket["expires_at"] == "2026-01-31T13:00:00.000Z"


def test_two_labeled_clips_do_not_overwrite_each_other():
    office = TicketOffice(BUCKET, lambda: NOW)
    keys = {office.issue_training_clip(Label.SIREN, "b", held_out=False)["key"] for _ in range(2)}
    assert len(keys) == 2
