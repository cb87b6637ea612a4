"""Sound of clips: with a token, or by a signed link that an alert carries."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot_api.problems import answers
from earshot_api.schemas.requests import ClipId
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()

_Clip = Annotated[ClipId, Path(description="Of the clip")]
_Event = Annotated[
    str,
    Path(
        pattern=r"^[1-9][0-9]{0,2}\.wav$",
        description="Number of the event in the result, from 1 on, and `.wav`",
        examples=["1.wav"],
    ),
]
_Until = Annotated[int, Query(ge=0, le=2**40, description="As in the link: seconds since 1970")]
_Signature = Annotated[str, Query(pattern=r"^[0-9a-fA-F]{64}$", description="As in the link")]
_MOVED: dict[int, Any] = {
    302: {
        "description": "The clip as it was sent, at an address that is good for an hour",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
}
_WAV: dict[int, Any] = {
    200: {
        "description": "16 kHz mono",
        "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_ABOUT_EVENTS = (
    "The event and two seconds before and after it, two minutes at most, cut on demand and raised "
    "to full scale, as it was classified."
)


def _only(good: dict[int, Any], *problems: int) -> dict[int, Any]:
    """An answer that is no JSON, and problems."""
    bad = answers(str, *problems)
    del bad[int(HTTPStatus.OK)]
    return good | bad


@router.get(
    "/results/<clip_id>/audio",
    operation_id="get_clip_audio",
    summary="The sound of a clip",
    description="Leads to where the clip can be fetched.",
    tags=["results"],
    security=needs("read"),
    responses=_only(_MOVED, 404, 410, 422, 503),
)
def clip(clip_id: _Clip) -> Response[str]:
    return _moved(clip_id)


@router.get(
    "/results/<clip_id>/events/<event>",
    operation_id="get_event_audio",
    summary="The sound of an event of a clip",
    description=_ABOUT_EVENTS,
    tags=["results"],
    security=needs("read"),
    responses=_only(_WAV, 404, 410, 422, 503),
)
def event(clip_id: _Clip, event: _Event) -> Response[str]:
    return _cut(clip_id, event)


@router.get(
    "/audio/<clip_id>",
    operation_id="get_linked_clip_audio",
    summary="The sound of a clip, by the link of an alert",
    description="Without a token, for as long as the clip is kept.",
    tags=["results"],
    responses=_only(_MOVED, 403, 404, 410, 422, 503),
)
def linked_clip(clip_id: _Clip, until: _Until, signature: _Signature) -> Response[str]:
    services().signer.check(clip_id, until, signature, datetime.now(UTC))
    return _moved(clip_id)


@router.get(
    "/audio/<clip_id>/events/<event>",
    operation_id="get_linked_event_audio",
    summary="The sound of an event of a clip, by the link of an alert",
    description=f"{_ABOUT_EVENTS} Without a token, for as long as the clip is kept.",
    tags=["results"],
    responses=_only(_WAV, 403, 404, 410, 422, 503),
)
def linked_event(
    clip_id: _Clip, event: _Event, until: _Until, signature: _Signature
) -> Response[str]:
    services().signer.check(clip_id, until, signature, datetime.now(UTC))
    return _cut(clip_id, event)


def _moved(clip_id: str) -> Response[str]:
    url = services().sounds.clip_url(clip_id)
    headers = {"Location": url, "Cache-Control": "no-store"}
    return Response(HTTPStatus.FOUND, body="", headers=headers)


def _cut(clip_id: str, event: str) -> Response[str]:
    # Decoding takes tenths of a second to import, and only these two routes need it.
    from earshot.audio.excerpt import excerpt

    number = int(event.removesuffix(".wav"))
    wav = services().sounds.event_wav(clip_id, number, excerpt)
    headers = {
        "Content-Disposition": f'inline; filename="{clip_id}-{number}.wav"',
        "Cache-Control": "private, max-age=3600",
    }
    # Powertools would check that bytes are UTF-8.
    response = Response(HTTPStatus.OK, "audio/wav", base64.b64encode(wav).decode(), headers=headers)
    response.base64_encoded = True
    return response
