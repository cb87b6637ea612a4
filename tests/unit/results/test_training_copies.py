"""Training copies agree with their row, whoever comes in between and wherever a call crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import pytest
from moto import mock_aws

from earshot.errors import ConflictError, NotFoundError
from earshot.labels import LABELS, Label
from earshot.results import row_reader
from earshot.results.feedback import FeedbackService
from earshot.results.table import ResultsTable
from earshot.results.training_copies import TrainingCopies
from earshot.uploads.bucket import UploadsBucket
from earshot.uploads.objects import Location, training_key
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON, classified

BUCKET = "clips"
CALLS = (
    *("head_object", "copy_object", "delete_object"),
    *("get_item", "batch_get_item", "update_item"),
)


class Crash(BaseException):
    """The process ends here: nothing catches it."""


class Hooked:
    """A boto3 client that calls a function around each of the calls that feedback makes."""

    def __init__(self, client: Any, around: Callable[[Callable[[], Any]], Any]) -> None:
        self._client = client
        self._around = around

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name not in CALLS:
            return method
        return lambda **arguments: self._around(lambda: method(**arguments))


class Aws:
    """Bucket and table."""

    def __init__(self) -> None:
        self.s3 = moto_client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb = moto_client("dynamodb")
        self.dynamodb.create_table(
            TableName="results",
            KeySchema=[{"AttributeName": "clip_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "clip_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.results = ResultsTable(self.dynamodb, "results")
        self.copies = TrainingCopies(self.results, UploadsBucket(self.s3, BUCKET))
        self._n_clips = 0

    def clip(self, *, upload_expired: bool = False) -> ClipInStore:
        """One more clip."""
        self._n_clips += 1
        return ClipInStore(self, f"{self._n_clips:032x}", upload_expired=upload_expired)


class ClipInStore:
    """A clip, labeled siren by the model and casual by a person."""

    def __init__(self, aws: Aws, clip_id: str, *, upload_expired: bool) -> None:
        self.aws = aws
        self.clip_id = clip_id
        key = f"incoming/gate/{clip_id}.wav"
        version = aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"RIFF")["VersionId"]
        aws.results.save(classified(clip_id, location=Location(BUCKET, key, version)))
        self.give(Label.CASUAL, "first")
        if upload_expired:
            aws.s3.delete_object(Bucket=BUCKET, Key=key, VersionId=version)

    def give(
        self, label: Label, by: str, around: Callable[[Callable[[], Any]], Any] = lambda do: do()
    ) -> None:
        """Give feedback, in a process of its own whose calls to AWS are hooked."""
        s3: Any = Hooked(self.aws.s3, around)
        dynamodb: Any = Hooked(self.aws.dynamodb, around)
        results = ResultsTable(dynamodb, "results")
        copies = TrainingCopies(results, UploadsBucket(s3, BUCKET))
        FeedbackService(results, copies, lambda: NOON).give(self.clip_id, label, "", by)

    def labels(self) -> set[str]:
        """Labels that the clip has training copies under."""
        bucket = UploadsBucket(self.aws.s3, BUCKET)
        return {str(one) for one in LABELS if bucket.exists(training_key(one, self.clip_id))}

    def stated(self) -> set[str]:
        """Label that the row states."""
        result = self.aws.results.get(self.clip_id)
        return {str(result.verified_label)} if result else set()

    def versions(self) -> int:
        """Versions and delete markers of its training copies."""
        found = self.aws.s3.list_object_versions(Bucket=BUCKET, Prefix="training/")
        entries = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        return sum(self.clip_id in entry["Key"] for entry in entries)


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws()


class At:
    """Has something happen before the call of a number."""

    def __init__(self, n: int, what: Callable[[], None]) -> None:
        self._left = n
        self._what = what

    def __call__(self, do: Callable[[], Any]) -> Any:
        self._left -= 1
        if not self._left:
            self._what()
        return do()

    @property
    def happened(self) -> bool:
        return self._left <= 0


def crash() -> None:
    raise Crash


EXPIRY = pytest.mark.parametrize("upload_expired", [False, True], ids=["kept", "expired"])


@EXPIRY
def test_after_a_crash_at_any_call_the_same_feedback_or_the_sweep_repairs_the_copies(
    aws: Aws, upload_expired: bool
) -> None:
    swept = []
    for n in count(1):
        clip = aws.clip(upload_expired=upload_expired)
        with suppress(Crash):
            clip.give(Label.GUNSHOT, "ann", around := At(n, crash))
        if not around.happened:
            break
        if n % 2:  # the other half of the calls are seen to below
            clip.give(Label.GUNSHOT, "ann")
            assert clip.labels() == clip.stated() == {"gunshot"}, n
            clip = aws.clip(upload_expired=upload_expired)
            with suppress(Crash):
                clip.give(Label.GUNSHOT, "ann", At(n, crash))
        swept.append(clip)
    assert len(swept) >= 10, "each call crashed"
    aws.copies.repair()
    for n, clip in enumerate(swept, 1):
        assert clip.labels() == clip.stated() != set(), n
    assert aws.copies.repair() == (), "there is no more to do"


@EXPIRY
@pytest.mark.parametrize("other", [Label.SIREN, Label.CASUAL])
def test_whenever_another_comes_in_between_the_copies_agree_with_the_history(
    aws: Aws, upload_expired: bool, other: Label
) -> None:
    for n in count(1):
        clip = aws.clip(upload_expired=upload_expired)
        comes = At(n, partial(clip.give, other, "bob"))
        with suppress(ConflictError):
            clip.give(Label.GUNSHOT, "ann", comes)
        assert clip.labels() == clip.stated() != set(), n
        if not comes.happened:
            break


def test_one_that_was_overtaken_and_then_crashed_is_repaired(aws: Aws) -> None:
    clips = []
    for n in count(1):
        clips.append(clip := aws.clip())

        def overtaken(clip: ClipInStore = clip) -> None:
            clip.give(Label.SIREN, "bob")
            raise Crash

        with suppress(Crash, ConflictError):
            clip.give(Label.GUNSHOT, "ann", around := At(n, overtaken))
        if not around.happened:
            break
    aws.copies.repair()
    for n, clip in enumerate(clips, 1):
        assert clip.labels() == clip.stated() != set(), n


def test_a_clip_that_is_erased_meanwhile_leaves_no_copy_in_any_version(aws: Aws) -> None:
    n_erased = 0
    for n in count(2):
        clip = aws.clip()

        def erased(clip: ClipInStore = clip) -> None:
            aws.copies.forget(clip.clip_id)
            aws.results.delete(clip.clip_id)

        try:
            clip.give(Label.GUNSHOT, "ann", around := At(n, erased))
        except NotFoundError:
            n_erased += 1
            assert clip.versions() == 0, n
        if not around.happened:
            break
    assert n_erased >= 8


def test_the_sweep_leaves_alone_what_has_no_row_and_what_is_no_copy(aws: Aws) -> None:
    clip = aws.clip()
    aws.results.delete(clip.clip_id)  # it expired
    mine = "training/siren/corrections/my own.wav"
    aws.s3.put_object(Bucket=BUCKET, Key=mine, Body=b"RIFF")
    assert aws.copies.repair() == ()
    assert clip.labels() == {"casual"}
    assert UploadsBucket(aws.s3, BUCKET).exists(mine)


def test_more_copies_than_a_read_takes_are_looked_up(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_reader, "_KEYS_A_READ", 2)
    location = Location(BUCKET, "incoming/a.wav")
    aws.s3.put_object(Bucket=BUCKET, Key=location.key, Body=b"RIFF")
    for n in range(5):
        clip_id = f"{n:032x}"
        aws.results.save(classified(clip_id, location=location))
        aws.copies.add(clip_id, LABELS[n % 4], location)  # of feedback that was never recorded
    assert len(aws.copies.repair()) == 5
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="training/")


def test_a_training_copy_has_no_tags(aws: Aws) -> None:
    clip = aws.clip()
    location = Location(BUCKET, f"incoming/gate/{clip.clip_id}.wav")
    tags = {"TagSet": [{"Key": "label", "Value": "casual"}]}
    aws.s3.put_object_tagging(Bucket=BUCKET, Key=location.key, Tagging=tags)
    clip.give(Label.SIREN, "ann")
    found = aws.s3.get_object_tagging(Bucket=BUCKET, Key=training_key("siren", clip.clip_id))
    assert found["TagSet"] == []
