"""The body of a request that API Gateway hands to a function, and the form within it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Container
from dataclasses import dataclass
from io import BytesIO

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from earshot.errors import BadRequestError


@dataclass(frozen=True)
class PostedFile:
    """A file of a form.

    Attributes:
        field: of the form.
        name: that the client gives it; may be empty.
        content: of it.
    """

    field: str
    name: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """A form as it was posted.

    Attributes:
        files: in their order.
        fields: all others.
    """

    files: tuple[PostedFile, ...]
    fields: dict[str, bytes]


def decode_body(text: str, *, is_base64: bool) -> bytes:
    """Content of a request's body.

    Raises:
        BadRequestError: it is not valid base64.
    """
    try:
        return base64.b64decode(text) if is_base64 else text.encode()
    except binascii.Error as error:
        raise BadRequestError("The body is not valid base64.") from error


def read_form(body: bytes, content_type: str, once: Container[str] = ()) -> Form:
    """Form of a ``multipart/form-data`` body; of other repeated fields the last one counts.

    Args:
        body, content_type: of the request.
        once: names of fields that may not be repeated.

    Raises:
        BadRequestError: it is broken, or has two fields of one name.
    """
    files: list[PostedFile] = []
    fields: dict[str, bytes] = {}

    def keep_file(file: File) -> None:
        file.file_object.seek(0)
        content = file.file_object.read()
        files.append(PostedFile(_text(file.field_name), _text(file.file_name), content))

    def keep_field(field: Field) -> None:
        name = _text(field.field_name)
        if name in fields and name in once:
            raise BadRequestError(f"The form has more than one field `{name}`.")
        fields[name] = field.value or b""

    try:
        parse_form({"Content-Type": content_type.encode()}, BytesIO(body), keep_field, keep_file)
    except FormParserError as error:
        raise BadRequestError(f"The form cannot be read ({error}).") from error
    return Form(tuple(files), fields)


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
