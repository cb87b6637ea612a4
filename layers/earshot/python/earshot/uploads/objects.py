"""Uploads: which objects are heard, whose they are, and under which id their result appears."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from earshot.labels import CORRECTIONS_FOLDER
from earshot.times import parse_time

UPLOADS_PREFIX = "incoming/"
POSTED_PREFIX = "posted/"  # what is put here tells nobody, so it is not heard twice
TRAINING_PREFIX = "training/"
# Clips that judge and never train: what is put here decides whether a new model is better.
HELD_OUT_PREFIX = "heldout/"
DEFAULT_SOURCE = "unknown"
MAX_CLIP_BYTES = 100_000_000
MAX_SOURCE_LENGTH = 128  # characters
SOURCE_PATTERN = r"^[^/\x00-\x1f\x7f]+$"  # one folder of a key

# Object metadata that an uploader may set; S3 carries it as ``x-amz-meta-…`` headers.
SOURCE_METADATA = "source"
RECORDED_AT_METADATA = "recorded-at"

_CLIP_ID_DIGITS = 32
_ISSUED_KEY = re.compile(r"incoming/(?:[^/]+/)?upload-[0-9a-f]{32}\.wav")


@dataclass(frozen=True)
class Upload:
    """An object version in the uploads bucket.

    Attributes:
        bucket: its bucket.
        key: its key, decoded; ``incoming/<source>/…`` or ``incoming/<name>``.
        version: its version id, or its ETag where the bucket keeps no versions.
        version_id: its version id; None where the bucket keeps no versions.
        size: in bytes.
    """

    bucket: str
    key: str
    version: str
    version_id: str | None
    size: int

    @property
    def source(self) -> str:
        """Camera or site: the folder under ``incoming/``, if there is one."""
        folder, slash, _ = self.key.removeprefix(UPLOADS_PREFIX).partition("/")
        return clean_source(folder) if slash else DEFAULT_SOURCE

    @property
    def place(self) -> dict[str, str]:
        """What finds this very object again."""
        version = {"version_id": self.version_id} if self.version_id else {}
        return {"bucket": self.bucket, "key": self.key, **version}


@dataclass(frozen=True)
class Description:
    """What an uploader said of a recording in its object metadata.

    Attributes:
        source: camera or site; None if not said.
        recorded_at: None if not said.
        warnings: what was said and cannot be understood, for a person.
    """

    source: str | None = None
    recorded_at: datetime | None = None
    warnings: tuple[str, ...] = field(default=())


def describe(metadata: dict[str, str]) -> Description:
    """Read object metadata. A slip in it spoils no recording, so it is a warning, not an error."""
    source = metadata.get(SOURCE_METADATA, "").strip()
    text = metadata.get(RECORDED_AT_METADATA, "").strip()
    recorded_at, warnings = None, []
    if text:
        try:
            recorded_at = parse_time(text)
        except ValueError:
            warnings.append(f"recorded-at is {text!r}, which is no ISO 8601 time; it is ignored")
    return Description(clean_source(source) if source else None, recorded_at, tuple(warnings))


def clean_source(text: str) -> str:
    """A source as it is stored: not empty, because DynamoDB indexes no empty text, nor too long."""
    return text.strip()[:MAX_SOURCE_LENGTH] or DEFAULT_SOURCE


def issue_key(source: str | None) -> str:
    """New key for one upload that nobody can guess; see `object_clip_id`."""
    folder = f"{source}/" if source else ""
    return f"{UPLOADS_PREFIX}{folder}upload-{uuid.uuid4().hex}.wav"


def posted_key(clip_id: str) -> str:
    """Where a posted clip is kept. The id holds its content's hash: no other clip has this key."""
    return f"{POSTED_PREFIX}{clip_id}.wav"


def training_key(label: str, clip_id: str) -> str:
    """Where a clip lies whose label a person has given: no other label counts against that."""
    return f"{TRAINING_PREFIX}{label}/{CORRECTIONS_FOLDER}/{clip_id}.wav"


def object_clip_id(bucket: str, key: str, version: str = "") -> str:
    """Clip id of an object: 32 hexadecimal digits, the same whoever asks.

    An object that is put under a name of the uploader's choice may be overwritten by the next
    recording, so each of its versions is a clip of its own. A client of ``/uploads``, however, is
    told before the upload where the result will appear, when S3 has given no version id yet. The
    key that it is given holds 128 random bits, is meant for one recording and is therefore a clip
    by itself, whatever the version: the id of its clip is known as soon as the key is.

    No client can take another's row that way. The id is a digest of bucket and *whole* key: to
    write under the same id one needs the same key, which only the holder of the presigned form
    knows. Neither can a second upload with that form change the row: the first result of a clip
    stands, and it names the version that it was heard from.

    Args:
        bucket: its bucket.
        key: its key, decoded.
        version: its version id; its ETag where the bucket keeps no versions.
    """
    if _ISSUED_KEY.fullmatch(key):
        version = ""
    return digest(f"s3://{bucket}/{key}@{version}")


def posted_clip_id(request: str, content: bytes) -> str:
    """Clip id of a posted clip: the same for the same content under the same `request` key."""
    return digest(f"post:{request}:{hashlib.sha256(content).hexdigest()}")


def digest(text: str) -> str:
    """A clip id's worth of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:_CLIP_ID_DIGITS]
