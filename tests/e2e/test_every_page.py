"""Every page, by everybody: by axe's rules in dark and light, and by the keyboard alone."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import SCHEMES, beyond_the_keyboard, serious_faults
from tests.e2e.interface import DESK, PATIENCE_MS, PHONE, SIZES, Interface, playing
from tests.e2e.seed import Night

pytestmark = pytest.mark.long

STATES = (
    ("Review", "[data-group=threats]", "j"),
    ("Overview", ".mark", "j"),
    ("Classify", ".empty", ""),
    ("Retrain", "[data-testid=stBaseButton-primary]", ""),
    ("Models", "[data-testid=stBaseButton-secondary], [data-testid=stAlert], h3", ""),
    ("Status", "[data-testid=stMetric]", ""),
    ("Results", ".empty", ""),
)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_page_has_a_serious_fault_of_accessibility_and_the_phones_menu_closes(
    interface: Interface, night: Night, browser: Browser, scheme: Literal["dark", "light"]
):
    assert night.results
    context = browser.new_context(
        viewport=PHONE, timezone_id="UTC", color_scheme=scheme, has_touch=True
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    interface.open(page, "Review", "?source=yard")
    found = []
    for name, ready, key in STATES:
        if name == "Results":
            interface.open(page, "Results", "?source=nowhere")
        elif name != "Review":
            page.get_by_test_id("stExpandSidebarButton").click()
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("link", name="Models")).not_to_be_in_viewport()
        expect(page.locator(ready).first).to_be_visible()
        if key:
            page.keyboard.press(key)
            expect(page.get_by_alt_text(re.compile("Waveform"))).to_be_visible()
        expect(page).to_have_title(f"{name} - Earshot")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            found += [(name, size, *fault) for fault in serious_faults(page)]
        page.set_viewport_size(PHONE)
    context.close()
    assert found == []


def test_the_keyboard_reaches_everything(interface: Interface, night: Night, page: Page):
    assert night.results
    page.set_viewport_size(DESK)
    interface.open(page, "Review", "?source=yard")
    expect(page.locator("[data-group=threats]")).to_be_visible()
    page.keyboard.press("j")
    playing(page)
    assert beyond_the_keyboard(page) == []
    week = page.get_by_role("radio", name="Last 7 days")
    week.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Any time")).to_be_focused()
    for name, ready, _ in (*STATES[2:6], ("Results", "li:nth-child(8) img.thumb", "")):
        page.get_by_role("link", name=name).click()
        expect(page).to_have_title(f"{name} - Earshot")
        expect(page.locator(ready).first).to_be_visible()
        assert beyond_the_keyboard(page) == [], name
