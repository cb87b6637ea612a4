"""A local stack, the web interface on it, and a browser before that: all real, all their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from earshot.audio.log_mel import SAMPLE_RATE
from tests.e2e.interface import (
    CHROMIUM_ARGUMENTS,
    COUNT_CLICKS,
    PATIENCE_MS,
    TALL,
    Interface,
    find_chromium,
    running,
)
from tests.e2e.seed import Night, seed
from tests.stack import LocalStack, up
from training.data.demo_sounds import siren, write_clips

LOCAL = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium before whose microphone a siren wails."""
    path = find_chromium()
    if path is None:
        missing = (
            "There is no Chromium: install it (Debian: apt-get install chromium), or set CHROMIUM "
            "to its path."
        )
        if os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(missing)
        pytest.skip(missing)
    sound = tmp_path_factory.mktemp("microphone") / "siren.wav"
    soundfile.write(sound, siren(), SAMPLE_RATE, subtype="PCM_16")
    microphone = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}",
    ]
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*CHROMIUM_ARGUMENTS, *microphone]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that asks for tokens; without a browser it is not even started."""
    with up(tmp_path_factory.mktemp("e2e")) as stack:
        yield stack


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A clip of each label, by the label."""
    paths = write_clips(tmp_path_factory.mktemp("clips"))
    return {path.name.partition("_")[0]: path for path in paths}


@pytest.fixture(scope="session")
def night(stack: LocalStack) -> Night:
    """Ten thousand results of the last night, in the stack once a test asks for them."""
    return seed(stack)


@pytest.fixture(scope="session")
def interface(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    """The interface as `make ui` starts it on the stack: whoever reaches it is signed in."""
    environment = {"PORT": str(stack.port), "EARSHOT_LOCAL_DIR": str(stack.folder)}
    with running(environment, tmp_path_factory.mktemp("ui") / "log") as interface:
        yield interface


@pytest.fixture(scope="session")
def locked_interface(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interface]:
    """The interface as it is deployed for many: each signs in with a token."""
    environment = {"EARSHOT_API_URL": stack.outputs["ApiUrl"]}
    with running(environment, tmp_path_factory.mktemp("ui") / "log") as interface:
        yield interface


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh window, of the size that a test is parametrized with; it counts a person's clicks.

    A test leaves it without a script's error in it, and no request to others than the interface
    and the API, all of which are on this machine.
    """
    size: ViewportSize = getattr(request, "param", TALL)
    context = browser.new_context(viewport=size, timezone_id="UTC", accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(COUNT_CLICKS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert errors == []
    assert [url for url in asked if not LOCAL.match(url)] == []
