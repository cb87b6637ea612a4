"""Links that alerts carry: to a clip's page, and to its sound for as long as the clip is kept.

A link to sound is signed with HMAC-SHA256 (RFC 2104) over clip and time, so that whoever got the
alert can listen without a token, and nobody can make a link to another clip or for longer.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

from earshot.errors import ForbiddenError, GoneError
from earshot.labels import Label
from earshot.results.result import Result
from earshot.times import format_time
from earshot.uploads.objects import POSTED_PREFIX, Location

# Where clips are kept until somebody deletes them, a link lasts this long.
FOREVER = timedelta(days=3650)


@dataclass(frozen=True)
class Retention:
    """Days that clips are kept, as the template's parameters say; 0 for ever.

    Attributes:
        posted: of clips that were posted.
        uploads: of uploads.
        casual_uploads: of uploads whose label is casual, if fewer.
    """

    posted: int
    uploads: int
    casual_uploads: int

    def until(self, result: Result, location: Location, source_days: int = 0) -> datetime:
        """Until when a clip is kept at least: the bucket's lifecycle rounds up to a day's end."""
        if location.key.startswith(POSTED_PREFIX):
            limits = [self.posted]
        else:
            found = result.classification
            casual = found is not None and found.label is Label.CASUAL
            limits = [self.uploads, *([self.casual_uploads] if casual else [])]
        days = min((limit for limit in (*limits, source_days) if limit), default=0)
        return result.timestamp + (timedelta(days=days) if days else FOREVER)


class LinkSigner:
    """Signs links to the sound of clips, and checks them.

    Args:
        key: gives the secret key, shared by all that sign or check.
    """

    def __init__(self, key: Callable[[], str]) -> None:
        self._key = key

    def query(self, clip_id: str, until: datetime) -> str:
        """Query of a link: ``until=…&signature=…``, in seconds since 1970 and hexadecimal."""
        seconds = int(until.timestamp())
        return f"until={seconds}&signature={self._signature(clip_id, seconds)}"

    def check(self, clip_id: str, until: int, signature: str, now: datetime) -> None:
        """Check a link's query.

        Raises:
            ForbiddenError: it was not made by `query` for this clip and time.
            GoneError: its time is over.
        """
        if not hmac.compare_digest(self._signature(clip_id, until), signature.lower()):
            raise ForbiddenError(
                "The link's signature is not right: the link was cut short or changed. Open it as "
                f"the alert has it, or GET /results/{clip_id}/audio with a token."
            )
        if now.timestamp() >= until:
            ended = format_time(datetime.fromtimestamp(until, UTC))
            raise GoneError(f"The link was good until {ended}, as long as the clip was kept.")

    def _signature(self, clip_id: str, until: int) -> str:
        message = f"{clip_id}\n{until}".encode()
        return hmac.new(self._key().encode(), message, sha256).hexdigest()


class ClipLinks:
    """Links to clips, for alerts.

    Args:
        signer: of links to sound.
        api_url: of the HTTP API.
        ui_url: of the web interface; empty if there is none.
        retention: of clips.
    """

    def __init__(self, signer: LinkSigner, api_url: str, ui_url: str, retention: Retention) -> None:
        self._signer = signer
        self._api_url = api_url.rstrip("/")
        self._ui_url = ui_url.rstrip("/")
        self._retention = retention

    def page(self, result: Result) -> str | None:
        """The clip's page in the web interface; None if there is none."""
        return f"{self._ui_url}/?clip={quote(result.clip_id)}" if self._ui_url else None

    def clip(self, result: Result, source_days: int = 0) -> str | None:
        """The whole clip; None if it is not kept.

        Args:
            result: of the clip.
            source_days: that its source is kept; 0 for as others.
        """
        return self._sound(result, "", source_days)

    def event(self, result: Result, number: int, source_days: int = 0) -> str | None:
        """An event of the clip, by its number from 1 on; None if the clip is not kept."""
        return self._sound(result, f"/events/{number}.wav", source_days)

    def _sound(self, result: Result, path: str, source_days: int) -> str | None:
        if not result.location:
            return None
        until = self._retention.until(result, result.location, source_days)
        query = self._signer.query(result.clip_id, until)
        return f"{self._api_url}/audio/{result.clip_id}{path}?{query}"
