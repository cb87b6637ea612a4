"""Feedback, from a result to training data."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from earshot.labels import LABELS
from earshot.results.table import ResultsTable
from earshot.results.training_copies import TrainingCopies
from earshot.uploads.bucket import UploadsBucket
from earshot.uploads.objects import Location, training_key
from local.sweep import sweep
from tests.integration.http.tickets import result, upload
from tests.stack import LocalStack
from tests.unit.sample_results import classified


def keys(stack: LocalStack, clip_id: str) -> list[str]:
    listing = stack.client("s3").list_objects_v2(
        Bucket=stack.outputs["UploadsBucketName"], Prefix="training/"
    )
    keys = [item["Key"] for item in listing.get("Contents", [])]
    return [key for key in keys if clip_id in key]


def test_a_correction_becomes_training_data_and_history_is_kept(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    ticket = upload(local_stack, siren_wav)
    clip_id = result(local_stack, ticket)["clip_id"]
    route = ticket["result"] + "/feedback"

    status, corrected = local_stack.call("POST", route, {"label": "explosion"})
    assert status == 200
    assert corrected["training_key"] == f"training/explosion/corrections/{clip_id}.wav"
    assert keys(local_stack, clip_id) == [corrected["training_key"]]
    copy = local_stack.client("s3").get_object(
        Bucket=local_stack.outputs["UploadsBucketName"], Key=corrected["training_key"]
    )
    assert copy["Body"].read() == siren_wav

    assert local_stack.call("POST", route, {"label": "explosion"}) == (200, corrected)

    status, confirmed = local_stack.call("POST", route, {"label": "siren", "comment": "sorry"})
    assert [said["verdict"] for said in confirmed["feedback"]] == ["corrected", "confirmed"]
    assert keys(local_stack, clip_id) == [f"training/siren/corrections/{clip_id}.wav"]
    _, kept = local_stack.call("GET", ticket["result"])
    assert (kept["label"], kept["verified_label"]) == ("siren", "siren")
    assert kept["feedback"] == confirmed["feedback"]


def test_the_correction_of_a_posted_clip_becomes_training_data(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    headers = {"Content-Type": "audio/wav"}
    posted = local_stack.request("POST", "/predict", siren_wav, headers).json()
    assert posted["key"] == f"posted/{posted['clip_id']}.wav"
    clip_id = posted["clip_id"]
    route = f"/results/{clip_id}/feedback"
    status, answer = local_stack.call("POST", route, {"label": "casual"})
    assert (status, answer["verified_label"]) == (200, "casual")
    bucket = {"Bucket": local_stack.outputs["UploadsBucketName"]}
    s3 = local_stack.client("s3")
    assert s3.get_object(**bucket, Key=answer["training_key"])["Body"].read() == siren_wav
    s3.delete_object(**bucket, Key=posted["key"])
    status, answer = local_stack.call("POST", route, {"label": "siren"})
    assert (status, answer["training_key"]) == (200, f"training/siren/corrections/{clip_id}.wav")
    assert keys(local_stack, clip_id) == [answer["training_key"]], "of the copy, as it was"


def test_a_rejected_clip_has_nothing_to_correct(local_stack: LocalStack) -> None:
    ticket = upload(local_stack, b"text")
    result(local_stack, ticket)
    status, _ = local_stack.call("POST", ticket["result"] + "/feedback", {"label": "siren"})
    assert status == 409


def test_feedback_to_nothing(local_stack: LocalStack) -> None:
    route = "/results/" + "0" * 32 + "/feedback"
    assert local_stack.call("POST", route, {"label": "siren"})[0] == 404
    assert local_stack.call("POST", route, {"label": "dog"})[0] == 422


class ClipsToCorrect:
    """Results that are in the table without having been classified, all of one upload."""

    def __init__(self, stack: LocalStack, content: bytes) -> None:
        self.stack = stack
        s3, bucket = stack.client("s3"), stack.outputs["UploadsBucketName"]
        self.location = Location(bucket, f"posted/{uuid.uuid4().hex}.wav")
        s3.put_object(Bucket=bucket, Key=self.location.key, Body=content)
        self.results = ResultsTable(stack.client("dynamodb"), stack.outputs["ResultsTableName"])
        self.copies = TrainingCopies(self.results, UploadsBucket(s3, bucket))

    def add(self) -> str:
        clip_id = uuid.uuid4().hex
        self.results.save(classified(clip_id, location=self.location, uncertain=True))
        return clip_id

    def copies_agree(self, clip_id: str) -> bool:
        result = self.results.get(clip_id)
        assert result
        assert result.verified_label
        return keys(self.stack, clip_id) == [training_key(result.verified_label, clip_id)]


@pytest.fixture(scope="module")
def to_correct(local_stack: LocalStack, siren_wav: bytes) -> ClipsToCorrect:
    return ClipsToCorrect(local_stack, siren_wav)


@pytest.mark.parametrize(("people", "clips"), [(2, 16), (4, 10)])
def test_a_clip_that_several_correct_at_once_is_left_under_one_label(
    local_stack: LocalStack, to_correct: ClipsToCorrect, people: int, clips: int
) -> None:
    clip_ids = [to_correct.add() for _ in range(clips)]
    token = local_stack.token()

    def correct(clip_id: str, label: str) -> int:
        return local_stack.request(
            "POST",
            f"/results/{clip_id}/feedback",
            f'{{"label": "{label}"}}'.encode(),
            {"Content-Type": "application/json"},
            token,
        ).status

    with ThreadPoolExecutor(people) as pool:
        for clip_id in clip_ids:
            statuses = set(pool.map(correct, [clip_id] * people, LABELS[:people]))
            assert 200 in statuses
            assert statuses <= {200, 409}
    torn = [clip_id for clip_id in clip_ids if not to_correct.copies_agree(clip_id)]
    print(f"{people} people at once: {len(torn)} of {clips} clips under another label than stated")
    assert torn == []


def test_the_sweep_repairs_what_a_crash_left(
    local_stack: LocalStack, to_correct: ClipsToCorrect
) -> None:
    crashed, fine = to_correct.add(), to_correct.add()
    for clip_id in (crashed, fine):
        local_stack.call("POST", f"/results/{clip_id}/feedback", {"label": "casual"})
    to_correct.copies.add(crashed, LABELS[1], to_correct.location)
    local_stack.client("s3").delete_object(
        Bucket=to_correct.location.bucket, Key=training_key("casual", crashed)
    )
    assert not to_correct.copies_agree(crashed)
    assert sweep(local_stack.outputs, {})["relabeled"] == 1
    assert to_correct.copies_agree(crashed)
    assert to_correct.copies_agree(fine)
