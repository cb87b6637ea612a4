"""`POST /retrain` with files: they become labeled clips, and the request one for their folder."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from earshot.errors import BadRequestError, PayloadTooLargeError
from earshot.http.caller import ANYONE, caller_of
from earshot.http.form import Form, PostedFile, decode_body, read_form
from earshot.labels import LABELS, label_of
from earshot.uploads.objects import MAX_BODY_BYTES, TRAINING_PREFIX, digest

ROUTE = "POST /retrain"
FILES_FIELD = "files"
MAX_NAME_LENGTH = 100
EXPECTED = (
    f"Send WAVs as the field `{FILES_FIELD}` (curl -F files=@gunshot_001.wav), each with a file "
    f"name <label>_… or all with the field `label`, one of {', '.join(LABELS)}."
)

Put = Callable[[str, bytes], None]


def is_form(event: APIGatewayProxyEventV2) -> bool:
    """Whether files are posted to train on."""
    content_type = event.headers.get("content-type", "").lower()
    return event.route_key == ROUTE and content_type.startswith("multipart/form-data")


def keep_files(event: APIGatewayProxyEventV2, put: Put) -> dict[str, Any]:
    """Keep the files of a form under a folder of their own; the request for that folder.

    Args:
        event: see `is_form`.
        put: keeps a content under a key.

    Raises:
        BadRequestError: the form is broken, or a file's label or name is not accepted.
        PayloadTooLargeError: the body is over `MAX_BODY_BYTES`.
    """
    body = decode_body(event.body or "", is_base64=bool(event.is_base64_encoded))
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLargeError(
            f"The body has {len(body)} bytes; /retrain takes {MAX_BODY_BYTES}. Put more clips "
            f"under {TRAINING_PREFIX}<label>/ in the uploads bucket and name their prefix."
        )
    form = read_form(body, event.headers["content-type"])
    prefix = f"{TRAINING_PREFIX}posted/{_folder(event)}/"
    for key, content in _keys(form, prefix):
        put(key, content)
    document: dict[str, Any] = {"prefix": prefix}
    if reason := form.fields.get("reason"):
        document["reason"] = reason.decode(errors="replace")
    changed = dict(event.raw_event)
    changed["body"], changed["isBase64Encoded"] = json.dumps(document), False
    changed["headers"] = {**event.headers, "content-type": "application/json"}
    return changed


def _folder(event: APIGatewayProxyEventV2) -> str:
    """Name of the folder: the same for a request that is sent again with its idempotency key."""
    key = event.headers.get("idempotency-key")
    if not key:
        return uuid.uuid4().hex
    return digest(json.dumps([(caller_of(event) or ANYONE).subject, key]))


def _keys(form: Form, prefix: str) -> Iterable[tuple[str, bytes]]:
    files = [file for file in form.files if file.field == FILES_FIELD]
    if FILES_FIELD in form.fields or any(not file.name for file in files):
        raise BadRequestError(f"A part under `{FILES_FIELD}` has no file name. {EXPECTED}")
    if not files:
        raise BadRequestError(f"The form has no files. {EXPECTED}")
    for_all = form.fields.get("label", b"").decode(errors="replace").lower()
    if for_all and for_all not in LABELS:
        raise BadRequestError(f"{for_all!r} is no label. {EXPECTED}")
    contents: dict[str, bytes] = {}
    for file in files:
        key = _key(file, for_all, prefix)
        if contents.get(key, file.content) != file.content:  # of another folder, by its name
            path = PurePosixPath(key)
            digest = sha256(file.content).hexdigest()
            key = str(path.with_stem(f"{path.stem}-{digest[:12]}"))
        contents[key] = file.content
    return contents.items()


def _key(file: PostedFile, for_all: str, prefix: str) -> str:
    name = PurePosixPath(file.name.replace("\\", "/")).name
    label = for_all or label_of(PurePosixPath(name))
    if not label:
        raise BadRequestError(f"The file {name!r} has no label. {EXPECTED}")
    if not name.lower().endswith(".wav"):
        raise BadRequestError(f"The file {name!r} is no WAV by its name. {EXPECTED}")
    return f"{prefix}{label}/{re.sub(r'[^A-Za-z0-9._() -]', '_', name)[-MAX_NAME_LENGTH:]}"
