"""The desk on ten thousand results of a night, in a real browser: each sentence by its clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from earshot.labels import Label
from earshot.results.result import Result
from earshot.uploads.objects import UPLOADS_PREFIX
from tests.clips import wav
from tests.e2e.interface import (
    DESK,
    SIZES,
    Interface,
    button,
    drawn,
    heading,
    playing,
    rows,
)
from tests.e2e.seed import LATE, SOURCES, Night
from tests.stack import LocalStack, wait_for
from training.data.demo_sounds import MAKERS

pytestmark = pytest.mark.long  # they need the night of thousands of results


@dataclass(frozen=True)
class Desk:
    """A stack with a night of results, and the interface on it."""

    stack: LocalStack
    interface: Interface
    night: Night

    def result(self, clip_id: str) -> dict[str, object]:
        """A result as the API has it."""
        found: dict[str, object] = self.stack.call("GET", f"/results/{clip_id}")[1]
        return found


@pytest.fixture(scope="module")
def desk(stack: LocalStack, interface: Interface, night: Night) -> Desk:
    return Desk(stack, interface, night)


both_sizes = pytest.mark.parametrize("page", SIZES.values(), ids=SIZES, indirect=True)


def clicks(page: Page) -> int:
    return int(page.evaluate("window.clicks"))


def alerted(desk: Desk, source: str | None = None) -> list[Result]:
    """Results of the night about which an alert was sent, newest first."""
    found = [one for one in desk.night.results if one.alerted_at and source in (None, one.source)]
    return sorted(found, key=lambda one: one.timestamp, reverse=True)


def opened(page: Page, result: Result) -> Locator:
    """A clip that is open in its row."""
    return page.locator(f'li[data-clip="{result.clip_id}"] .clip')


@both_sizes
def test_last_night_at_the_north_gate_takes_one_click(desk: Desk, page: Page):
    desk.interface.open(page, "What happened")
    gap = desk.night.gap
    n = len(desk.night.results)
    expect(page.get_by_text(f"{n:,} results from {SOURCES} sources")).to_be_visible()
    # The first stretch of ten minutes without a result begins by so much later.
    hours = "|".join(f"{gap + timedelta(minutes=later):%H}" for later in (0, 10))
    expect(page.get_by_text(re.compile(f"No sound from harbor ({hours}):"))).to_be_visible()
    expect(button(page, f"{LATE}: 500 results")).to_be_visible()  # it was sent in the morning
    button(page, "north gate: 500 results").click()
    expect(heading(page, "Also found at north gate")).to_be_visible()
    assert clicks(page) <= 2
    threats = [
        one.clip_id
        for one in desk.night.results
        if one.source == "north gate"
        and one.classification
        and one.classification.label is not Label.CASUAL
    ]
    for clip_id in threats:
        expect(page.locator(f'li[data-clip="{clip_id}"]')).to_be_visible()
    page.reload()
    expect(heading(page, "Also found at north gate")).to_be_visible()


@both_sizes
def test_a_false_alarm_is_corrected_by_one_click_and_taken_back(desk: Desk, page: Page):
    first = alerted(desk)[0]
    desk.interface.open(page, "What happened")
    row = page.locator(f'li[data-clip="{first.clip_id}"]')
    expect(row).to_be_visible()
    before = rows(page).evaluate_all("all => all.map(one => one.dataset.clip)")
    place = row.bounding_box()
    row.get_by_role("button", name="No, not").click()
    expect(row).to_contain_text("Corrected to ■ Casual")
    expect(page.get_by_text("Recorded: ■ Casual")).to_be_visible()
    assert row.bounding_box() == place, "the next click is where the next row was"
    assert clicks(page) <= 2
    assert desk.result(first.clip_id)["verified_label"] == "casual"
    after = rows(page).evaluate_all("all => all.map(one => one.dataset.clip)")
    assert after[: len(before)] == before, "no row moves under the hand"
    button(page, "Undo").click()
    expect(row.get_by_role("button", name="No, not")).to_be_visible()
    assert "verified_label" not in desk.result(first.clip_id)


@both_sizes
def test_an_alerts_link_is_heard_after_one_click_above_the_fold(desk: Desk, page: Page):
    oldest = alerted(desk)[-1]
    desk.interface.open(page, "What happened", f"?clip={oldest.clip_id}")
    play = page.get_by_role("button", name=re.compile("^(▶ Play|❚❚ Pause)$"))
    expect(play).to_be_in_viewport()
    expect(page.get_by_alt_text(re.compile("spectrogram"))).to_be_in_viewport()
    if not page.get_by_label("The recording").evaluate("player => !player.paused"):
        play.click()
    playing(page)
    assert clicks(page) <= 1
    head = page.locator(".head")
    page.wait_for_function("head => parseFloat(head.style.left) > 30", arg=head.element_handle())
    expect(page.get_by_text(f"{oldest.recorded_at:%d %B %Y, %H:%M:%S}")).to_be_visible()
    event = page.get_by_role("button", name=re.compile("^Play .* from 0.5 to 1.9 s"))
    event.click()
    playing(page)


@both_sizes
def test_a_link_to_an_unknown_clip_says_so(desk: Desk, page: Page):
    desk.interface.open(page, "What happened", f"?clip={'0' * 32}")
    expect(page.get_by_text("There is no result for the clip of this link")).to_be_in_viewport()


def test_the_queue_is_reviewed_by_keys(desk: Desk, page: Page):
    page.set_viewport_size(DESK)
    first, second, third = alerted(desk, "yard")[:3]
    assert first.classification
    desk.interface.open(page, "Review", "?source=yard")
    expect(heading(page, "Other gunshots, explosions and sirens")).to_be_visible()
    page.keyboard.press("j")
    playing(page)
    assert page.url.endswith(first.clip_id)
    page.keyboard.press(" ")
    expect(page.get_by_label("The recording")).to_have_js_property("paused", True)
    page.keyboard.press("y")
    page.keyboard.press("1")  # too soon: it is not meant for a clip that is labeled already
    expect(opened(page, second)).to_be_visible()
    assert desk.result(first.clip_id)["verified_label"] == str(first.classification.label)
    page.keyboard.press("1")
    expect(opened(page, third)).to_be_visible()
    expect(page.get_by_text("50%** (1 of 2")).to_be_hidden()
    expect(
        page.get_by_text(re.compile(r"1 of 2 reviewed; 95 % interval 9% to 91%"))
    ).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("Taken back.")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text(re.compile("no alert is reviewed yet"))).to_be_visible()
    page.keyboard.press("k")
    expect(opened(page, second)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("The recording")).to_have_count(0)


def test_several_are_confirmed_at_once(desk: Desk, page: Page):
    wanted = alerted(desk, "camera 04")[:2]
    desk.interface.open(page, "Review", "?source=camera+04")
    for one in wanted:
        page.locator(f'li[data-clip="{one.clip_id}"]').get_by_role("checkbox").check()
    button(page, "Confirm their labels").click()
    expect(page.get_by_text("Recorded: 2 clips.")).to_be_visible()
    for one in wanted:
        assert one.classification
        label = str(one.classification.label)
        assert desk.result(one.clip_id)["verified_label"] == label
    button(page, "Undo").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    uncertain = [
        one.clip_id
        for one in desk.night.results
        if one.source == "camera 04" and one.classification and one.classification.uncertain
    ]
    button(page, "Uncertain: ").click()
    page.locator("[data-group=uncertain]").get_by_text(f"Select these {len(uncertain)}").click()
    button(page, "Confirm their labels").click()
    expect(page.get_by_text(f"Recorded: {len(uncertain)} clips.")).to_be_visible()
    assert all("verified_label" in desk.result(one) for one in uncertain)
    button(page, "Undo").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()


def test_filters_and_the_opened_clip_survive_a_reload_and_csv_has_everything(
    desk: Desk, page: Page
):
    desk.interface.open(page, "Results", "?span=Last+night")
    expect(page.get_by_text(f"{len(desk.night.results):,} results,")).to_be_visible()
    expect(page.get_by_text(re.compile("No sound from harbor"))).to_be_visible()
    page.get_by_role("button", name="Uncertain").click()
    uncertain = [
        one for one in desk.night.results if one.classification and one.classification.uncertain
    ]
    expect(page.get_by_text(f"{len(uncertain)} results,")).to_be_visible()
    expect(page.get_by_text("No sound from")).to_be_hidden()  # what is filtered out is no silence
    rows(page).first.click(position={"x": 600, "y": 12})
    playing(page)
    address = page.url
    page.reload()
    expect(page.get_by_text(f"{len(uncertain)} results,")).to_be_visible()
    expect(page.get_by_label("The recording")).to_have_count(1)
    assert page.url == address
    with page.expect_download() as download:
        button(page, f"CSV of {len(uncertain)}").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + len(uncertain)


def test_new_results_are_announced_and_move_nothing(desk: Desk, page: Page):
    desk.interface.open(page, "Results", "?source=new+gate&span=Today")
    expect(page.get_by_text("No results match")).to_be_visible()
    desk.stack.client("s3").put_object(
        Bucket=desk.stack.outputs["UploadsBucketName"],
        Key=f"{UPLOADS_PREFIX}new gate/siren.wav",
        Body=wav(MAKERS[Label.SIREN]()),
    )
    note = button(page, "1 new result")
    expect(note).to_be_visible()
    expect(page.get_by_text("No results match")).to_be_visible()
    note.click()
    expect(rows(page)).to_have_count(1)
    expect(note).to_be_hidden()
    drawn(page)
    place = rows(page).first.bounding_box()
    desk.stack.client("s3").put_object(
        Bucket=desk.stack.outputs["UploadsBucketName"],
        Key=f"{UPLOADS_PREFIX}new gate/gunshot.wav",
        Body=wav(MAKERS[Label.GUNSHOT]()),
    )
    expect(note).to_be_visible()
    assert rows(page).first.bounding_box() == place
    note.click()
    expect(rows(page)).to_have_count(2)


def held(page: Page, address: str) -> list[Route]:
    """Requests of the page for what matches, held back until they are continued."""
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    page.route(re.compile(address), hold)
    return late


@both_sizes
@pytest.mark.parametrize("name", ["What happened", "Review", "Results"])
def test_controls_that_load_late_move_no_row(desk: Desk, page: Page, name: str):
    late = held(page, r"/(ButtonGroup|Selectbox|Slider|DateInput)\.[^/]*\.js")
    desk.interface.open(page, name)
    expect(rows(page).first).to_be_visible()
    drawn(page)
    row = page.locator(f'li[data-clip="{rows(page).first.get_attribute("data-clip")}"]').first
    place = row.bounding_box()
    assert late
    for route in late:
        route.continue_()
    expect(page.get_by_role("radio", name="Last night")).to_be_visible()
    expect(page.get_by_role("combobox", name="Source")).to_be_visible()
    expect(page.get_by_role("slider")).to_have_count(int(name == "Results"))
    wait_for(lambda: row.bounding_box() == place, seconds=20)


PLACES = """(() => {
  window.places = [];
  const first = (node) => node.querySelector("li[data-clip]") ?? [...node.querySelectorAll("*")]
    .filter((one) => one.shadowRoot).map((one) => first(one.shadowRoot)).find((one) => one);
  const look = () => {
    const row = first(document);
    if (row && getComputedStyle(row).visibility === "visible") {
      const { top, height } = row.getBoundingClientRect();
      const place = `${row.dataset.clip} at ${top}, ${height} high`;
      if (place !== window.places.at(-1)) window.places.push(place);
    }
    requestAnimationFrame(look);
  };
  look();
})()"""


@both_sizes
@pytest.mark.parametrize(
    ("name", "query", "last"),
    [
        ("What happened", "", "results from"),
        ("What happened", "?source=north+gate", "results from"),
        ("Review", "", "Other gunshots, explosions and sirens: [0-9]"),
        ("Results", "", "[0-9] results, since"),
        ("Results", "?source=north+gate", "[0-9] results, since"),
    ],
)
def test_what_is_found_later_moves_no_row(desk: Desk, page: Page, name: str, query: str, last: str):
    page.add_init_script(PLACES)
    desk.interface.open(page, name, query)
    expect(page.get_by_text(re.compile(last)).first).to_be_visible()
    expect(page.locator("img.thumb").first).to_be_visible()
    drawn(page)
    places = page.evaluate("window.places")
    assert len(places) == 1, places


def test_no_row_is_shown_before_the_style_of_the_page(desk: Desk, page: Page):
    late = held(page, r"/Html\.[^/]*\.js")
    desk.interface.open(page, "What happened")
    expect(rows(page).first).to_be_attached()
    assert late
    assert not rows(page).first.is_visible()
    for route in late:
        route.continue_()
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_test_id("stMainBlockContainer")).to_have_css("padding-top", "51.2px")
