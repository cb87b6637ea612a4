"""Whether everybody can use what is on a page: by axe's rules, and by the keyboard alone."""

from __future__ import annotations

from typing import Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from tests.e2e.interface import SIZES, drawn

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
MOST_TABS = 300
# Gives all that can be focused a mark: of the dialog if one is open, and in shadow roots, too. Of a
# group of choices one is reached by Tab, and the others by arrows.
_MARK = """() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
    [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  const focusable = "a[href], button, input, select, textarea, summary, [tabindex]";
  window.marks = all(document.querySelector("[role=dialog]") ?? document).filter((one) =>
    one.matches(focusable) && one.tabIndex >= 0 && !one.disabled
    && !one.closest("[role=radiogroup], [role=toolbar]")
    && one.getClientRects().length && one.checkVisibility({ visibilityProperty: true })
  ).map((one, n) =>
    (one.dataset.mark = `${n} ${one.getAttribute("aria-label") || one.cloneNode().outerHTML}`));
  document.activeElement?.blur();
}"""
# The mark of what has the focus, and whether that is seen: of a field, on the box around it.
_FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return [null, true];
  const { outlineStyle, boxShadow } = getComputedStyle(at);
  const seen = outlineStyle !== "none" || boxShadow !== "none" || at.matches("input, textarea");
  return [at.dataset.mark ?? at.cloneNode().outerHTML, seen];
}"""


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """Serious faults of accessibility that axe finds once all is drawn: rule, and elements."""
    drawn(page)  # what fades for a moment has too little contrast
    return [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def faults_in_all_sizes(page: Page) -> list[tuple[str, str, list[str]]]:
    """Serious faults, dark and light, on a desk and on a telephone."""
    found, before = [], page.viewport_size
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            found += [(f"{scheme}, {size}", *fault) for fault in serious_faults(page)]
    if before:
        page.set_viewport_size(before)
    return found


def beyond_the_keyboard(page: Page) -> list[str]:
    """What can be clicked, and is not reached by Tab from the top of the page."""
    page.evaluate(_MARK)
    reached: dict[str, None] = {}
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        mark, seen = page.evaluate(_FOCUSED)
        if mark is None:
            continue  # it left the page at its end, and comes back at its top
        if mark == next(iter(reached), None) and len(reached) > 1:
            break  # in a table the focus goes from cell to cell before it leaves
        assert seen, f"{mark} has the focus, and nothing shows it"
        reached[mark] = None
    marks: list[str] = page.evaluate("window.marks")
    assert marks
    return [mark for mark in marks if mark not in reached]
