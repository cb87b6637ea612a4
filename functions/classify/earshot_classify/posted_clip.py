"""Take the clip out of a `POST /predict` request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from earshot.errors import BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError
from earshot.http.form import decode_body, read_form
from earshot.limits import MAX_CLIP_BYTES
from earshot.times import parse_time
from earshot.uploads.objects import (
    MAX_BODY_BYTES,
    MAX_SOURCE_LENGTH,
    ClipMetadata,
    clean_source,
)

METADATA_FIELDS = ("source", "recorded_at")
EXPECTED = (
    "Send the WAV as the field `file` of a multipart form (curl -F file=@clip.wav), "
    "or as the body with the content type audio/wav."
)


@dataclass(frozen=True)
class PostedClip:
    """A clip as it was posted.

    Attributes:
        content: seekable.
        request: the client's idempotency key, or else the request's own id; with the token's
            subject, so that no client is answered with another's result.
        metadata: that the client sent with the clip.
    """

    content: BinaryIO
    request: str
    metadata: ClipMetadata


def posted_clip(event: APIGatewayProxyEventV2, subject: str) -> PostedClip:
    """Clip of a `POST /predict` event.

    Args:
        event: the request.
        subject: of its token.

    Raises:
        BadRequestError: there is no clip in the body, the form is broken, the metadata is invalid,
            or a query parameter is unknown.
        PayloadTooLargeError: the body is over `MAX_BODY_BYTES`.
        UnsupportedMediaTypeError: the body is neither a form nor audio.
    """
    body = _body(event)
    content_type = event.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    request = _request(subject, event)
    query = event.query_string_parameters or {}
    if unknown := sorted(query.keys() - set(METADATA_FIELDS)):
        raise BadRequestError(
            f"Unknown query parameters: {', '.join(unknown)}. "
            f"Accepted: {', '.join(METADATA_FIELDS)}."
        )
    metadata = _metadata(query)
    if media_type == "multipart/form-data":
        content, fields = _from_form(body, content_type)
        return PostedClip(content, request, _metadata({**query, **fields}))
    if media_type.startswith("audio/") or media_type == "application/octet-stream":
        return PostedClip(BytesIO(body), request, metadata)
    raise UnsupportedMediaTypeError(
        f"The content type {media_type or '(none)'} is not accepted. {EXPECTED}"
    )


def _request(subject: str, event: APIGatewayProxyEventV2) -> str:
    """Name of a request: JSON, so that no subject and key read like another subject and key."""
    key = event.headers.get("idempotency-key")
    return json.dumps([subject, key] if key else [event.request_context.request_id])


def _body(event: APIGatewayProxyEventV2) -> bytes:
    body = decode_body(event.body or "", is_base64=bool(event.is_base64_encoded))
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLargeError(
            f"The body has {len(body)} bytes; /predict takes {MAX_BODY_BYTES}. For clips of "
            f"up to {MAX_CLIP_BYTES // 10**6} MB, POST /uploads gives an address to upload to."
        )
    return body


def _metadata(fields: Mapping[str, str]) -> ClipMetadata:
    source, recorded_at = fields.get("source", "").strip(), fields.get("recorded_at")
    if len(source) > MAX_SOURCE_LENGTH:
        raise BadRequestError(f"`source` has over {MAX_SOURCE_LENGTH} characters.")
    try:
        return ClipMetadata(
            clean_source(source) if source else None,
            None if recorded_at is None else parse_time(recorded_at),
        )
    except ValueError as error:
        raise BadRequestError(
            f"`recorded_at` is {recorded_at!r}; it must be an ISO 8601 time, such as "
            "2026-01-31T12:00:00Z."
        ) from error


def _from_form(body: bytes, content_type: str) -> tuple[BinaryIO, dict[str, str]]:
    form = read_form(body, content_type, once=("file", *METADATA_FIELDS))
    fields = dict(form.fields)
    if len(form.files) > 1:
        raise BadRequestError(
            f"The form has {len(form.files)} files; send one request for each. {EXPECTED}"
        )
    content = next((file.content for file in form.files if file.field == "file"), None)
    if content is None:  # from a client that gives the file no name
        content = fields.pop("file", None)
    if content is None:
        raise BadRequestError(f"The form has nothing under the name `file`. {EXPECTED}")
    return BytesIO(content), {
        name: value.decode(errors="replace") for name, value in fields.items()
    }
