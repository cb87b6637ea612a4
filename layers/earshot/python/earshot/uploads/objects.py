"""Names in the uploads bucket: prefixes, keys, clip ids and metadata."""

from __future__ import annotations

import binascii
import hashlib
import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from earshot.labels import CORRECTIONS_FOLDER
from earshot.times import parse_time

UPLOADS_PREFIX = "incoming/"
POSTED_PREFIX = "posted/"  # sends no event, so a posted clip is not classified twice
TRAINING_PREFIX = "training/"
# Held-out clips: versions are evaluated on them and never trained on them.
HELD_OUT_PREFIX = "heldout/"
DEFAULT_SOURCE = "unknown"
# Of a request body. Lambda takes requests of 6 MB, with a binary body as base64: a third longer.
MAX_BODY_BYTES = 4_500_000
MAX_SOURCE_LENGTH = 128  # characters
# One folder of a key, without control, bidirectional or markup characters; see `clean_source`.
_MARKUP = '/\\<>[]{}`|*#"&'
SOURCE_PATTERN = (
    r"^[^/\\<>\[\]{}`|*#\"&\x00-\x1f\x7f-\x9f\xad\u061c"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+$"
)
# Unicode categories: control, format (zero-width, bidirectional), surrogates, line ends.
_INVISIBLE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}

# Object metadata that an uploader may set; S3 carries it as ``x-amz-meta-…`` headers.
SOURCE_METADATA = "source"
RECORDED_AT_METADATA = "recorded-at"

# Tags of an object: its label, and the days that its source is kept. The bucket's lifecycle names
# them.
LABEL_TAG, KEEP_TAG = "label", "keep"

_CLIP_ID_DIGITS = 32
_ISSUED_KEY = re.compile(r"incoming/(?:[^/]+/)?upload-[0-9a-f]{32}\.wav")


@dataclass(frozen=True)
class Location:
    """Where an object lies in S3.

    Attributes:
        bucket: its bucket.
        key: its key, decoded.
        version_id: that is meant; None means the latest, or that the bucket keeps no versions.
    """

    bucket: str
    key: str
    version_id: str | None = None


@dataclass(frozen=True)
class Upload:
    """An object version in the uploads bucket, as an S3 event names it.

    Attributes:
        location: its key is ``incoming/<source>/…`` or ``incoming/<name>``.
        version: its version id, or its ETag where the bucket keeps no versions.
        size: in bytes.
    """

    location: Location
    version: str
    size: int

    @property
    def source(self) -> str:
        """Camera or site: the folder under ``incoming/``, if there is one."""
        folder, slash, _ = self.location.key.removeprefix(UPLOADS_PREFIX).partition("/")
        return clean_source(folder) if slash else DEFAULT_SOURCE


@dataclass(frozen=True)
class StoredUpload:
    """An upload that a listing of the bucket found.

    Attributes:
        upload: one version of an object.
        modified: when S3 stored it; when its upload began, if it was sent in several parts.
    """

    upload: Upload
    modified: datetime

    @property
    def clip_id(self) -> str:
        """Clip id of its result; see `object_clip_id`."""
        location = self.upload.location
        return object_clip_id(location.bucket, location.key, self.upload.version)


@dataclass(frozen=True)
class ClipMetadata:
    """An uploader's metadata of a clip.

    Attributes:
        source: camera or site; None if not given.
        recorded_at: when the recording began; None if not given.
        warnings: metadata that was ignored, for a person.
    """

    source: str | None = None
    recorded_at: datetime | None = None
    warnings: tuple[str, ...] = ()


def read_metadata(metadata: Mapping[str, str]) -> ClipMetadata:
    """Metadata of an object. An error in it is a warning: the clip can be classified without."""
    source = decode_metadata(metadata.get(SOURCE_METADATA, "")).strip()
    text = metadata.get(RECORDED_AT_METADATA, "").strip()
    recorded_at, warnings = None, []
    if text:
        try:
            recorded_at = parse_time(text)
        except ValueError:
            warnings.append(f"recorded-at is {text!r}, which is no ISO 8601 time; it is ignored")
    return ClipMetadata(clean_source(source) if source else None, recorded_at, tuple(warnings))


def clean_source(text: str) -> str:
    """A source as it is stored, whatever an uploader called it.

    It matches `SOURCE_PATTERN`: it is shown in terminals, mails and web pages, so it holds no
    control or formatting characters (which hide or reorder text) and no markup. It is in Unicode's
    normal form C, so that a name typed on another system is the same source. It is not empty,
    because DynamoDB indexes no empty text.
    """
    normal = unicodedata.normalize("NFC", text)
    visible = "".join(" " if unicodedata.category(c) in _INVISIBLE else c for c in normal)
    plain = re.sub(f"[{re.escape(_MARKUP)}]", "_", " ".join(visible.split()))
    return plain[:MAX_SOURCE_LENGTH].strip() or DEFAULT_SOURCE


def decode_metadata(value: str) -> str:
    """Text of an object's metadata, which S3 gives in RFC 2047's encoding if it is not ASCII.

    Source: Amazon S3 User Guide, "Working with object metadata".
    """
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, UnicodeError, HeaderParseError, binascii.Error):
        return value


def issue_key(source: str | None) -> str:
    """New key for one upload, with 128 random bits; see `object_clip_id`."""
    folder = f"{source}/" if source else ""
    return f"{UPLOADS_PREFIX}{folder}upload-{uuid.uuid4().hex}.wav"


def posted_key(clip_id: str) -> str:
    """Key of a posted clip. The id depends on the content: no other clip has this key."""
    return f"{POSTED_PREFIX}{clip_id}.wav"


def training_key(label: str, clip_id: str) -> str:
    """Key of a clip whose label a person has given; that label overrules all others."""
    return f"{TRAINING_PREFIX}{label}/{CORRECTIONS_FOLDER}/{clip_id}.wav"


def object_clip_id(bucket: str, key: str, version: str = "") -> str:
    """Clip id of an object: 32 hexadecimal digits.

    An object under a name of the uploader's choice may be overwritten by the next clip, so each of
    its versions is a clip of its own. A client of ``/uploads``, however, gets the id of the result
    before the upload, when S3 has not assigned a version id yet. The key that it gets has 128
    random bits and is meant for one clip, so its id depends on the key alone.

    No client can take another's row that way. The id is a digest of bucket and *whole* key: to
    write under the same id one needs the same key, which only the holder of the presigned form
    has. A second upload with that form does not change the row either: the first result of a clip
    stands, and it names the version that was classified.

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
    """The first 32 hexadecimal digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:_CLIP_ID_DIGITS]
