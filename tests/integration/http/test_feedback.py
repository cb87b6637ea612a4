"""Feedback, from a result to training data."""

from __future__ import annotations

from tests.integration.http.tickets import result, upload
from tests.stack import LocalStack


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
    route = f"/results/{posted['clip_id']}/feedback"
    status, answer = local_stack.call("POST", route, {"label": "casual"})
    assert (status, answer["verified_label"]) == (200, "casual")
    bucket = {"Bucket": local_stack.outputs["UploadsBucketName"]}
    s3 = local_stack.client("s3")
    assert s3.get_object(**bucket, Key=answer["training_key"])["Body"].read() == siren_wav
    s3.delete_object(**bucket, Key=posted["key"])
    status, answer = local_stack.call("POST", route, {"label": "siren"})
    assert (status, answer["training_key"]) == (200, None), "it is not kept any more"


def test_a_rejected_clip_has_nothing_to_correct(local_stack: LocalStack) -> None:
    ticket = upload(local_stack, b"text")
    result(local_stack, ticket)
    status, _ = local_stack.call("POST", ticket["result"] + "/feedback", {"label": "siren"})
    assert status == 409


def test_feedback_to_nothing(local_stack: LocalStack) -> None:
    route = "/results/" + "0" * 32 + "/feedback"
    assert local_stack.call("POST", route, {"label": "siren"})[0] == 404
    assert local_stack.call("POST", route, {"label": "dog"})[0] == 422
