"""`make screenshots`: pictures of each page of the web interface, in docs/images/."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from local.settings import REPOSITORY
from tests.e2e.interface import (
    CHROMIUM_ARGUMENTS,
    Interface,
    button,
    chart,
    find_chromium,
    hand_in,
    heading,
    rows,
    running,
)
from tests.e2e.seed import seed
from tests.stack import LocalStack, free_port
from training.data.demo_sounds import write_clips, write_recordings

IMAGES = REPOSITORY / "docs" / "images"
PATIENCE_MS = 120_000
RETRAINED_MS = 600_000
HEIGHTS = {"retrain": 1600, "models": 1500, "status": 1250, "overview": 1250}


def classify(page: Page, interface: Interface, clips: list[Path]) -> None:
    """Hand clips in, one after another, and show the last one's picture."""
    for clip in clips:
        interface.open(page)
        page.get_by_role("textbox", name="Source").fill("north gate")
        page.get_by_role("textbox", name="Source").press("Enter")
        hand_in(page, clip)
        heading(page, clip.name.partition("_")[0].capitalize()).wait_for()
        page.get_by_alt_text(re.compile("Waveform")).wait_for()


def overview(page: Page, interface: Interface) -> None:
    """Last night at one place, with a clip open."""
    interface.open(page, "What happened")
    page.get_by_role("button", name="north gate: ").wait_for()
    rows(page).nth(1).get_by_role("button", name="Play").click()
    page.get_by_alt_text(re.compile("Waveform")).wait_for()


def retrain(page: Page, interface: Interface, labeled: list[Path]) -> None:
    """Retrain with labeled recordings, one in three of them held out, and wait for the end."""
    interface.open(page, "Retrain")
    page.get_by_text("Uploaded files").click()
    hand_in(page, *labeled)
    page.get_by_text("Hold out one in three for evaluation").click()
    page.get_by_text(" held out", exact=False).last.wait_for()
    button(page, "Start retraining").click()
    heading(page, "The gate").wait_for(timeout=RETRAINED_MS)
    page.reload()  # the outcome has an address, the files are gone
    heading(page, "The gate").wait_for()


def save(page: Page, name: str) -> None:
    """Take a picture as on a desk and one as on a telephone, small enough for a README."""
    for suffix, width, height in (("", 1280, HEIGHTS.get(name, 1000)), ("-phone", 390, 1400)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(2500)  # for charts to be drawn
        path = IMAGES / f"{name}{suffix}.png"
        page.screenshot(path=path)
        Image.open(path).convert("RGB").save(path.with_suffix(".webp"), quality=82, method=6)
        path.unlink()
    page.set_viewport_size({"width": 1280, "height": 1000})


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("There is no Chromium: install it, or set CHROMIUM to its path.")
    expect.set_options(timeout=PATIENCE_MS)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clips = write_clips(Path(folder) / "clips")
        stack = LocalStack(Path(folder) / "stack", free_port())
        try:
            up = stack.run("up")
            if up.returncode:
                sys.exit(up.stderr)
            environment = {"PORT": str(stack.port), "EARSHOT_LOCAL_DIR": str(stack.folder)}
            with running(environment, Path(folder) / "log") as interface:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=CHROMIUM_ARGUMENTS
                )
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                page.set_default_timeout(PATIENCE_MS)
                classify(page, interface, [*clips[2:], clips[0], clips[1]])
                save(page, "classify")
                seed(stack)
                overview(page, interface)
                save(page, "overview")
                interface.open(page, "Review")
                heading(page, "Other gunshots").wait_for()
                page.keyboard.press("j")
                page.get_by_alt_text(re.compile("Waveform")).wait_for()
                save(page, "review")
                interface.open(page, "Results", "?span=Last+night&source=harbor")
                page.get_by_text("No sound from harbor").wait_for()
                save(page, "results")
                retrain(page, interface, write_recordings(Path(folder) / "labeled", n_each=18))
                save(page, "retrain")
                for name, words in (("Models", "macro F1"), ("Status", "clips in the last hour")):
                    interface.open(page, name)
                    chart(page, words).wait_for()
                    save(page, name.lower())
                browser.close()
        finally:
            stack.run("down")


if __name__ == "__main__":
    main()
