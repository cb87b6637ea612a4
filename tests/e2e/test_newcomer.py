"""A newcomer's whole way in a real browser: classify, correct, retrain, promote, roll back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import serious_faults
from tests.e2e.interface import (
    PHONE,
    TALL,
    Interface,
    button,
    chart,
    choose,
    duration_s,
    hand_in,
    heading,
    running,
)
from tests.stack import LocalStack, up
from training.data.demo_sounds import write_false_alarm, write_recordings

pytestmark = pytest.mark.long

RETRAINED_MS = 600_000


@pytest.fixture(scope="module")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A newcomer's is new: nobody has corrected anything on it."""
    with up(tmp_path_factory.mktemp("newcomer")) as stack:
        yield stack


@pytest.fixture(scope="module")
def interface(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    environment = {"PORT": str(stack.port), "EARSHOT_LOCAL_DIR": str(stack.folder)}
    with running(environment, tmp_path_factory.mktemp("ui") / "log") as interface:
        yield interface


@pytest.fixture(scope="session")
def false_alarm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Casual sound that the bundled model takes for a siren."""
    return write_false_alarm(tmp_path_factory.mktemp("false-alarm"))


@pytest.fixture(scope="session")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Labeled recordings, for training and for the held-out set."""
    return sorted(write_recordings(tmp_path_factory.mktemp("labeled"), n_each=18))


def test_a_newcomer_classifies_corrects_retrains_promotes_and_rolls_back(
    interface: Interface,
    page: Page,
    stack: LocalStack,
    false_alarm: Path,
    labeled: list[Path],
):
    interface.open(page)
    page.get_by_role("textbox", name="Source").fill("north gate")
    page.get_by_role("textbox", name="Source").press("Enter")
    hand_in(page, false_alarm)
    expect(heading(page, "Siren")).to_be_visible()
    picture = page.get_by_alt_text(re.compile("Waveform and log-mel spectrogram of 6.0 s"))
    expect(picture).to_be_visible()
    assert "● Siren from 0.0 to" in str(picture.get_attribute("alt"))
    expect(heading(page, "sure, ")).to_be_visible()
    expect(page.get_by_text(re.compile(r"(^|, )Siren (\d+|> 99) %")).first).to_be_visible()
    assert duration_s(page) == pytest.approx(6, abs=0.1)

    button(page, "Correct to ■ Casual").click()
    expect(page.get_by_text("Recorded: ■ Casual, north gate,")).to_be_visible()
    expect(page.get_by_text("Corrected to ■ Casual").first).to_be_visible()

    clip_id = page.url.partition("clip=")[2]
    interface.open(page, "Results", f"?clip={clip_id}")
    expect(page.get_by_text("Corrected to ■ Casual").first).to_be_visible()
    assert duration_s(page) == pytest.approx(6, abs=0.1)

    interface.open(page, "Retrain")
    expect(page.get_by_text("1 labeled clip, 1 new correction among them")).to_be_visible()
    page.get_by_text("Uploaded files").click()
    hand_in(page, *labeled)
    page.get_by_text("Hold out one in three for evaluation").click()
    expect(page.get_by_text("48 for training, 24 held out")).to_be_visible()
    expect(page.get_by_text("49 labeled clips, 1 new correction among them")).to_be_visible()
    page.get_by_role("textbox", name="Reason").fill("a new site")
    page.get_by_role("textbox", name="Reason").press("Enter")
    button(page, "Start retraining").click()
    expect(page.get_by_text("Embed the clips")).to_be_visible()
    expect(page.get_by_text("v2 is the champion now")).to_be_visible(timeout=RETRAINED_MS)
    expect_the_comparison(page, stack, held_out=24)
    expect(heading(page, "Champion v1")).to_be_visible()
    expect(heading(page, "The gate")).to_be_visible()
    expect_the_correction(page, clip_id)
    assert serious_faults(page) == []
    corrected = f"training/casual/corrections/{clip_id}.wav"
    learned = dataset(stack, "v2")["learnt_from"]
    assert [one["label"] for one in learned if one.get("key") == corrected] == ["casual"]

    expect_no_change_the_second_time(interface, page)
    interface.open(page, "Models")
    for version, verb in (("v1", "Roll back to"), ("v2", "Promote"), ("v1", "Roll back to")):
        choose(page, "Version", version)
        button(page, f"{verb} {version}").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Reason").fill("false alarms")
        dialog.get_by_role("button", name="Yes, replace").click()
        expect(page.get_by_text(f"{version} is the champion now")).to_be_visible()
        # The choice of a version is drawn anew for the new champion, and forgets what was chosen.
        expect(button(page, f"{verb} {version}")).to_be_hidden()
    assert serious_faults(page) == []
    expect(page.get_by_text(re.compile("false alarms")).first).to_be_visible()


def expect_the_comparison(page: Page, stack: LocalStack, held_out: int) -> None:
    """Confusion on the clips that were held out here and those that came with the release."""
    evaluated_on = stack.call("GET", "/models/v2")[1]["decision"]["evaluated_on"]
    # Some may be copies of clips that are trained on, and are left out.
    assert 20 <= evaluated_on["clips"] - evaluated_on["released_clips"] <= held_out
    matrix = re.compile(f"Confusion matrix of {evaluated_on['clips']} clips")
    expect(page.get_by_label(matrix).nth(1)).to_be_visible()


def expect_the_correction(page: Page, clip_id: str) -> None:
    """A retraining's only correction as it was and is, and the run among the earlier ones."""
    expect(heading(page, "Corrected clips")).to_be_visible()
    words = re.compile(f"{clip_id[:8]} casual: was ● Siren, .* %, now ")
    expect(page.get_by_label(words).first).to_be_visible()
    expect(page.get_by_label(re.compile("^Earlier retrainings")).first).to_be_visible()


def expect_no_change_the_second_time(interface: Interface, page: Page) -> None:
    """Nothing is left to learn, and no version is promoted; a phone shows that, too."""
    page.set_viewport_size(PHONE)
    interface.open(page, "Retrain")
    button(page, "Start retraining").click()
    expect(page.get_by_text("No change: v2 stays champion.")).to_be_visible(timeout=RETRAINED_MS)
    expect_the_phone_to_show_all(page)
    interface.open(page, "Models")
    expect(chart(page, "v3: ")).to_have_attribute("aria-label", re.compile("no change"))
    expect_the_phone_to_show_all(page)
    page.set_viewport_size(TALL)


def expect_the_phone_to_show_all(page: Page) -> None:
    """Nothing is wider than the screen, and axe finds nothing serious."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert serious_faults(page) == []


def dataset(stack: LocalStack, version: str) -> dict[str, Any]:
    """What became of each clip when a version was made."""
    found = stack.client("s3").get_object(
        Bucket=stack.outputs["ModelsBucketName"], Key=f"models/{version}/dataset.json"
    )
    content: dict[str, Any] = json.loads(found["Body"].read())
    return content
