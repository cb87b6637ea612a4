"""Webhooks that get the bus's events: which ones, in which form, and signed how."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from earshot.errors import EarshotError
from earshot.times import shown

KINDS = ("webhook", "slack", "ntfy")
SIGNATURE = "Earshot-Signature"
DELIVERY_ID = "Earshot-Delivery"
_FIELDS = {"name", "kind", "url", "key", "token", "for", "labels"}
# ntfy's priorities: 5 rings through, 4 is high, 3 the default (docs.ntfy.sh, "Message priority").
_PRIORITIES = {"gunshot": 5, "explosion": 5, "siren": 4}
_TAGS = {"gunshot": "rotating_light", "explosion": "boom", "siren": "police_car"}


class DeliveriesError(EarshotError):
    """The list of deliveries makes no sense; the message says which entry and why."""


@dataclass(frozen=True)
class Delivery:
    """Where events are sent.

    Attributes:
        name: by which logs and repeated tries know it.
        kind: form of the body, one of `KINDS`.
        url: that is posted to.
        key: with which the body is signed; empty for no signature.
        token: sent as a bearer token; empty for none.
        addressees: it gets what is meant for one of them; all alerts, if it names none.
        labels: it gets alerts of these; of all, if it names none. Source alerts and digests always
            come.
    """

    name: str
    kind: str
    url: str
    key: str = ""
    token: str = ""
    addressees: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()

    def wants(self, detail: Mapping[str, Any]) -> bool:
        """Whether an event, given its detail, is meant for this delivery."""
        if self.addressees and not self.addressees & set(detail.get("addressees", ())):
            return False
        return not self.labels or "label" not in detail or detail["label"] in self.labels


@dataclass(frozen=True)
class Post:
    """A request to send."""

    url: str
    body: bytes
    headers: dict[str, str]


def deliveries_from(text: str) -> list[Delivery]:
    """Deliveries of a JSON list, such as ``[{"name": …, "kind": "slack", "url": …}]``.

    Raises:
        DeliveriesError: it is no such list.
    """
    try:
        entries = json.loads(text or "[]")
    except ValueError as error:
        raise DeliveriesError(f"The deliveries are no JSON: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise DeliveriesError("The deliveries must be a JSON list of objects.")
    found = [_delivery(number, entry) for number, entry in enumerate(entries, 1)]
    if len({one.name for one in found}) < len(found):
        raise DeliveriesError("Two deliveries have the same name; each needs its own.")
    return found


def _delivery(number: int, entry: Mapping[str, Any]) -> Delivery:
    if unknown := entry.keys() - _FIELDS:
        raise DeliveriesError(f"Delivery {number} has unknown fields: {', '.join(sorted(unknown))}")
    name, kind, url = (str(entry.get(field, "")) for field in ("name", "kind", "url"))
    if not name:
        raise DeliveriesError(f"Delivery {number} has no name.")
    if kind not in KINDS:
        raise DeliveriesError(f"Delivery {name}: the kind {kind!r} is none of {', '.join(KINDS)}.")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise DeliveriesError(f"Delivery {name}: its url is no http or https address.")
    if kind == "ntfy" and not urlsplit(url).path.strip("/"):
        raise DeliveriesError(f"Delivery {name}: its url ends without a topic.")
    lists = [entry.get(field) or [] for field in ("for", "labels")]
    if not all(isinstance(one, list) for one in lists):
        raise DeliveriesError(f"Delivery {name}: for and labels are lists.")
    addressees, labels = (frozenset(map(str, one)) for one in lists)
    key, token = str(entry.get("key", "")), str(entry.get("token", ""))
    return Delivery(name, kind, url, key, token, addressees, labels)


def post_of(delivery: Delivery, kind: str, detail: Mapping[str, Any], now: datetime) -> Post:
    """Request with which an event is delivered.

    Args:
        delivery: where to.
        kind: detail-type of the event.
        detail: of the event.
        now: the time of the signature.
    """
    url = delivery.url
    if delivery.kind == "slack":
        document = _slack(detail)
    elif delivery.kind == "ntfy":
        parts = urlsplit(url)
        path, _, topic = parts.path.rstrip("/").rpartition("/")
        url = urlunsplit((parts.scheme, parts.netloc, f"{path}/", "", ""))
        document = _ntfy(topic, detail)
    else:
        document = {"type": kind, "detail": dict(detail)}
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", DELIVERY_ID: f"{id_of(detail)}"}
    if delivery.token:
        headers["Authorization"] = f"Bearer {delivery.token}"
    if delivery.key:
        headers[SIGNATURE] = signature(delivery.key, int(now.timestamp()), body)
    return Post(url, body, headers)


def signature(key: str, at: int, body: bytes) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 over the seconds since 1970, a dot, and the body."""
    return f"t={at},v1={hmac.digest(key.encode(), b'%d.' % at + body, sha256).hex()}"


def id_of(detail: Mapping[str, Any]) -> str:
    """The same in each copy of an event, should one be delivered twice."""
    for field in ("alert_id", "digest_id"):
        if field in detail:
            return str(detail[field])
    parts = f"{detail['kind']} {detail['source']} {detail['fault']} {detail['at']}"
    return sha256(parts.encode()).hexdigest()[:32]


def title_of(detail: Mapping[str, Any]) -> str:
    """What happened and where, for a person."""
    if "digest_id" in detail:
        return f"{detail['count']} alerts that could wait"
    name = detail.get("source_name") or detail.get("name") or detail["source"]
    where = f"{name} ({detail['place']})" if detail.get("place") else str(name)
    if "label" in detail:
        return f"{str(detail['label']).capitalize()} at {where}"
    recovered = detail["kind"] == "source_recovered"
    return f"{where}: {'no longer ' if recovered else ''}{detail['fault']}"


def text_of(detail: Mapping[str, Any]) -> str:
    """How sure, and when by the source's time, for a person."""
    if "digest_id" in detail:
        return "\n".join(
            f"{one['count']} {one['label']} at {one['source']}" for one in detail["counts"]
        )
    at = shown(datetime.fromisoformat(detail["local_time"]), detail["time_zone"])
    if "label" in detail:
        return f"Confidence {detail['confidence']:.0%}, {at}"
    return f"{detail['detail']} {at}"


def _links(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = (("Listen", "event_url"), ("Whole clip", "clip_url"), ("Open", "page_url"))
    return [(label, detail[field]) for label, field in named if field in detail]


def _slack(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Body of a Slack incoming webhook, with Block Kit's blocks."""
    title, text = title_of(detail), text_of(detail)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:150]}},
        {"type": "section", "text": {"type": "plain_text", "text": text}},
    ]
    if links := _links(detail):
        line = " · ".join(f"<{url}|{label}>" for label, url in links)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": line}})
    return {"text": f"{title}. {text}", "blocks": blocks}


def _ntfy(topic: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Body of ntfy's publishing as JSON."""
    links = _links(detail)
    label = detail.get("label", "")
    message: dict[str, Any] = {
        "topic": topic,
        "title": title_of(detail),
        "message": text_of(detail),
        "priority": _PRIORITIES.get(label, 3),
        "tags": [_TAGS.get(label, "microphone")],
        "actions": [{"action": "view", "label": name, "url": url} for name, url in links],
    }
    if links:
        message["click"] = links[-1][1]
    return message
