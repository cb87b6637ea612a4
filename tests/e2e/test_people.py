"""People sign in by the user pool's own page; what the interface lets them do differs by group."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from local.settings import FIRST_MODEL
from tests.e2e.accessibility import beyond_the_keyboard, faults_in_all_sizes
from tests.e2e.interface import (
    Interface,
    button,
    choose,
    drawn,
    heading,
    running,
)
from tests.integration.client.test_command_line import run as earshot
from tests.stack import LocalStack

pytestmark = pytest.mark.long  # they need a stack and an interface of their own, with a user pool

PASSWORD = "Aa1!earshot-test"  # noqa: S105 # pragma: allowlist secret - of the local stack


@pytest.fixture(scope="module")
def provider_interface(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interface]:
    """The interface as it is deployed on AWS, with the local stack's user pool."""
    environment = {"PORT": str(stack.port), "EARSHOT_LOCAL_DIR": str(stack.folder)}
    environment |= {"SIGN_IN": "on"}
    with running(environment, tmp_path_factory.mktemp("ui") / "log") as interface:
        yield interface


def person(stack: LocalStack, group: str) -> str:
    """Somebody in this group, with `PASSWORD`."""
    stack.persons_token(group)  # makes them
    email = f"{group}@ear.example"
    stack.client("cognito-idp").admin_set_user_password(
        UserPoolId=stack.outputs["UserPoolId"], Username=email, Password=PASSWORD, Permanent=True
    )
    return email


@pytest.mark.parametrize(
    ("group", "pages"),
    [
        ("viewer", ["Overview", "Results", "Models", "Status"]),
        ("trainer", ["Overview", "Review", "Results", "Classify", "Retrain", "Models", "Status"]),
    ],
)
def test_a_person_signs_in_at_the_user_pool_and_sees_what_they_may(
    provider_interface: Interface, page: Page, stack: LocalStack, group: str, pages: list[str]
):
    email = person(stack, group)
    page.goto(provider_interface.url, wait_until="commit")
    expect(heading(page, "Sign in")).to_be_visible()
    assert faults_in_all_sizes(page) == []
    button(page, "Sign in").click()
    page.locator("input[name=username]").fill(email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit], input[type=submit]").first.click()
    expect(heading(page, "What happened")).to_be_visible()
    links = page.get_by_test_id("stPageLink-NavLink")
    expect(links).to_have_text([re.compile(name) for name in pages])
    expect(page.get_by_text(f"Signed in as {email}")).to_be_visible()
    page.reload()
    expect(heading(page, "What happened")).to_be_visible()
    # A click while the page is still drawn is lost with what it was on.
    drawn(page)
    button(page, "Sign out").click()
    expect(heading(page, "Sign in")).to_be_visible()


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
    if force:
        expect(dialog).to_be_visible()
        assert faults_in_all_sizes(page) == []
        assert beyond_the_keyboard(page) == [], "of the dialog"
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
