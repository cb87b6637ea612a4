"""People sign in by the user pool, and see what their group may do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.interface import Interface, button, heading, running
from tests.stack import LocalStack

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
    button(page, "Sign in").click()
    page.locator("input[name=username]").fill(email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit], input[type=submit]").first.click()
    expect(heading(page, "What happened")).to_be_visible()
    links = page.get_by_test_id("stSidebarNavLink")
    expect(links).to_have_text([re.compile(name) for name in pages])
    expect(page.get_by_text(f"Signed in as {email}")).to_be_visible()
    page.reload()
    expect(heading(page, "What happened")).to_be_visible()
    # A click while the page is still drawn is lost with what it was on.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    button(page, "Sign out").click()
    expect(heading(page, "Sign in")).to_be_visible()
