"""Links of alerts: whom they let listen, to what, and for how long."""

from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from earshot.alerts.links import FOREVER, LinkSigner, Retention
from earshot.errors import ForbiddenError, GoneError
from earshot.labels import Label
from earshot.uploads.objects import Location
from tests.unit.alerts.fakes import links
from tests.unit.sample_results import LOCATION, NOON, classified

DAY = timedelta(days=1)
SIGNER = LinkSigner(lambda: "key")
POSTED = Location("clips", "posted/c1.wav")


def query(url: str | None) -> tuple[int, str]:
    found = parse_qs(urlsplit(url or "").query)
    return int(found["until"][0]), found["signature"][0]


def test_a_link_opens_its_clip_until_its_time_and_no_other():
    url = links().clip(classified("c1"))
    assert url
    assert url.startswith("https://api/audio/c1?")
    until, signature = query(url)
    SIGNER.check("c1", until, signature, NOON)
    SIGNER.check("c1", until, signature.upper(), NOON + 30 * DAY - timedelta(seconds=1))
    with pytest.raises(GoneError, match=r"until 2026-03-02T12:00:00\.000Z"):
        SIGNER.check("c1", until, signature, NOON + 30 * DAY)
    for clip_id, when, signed in (
        ("c2", until, signature),
        ("c1", until + 1, signature),
        ("c1", until, "0" * 64),
    ):
        with pytest.raises(ForbiddenError, match="cut short"):
            SIGNER.check(clip_id, when, signed, NOON)
    with pytest.raises(ForbiddenError):
        LinkSigner(lambda: "another").check("c1", until, signature, NOON)


def test_the_signature_is_rfc_2104s():
    _, signature = query(links().clip(classified("c1")))
    until = int((NOON + 30 * DAY).timestamp())
    assert signature == hmac.digest(b"key", f"c1\n{until}".encode(), sha256).hex()


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"location": LOCATION}, 30 * DAY),
        ({"location": LOCATION, "label": Label.CASUAL}, 3 * DAY),
        ({"location": POSTED}, 7 * DAY),
        ({"location": POSTED, "label": Label.CASUAL}, 7 * DAY),
    ],
)
def test_a_link_is_good_for_as_long_as_the_clip_is_kept(changes, kept):
    assert query(links().clip(classified("c1", **changes)))[0] == (NOON + kept).timestamp()


def test_a_link_ends_with_the_days_of_its_source():
    for result in (classified("c1", location=LOCATION), classified("c1", location=POSTED)):
        for days, kept in ((0, None), (1, DAY), (365, None)):
            until = links().event(result, 1, days)
            assert query(until)[0] == (
                (NOON + kept).timestamp() if kept else query(links().event(result, 1))[0]
            )


def test_where_clips_are_kept_for_ever_links_last_for_years():
    assert Retention(0, 0, 0).until(classified(), LOCATION) == NOON + FOREVER
    assert Retention(1, 0, 5).until(classified(label=Label.CASUAL), LOCATION) == NOON + 5 * DAY


def test_a_clip_that_is_not_kept_has_a_page_and_no_sound():
    lost = classified("c1", location=None)
    assert (links().clip(lost), links().event(lost, 1)) == (None, None)
    assert links().page(lost) == "https://ui/?clip=c1"
    assert links("").page(lost) is None
