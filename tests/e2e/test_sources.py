"""Sources on the desk, in a real browser: found by a part of the name, times by their clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from earshot.results.result import Result
from tests.e2e.interface import SIZES, Interface, button, heading
from tests.e2e.seed import Night
from tests.stack import LocalStack

pytestmark = pytest.mark.long  # they need the night of thousands of results

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


def test_a_part_of_a_name_is_the_source_that_has_it(interface: Interface, night: Night, page: Page):
    assert night.results
    interface.open(page, "What happened")
    expect(button(page, "north gate: 500 results")).to_be_visible()
    box = page.get_by_role("combobox", name="Source")
    for typed, shown in (("north", "Also found at north gate"), ("nirth gate", "Is it north gate")):
        box.fill(typed)
        box.press("Enter")
        expect(page.get_by_text(shown)).to_be_visible()
    expect(page.get_by_text("No sound has come from a source called nirth gate")).to_be_visible()
