"""Times on the desk are those of the source's clock, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from earshot.results.result import Result
from tests.e2e.interface import SIZES, Interface, heading
from tests.e2e.seed import Night
from tests.stack import LocalStack

SOURCE, ZONE = "yard", "Asia/Kolkata"  # half an hour off, so that no other zone looks like it


@pytest.fixture
def yard(stack: LocalStack, night: Night) -> Iterator[Result]:
    """The first alert of a source whose time zone is set."""
    for zone in (ZONE, "UTC"):
        assert stack.call("PUT", f"/sources/{SOURCE}", {"time_zone": zone})[0] == 200
        if zone == ZONE:
            yield next(one for one in night.results if one.source == SOURCE and one.alerted_at)


@pytest.mark.parametrize("page", SIZES.values(), ids=SIZES, indirect=True)
def test_times_are_in_the_zone_of_the_source_and_said_once(
    interface: Interface, yard: Result, page: Page
):
    assert yard.recorded_at
    local = f"{yard.recorded_at.astimezone(ZoneInfo(ZONE)):%d %B %Y, %H:%M:%S}"
    interface.open(page, "What happened", f"?source={SOURCE}&clip={yard.clip_id}")
    expect(heading(page, f"Also found at {SOURCE}")).to_be_visible()
    expect(page.get_by_text(re.compile(f"Times in {ZONE}"))).to_have_count(1)
    expect(page.get_by_text(local)).to_be_visible()
    # Beside clips of other zones a clip's own is said where it is open.
    interface.open(page, "What happened", f"?clip={yard.clip_id}")
    expect(page.get_by_text(local)).to_be_visible()
    expect(page.get_by_text(f"{ZONE}, the zone of {SOURCE}")).to_be_visible()
