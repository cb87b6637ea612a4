"""People sign in by the user pool's own page; what the interface lets them do differs by group."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from local.settings import FIRST_MODEL
from tests.e2e.interface import Interface, button, choose, heading
from tests.integration.client.test_command_line import run as earshot
from tests.stack import LocalStack


def champion(stack: LocalStack) -> str:
    return str(stack.call("GET", "/status")[1]["model"]["version"])


def sign_in(page: Page, interface: Interface, token: str) -> None:
    page.goto(f"{interface.url}/models", wait_until="commit")
    page.locator("input[type=password]").fill(token)
    button(page, "Sign in").click()
    expect(heading(page, "Models")).to_be_visible()


def exchange(page: Page, verb: str, version: str, *, force: bool) -> None:
    choose(page, "Version", version)
    button(page, f"{verb} {version}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill("a test")
    dialog.get_by_role("textbox", name="Reason").press("Enter")
    if force:
        dialog.get_by_text("Promote anyway").click()
    dialog.get_by_role("button", name="Yes, replace").click()


def test_an_administrator_promotes_and_rolls_back_and_a_trainer_may_not(
    locked_interface: Interface, page: Page, stack: LocalStack
):
    before = champion(stack)
    release = earshot(stack, "models", "publish", FIRST_MODEL)["version"]
    # A release that was made before the champion, or with it, is gone back to.
    created = {one["version"]: one["created"] for one in earshot(stack, "models")}
    verb = "Roll back to" if created[release] < created[before] else "Promote"

    sign_in(page, locked_interface, stack.persons_token("trainer"))
    choose(page, "Version", release)
    expect(heading(page, release)).to_be_visible()
    expect(button(page, f"{verb} {release}")).to_have_count(0)
    button(page, "Sign out").click()

    sign_in(page, locked_interface, stack.persons_token("admin"))
    exchange(page, verb, release, force=True)
    expect(page.get_by_text(f"{release} is the champion now")).to_be_visible()
    assert champion(stack) == release
    exchange(page, "Promote", before, force=False)
    expect(page.get_by_text(f"{before} is the champion now")).to_be_visible()
    assert champion(stack) == before
