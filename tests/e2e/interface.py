"""The web interface as a process, and the way a person uses it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from playwright.sync_api import Locator, Page, ViewportSize, expect

from local.settings import REPOSITORY
from tests.stack import free_port

CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_S = 180
DESK: ViewportSize = {"width": 1440, "height": 900}
TALL: ViewportSize = {"width": 1280, "height": 1600}
PHONE: ViewportSize = {"width": 390, "height": 844}
SIZES = {"desk": DESK, "phone": PHONE}
COUNT_CLICKS = """window.clicks = 0;
document.addEventListener("click", (event) => { window.clicks += event.isTrusted; }, true);"""
PATIENCE_MS = 120_000  # a busy machine takes its time; none of the tests measures it


def find_chromium() -> str | None:
    """Path of a Chromium; None if there is none."""
    named = os.environ.get("CHROMIUM")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    return next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True)
class Interface:
    """A running interface."""

    url: str
    log: Path

    def open(self, page: Page, name: str = "Classify", query: str = "") -> None:
        """Go to a page by its address."""
        path = "" if name == "What happened" else name.lower()
        page.goto(f"{self.url}/{path}{query}", wait_until="commit")
        expect(heading(page, name)).to_be_visible()


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[Interface]:
    """An interface on a free port, started as `make ui` does."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("EARSHOT_")}
    port = free_port()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.ui"],
            cwd=REPOSITORY,
            env=inherited | {"UI_PORT": str(port)} | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield Interface(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if urllib3.request("GET", url, retries=False, timeout=5).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
    raise AssertionError(f"The interface does not start: {log.read_text()}")


def heading(page: Page, text: str) -> Locator:
    """A heading that contains this."""
    return page.get_by_role("heading", name=re.compile(re.escape(text))).first


def button(page: Page, text: str) -> Locator:
    """A button whose name contains this."""
    return page.get_by_role("button", name=re.compile(re.escape(text))).first


def chart(page: Page, words: str) -> Locator:
    """A chart by how it is read aloud."""
    return page.locator(f'[role=graphics-document][aria-label*="{words}"]').first


def rows(page: Page) -> Locator:
    """Rows of clips."""
    return page.locator("li[data-clip]")


def playing(page: Page) -> Locator:
    """The recording's player, once it plays."""
    player = page.get_by_label("The recording")
    expect(player).to_have_js_property("paused", value=False)
    return player


def duration_s(page: Page) -> float:
    """How long the recording in the player is, once the browser knows."""
    player = page.get_by_label("The recording")
    known = """p => p.readyState
        ? p.duration : new Promise(done => p.onloadedmetadata = () => done(p.duration))"""
    return float(player.evaluate(known))


def choose(page: Page, label: str, option: str) -> None:
    """Pick from a select box, as the keyboard does."""
    box = page.get_by_role("combobox", name=re.compile(re.escape(label))).first
    box.click()
    box.fill(option)
    page.get_by_role("option", name=re.compile(re.escape(option))).first.click()


def drawn(page: Page) -> None:
    """Wait until Streamlit has drawn the page, and nothing of what it replaces fades on it."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    page.evaluate("""() => Promise.allSettled(document.getAnimations()
      .filter(one => one instanceof CSSTransition).map(one => one.finished))""")


def hand_in(page: Page, *files: Path) -> None:
    """Choose files in the page's uploader, once the page is drawn and takes them."""
    expect(page.get_by_test_id("stFileUploaderDropzone").first).to_be_visible()
    drawn(page)
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])
