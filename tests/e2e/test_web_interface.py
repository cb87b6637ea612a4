"""The web interface in a real browser, on a real stack, by what a person does and sees."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, expect

from earshot.audio.log_mel import SAMPLE_RATE
from tests.e2e.interface import (
    PHONE,
    Interface,
    button,
    choose,
    duration_s,
    hand_in,
    heading,
    playing,
    rows,
    running,
)
from tests.stack import LocalStack, free_port, wait_for
from training.data.demo_sounds import siren


def test_a_false_alarm_is_muted_where_it_is_corrected_and_unmuted(
    interface: Interface, page: Page, stack: LocalStack, clips: dict[str, Path]
):
    interface.open(page)
    page.get_by_role("textbox", name="Source").fill("back gate")
    page.get_by_role("textbox", name="Source").press("Enter")
    hand_in(page, clips["siren"])
    page.get_by_text("No alert for what sounds like it").click()
    button(page, "Correct to ■ Casual").click()
    muted = page.get_by_text(re.compile("raises no alert as siren at back gate until"))
    expect(muted).to_be_visible()
    (mute,) = stack.call("GET", "/mutes?source=back%20gate")[1]["mutes"]
    assert mute["labels"] == ["siren"]
    button(page, "Unmute").click()
    expect(muted).to_be_hidden()
    assert stack.call("GET", "/mutes?source=back%20gate")[1]["mutes"] == []


def test_a_microphone_recording_is_classified(interface: Interface, page: Page):
    interface.open(page)
    microphone = page.get_by_test_id("stAudioInput")
    microphone.get_by_role("button", name="Record", exact=True).click()
    expect(microphone.get_by_text("00:03")).to_be_visible()
    microphone.get_by_role("button", name="Stop recording").click()
    expect(heading(page, "Siren")).to_be_visible()
    assert duration_s(page) > 2


@pytest.mark.long
def test_an_api_that_stops_is_shown_in_a_banner_without_a_traceback(page: Page, tmp_path: Path):
    stack = LocalStack(tmp_path / "stack", free_port())
    environment = {"PORT": str(stack.port), "EARSHOT_LOCAL_DIR": str(stack.folder)}
    assert stack.run("up").returncode == 0
    try:
        with running(environment, tmp_path / "log") as interface:
            interface.open(page, "Status")
            expect(page.get_by_text("No problems")).to_be_visible()
            stack.run("down")
            banner = page.get_by_text("Earshot cannot be reached")
            expect(banner).to_be_visible()
            for name in ("Results", "Models"):
                page.get_by_role("link", name=name).click()
                expect(heading(page, name)).to_be_visible()
                expect(banner).to_be_visible()
            assert page.get_by_test_id("stException").count() == 0
            assert "Traceback" not in page.inner_text("body")
            expect(button(page, "Try again")).to_be_visible()
    finally:
        stack.run("down")


def test_a_large_recording_goes_through_the_bucket_by_itself(
    interface: Interface, page: Page, tmp_path: Path
):
    path = tmp_path / "long.wav"
    soundfile.write(path, siren(seconds=150.0), SAMPLE_RATE, subtype="PCM_16")
    assert path.stat().st_size > 4_500_000
    interface.open(page)
    hand_in(page, path)
    expect(heading(page, "Siren")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("spectrogram of 2 min 30 s"))).to_be_visible()


def test_a_rejected_clip_does_not_stop_the_others(
    interface: Interface, page: Page, clips: dict[str, Path], tmp_path: Path
):
    for name, text in (("letter", "Dear all"), ("empty", "")):
        (tmp_path / f"{name}.wav").write_text(text)
    interface.open(page)
    hand_in(page, *sorted(tmp_path.glob("*.wav")), clips["siren"], clips["gunshot"])
    expect(page.get_by_text("letter.wav: The file is text, not a recording")).to_be_visible()
    expect(page.get_by_text(re.compile("^empty.wav: The file is empty"))).to_be_visible()
    expect(heading(page, "Gunshot")).to_be_visible()
    expect(rows(page)).to_have_count(2)
    rows(page).filter(has_text=clips["siren"].name).click(position={"x": 200, "y": 12})
    expect(heading(page, "Siren")).to_be_visible()
    # Its long reason is not wider than a phone.
    page.set_viewport_size(PHONE)
    interface.open(page, "Results")
    expect(page.get_by_text("The file is text, not a recording").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth") <= PHONE["width"]


def test_results_can_be_filtered_opened_confirmed_and_taken_along(
    interface: Interface, page: Page, stack: LocalStack, clips: dict[str, Path], tmp_path: Path
):
    for label in ("explosion", "casual"):
        stack.client("s3").put_object(
            Bucket=stack.outputs["UploadsBucketName"],
            Key=f"incoming/south gate/{label}.wav",
            Body=clips[label].read_bytes(),
        )
    # What comes later is announced, and not in the list.
    wait_for(lambda: len(stack.call("GET", "/results?source=south%20gate")[1]["results"]) == 2)
    interface.open(page, "Results")
    choose(page, "Source", "south gate")
    expect(page.get_by_text("2 results,")).to_be_visible()
    choose(page, "Label", "Explosion")
    expect(page.get_by_text("1 result,")).to_be_visible()
    with page.expect_download() as download:
        button(page, "CSV of 1").click()
    download.value.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["label"]) == ("south gate", "explosion")

    rows(page).click(position={"x": 500, "y": 15})  # anywhere
    expect(heading(page, "Explosion")).to_be_visible()
    playing(page)
    expect(page.get_by_alt_text(re.compile("Waveform and log-mel"))).to_be_visible()
    button(page, "Confirm: ◆ Explosion").click()
    expect(page.get_by_text("Recorded: ◆ Explosion")).to_be_visible()
    assert stack.call("DELETE", f"/results/{row['clip_id']}")[0] == 200
    page.reload()
    expect(page.get_by_text(re.compile("for the clip of this link. It was erased"))).to_be_visible()


def test_status_shows_the_chosen_version_and_the_queues(interface: Interface, page: Page):
    interface.open(page, "Status")
    expect(page.get_by_text("No problems")).to_be_visible()
    for metric in ("Chosen version", "Waiting uploads", "Failed uploads", "Clips in the last hour"):
        expect(page.get_by_text(metric, exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^v\d+$")).first).to_be_visible()


def test_an_alert_that_was_sent_is_listed_and_leads_to_its_clip(
    interface: Interface, page: Page, stack: LocalStack, clips: dict[str, Path]
):
    stack.client("s3").put_object(
        Bucket=stack.outputs["UploadsBucketName"],
        Key="incoming/east gate/shot.wav",
        Body=clips["gunshot"].read_bytes(),
    )
    alerted = wait_for(
        lambda: [one for one in stack.call("GET", "/alerts")[1]["alerts"]
                 if one["source"] == "east gate"]
    )  # fmt: skip
    interface.open(page, "What happened", "?span=Last+hour")
    alert = rows(page).filter(has_text="east gate")
    expect(alert).to_contain_text(re.compile(r"Gunshot.*\d\d:\d\d:\d\d.*sure, \d", re.DOTALL))
    alert.get_by_role("button", name="Play").click()
    expect(heading(page, "Gunshot")).to_be_visible()
    playing(page)
    assert page.url.endswith(f"&clip={alerted[0]['clip_id']}")


@pytest.mark.long
def test_a_token_lets_in_and_an_expired_one_no_more(
    locked_interface: Interface, page: Page, stack: LocalStack
):
    page.goto(f"{locked_interface.url}/status", wait_until="commit")
    expect(heading(page, "Sign in")).to_be_visible()
    page.locator("input[type=password]").fill(stack.expired_token())
    button(page, "Sign in").click()
    expect(page.get_by_text("This token is not accepted")).to_be_visible()
    page.locator("input[type=password]").fill(stack.token("read"))
    button(page, "Sign in").click()
    expect(heading(page, "Status")).to_be_visible()
    expect(page.get_by_role("link", name="Results")).to_be_visible()
    for name in ("Review", "Classify", "Retrain"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    button(page, "Sign out").click()
    expect(heading(page, "Sign in")).to_be_visible()
