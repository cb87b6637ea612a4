"""The API's routes for retraining and models."""

from __future__ import annotations

import pytest

from earshot.errors import (
    ConflictError,
    NotFoundError,
    PromotionRefusedError,
    RetrainingRefusedError,
    RetrainingRunningError,
)
from earshot.retraining.plan import Request
from tests.unit.api.calls import authorizer, call, content, post_files, problem
from tests.unit.api.fake_services import MODEL, OUTLOOK, RETRAINING, RUN


def test_a_retraining_is_begun_in_the_name_of_who_asks(services):
    body = {"prefix": "training/may/", "augmentations": ["noise"], "seed": 3.0, "reason": "new"}
    answer = content(call("POST", "/retrain", body), 202)
    assert answer == {"id": RUN, "state": "running", "status": f"/retrain/{RUN}"}
    assert services.asked == [Request("training/may/", "ann", "new", False, ("noise",), 3)]


def test_a_retraining_trains_on_everything_unless_the_request_limits_it(services):
    content(call("POST", "/retrain", {}), 202)
    assert services.asked == [Request(requested_by="ann")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prefix": "incoming/"}, 422),
        ({"prefix": "training/../incoming/"}, 422),
        ({"prefix": "training/may"}, 422),
        ({"seed": 2.5}, 422),
        ({"seed": "3"}, 422),
        ({"augmentations": ["reverse"]}, 422),
        ({"force": True}, 422),
        ({"seed": -1}, 422),
        ("{", 400),
    ],
)
def test_a_retraining_that_makes_no_sense_is_not_begun(services, body, status):
    problem(call("POST", "/retrain", body), status)
    assert services.asked == []


def test_a_retraining_beside_another_is_a_conflict_that_names_it(services):
    services.error = RetrainingRunningError(RUN)
    refusal = problem(call("POST", "/retrain", {}), 409)
    assert refusal["retraining"] == RUN
    assert f"GET /retrain/{RUN}" in refusal["detail"]


def test_a_retraining_that_cannot_succeed_is_a_conflict_that_says_what_is_missing(services):
    services.error = RetrainingRefusedError("There are only 3 held-out clips.")
    refusal = problem(call("POST", "/retrain", {}), 409)
    assert refusal["detail"] == "There are only 3 held-out clips."
    assert "retraining" not in refusal


def test_what_a_retraining_would_start_from_is_asked_for_a_prefix(services):
    assert content(call("GET", "/retrain")) == OUTLOOK
    assert content(call("GET", "/retrain?prefix=training/may/")) == OUTLOOK
    assert [request.prefix for request in services.asked] == ["training/", "training/may/"]
    for prefix in ("incoming/", "training/../heldout/", "training/may"):
        problem(call("GET", f"/retrain?prefix={prefix}"), 422)
    problem(call("GET", "/retrain", authorizer=authorizer("earshot/predict")), 403)


def test_the_status_of_a_retraining_is_shown(services):
    assert content(call("GET", f"/retrain/{RUN}")) == RETRAINING
    problem(call("GET", "/retrain/a.b"), 422)
    services.error = NotFoundError("There is no retraining x.")
    problem(call("GET", "/retrain/x"), 404)


def test_models_are_listed(services):
    assert content(call("GET", "/models")) == {"models": [MODEL], "next_cursor": None}
    assert content(call("GET", "/models?limit=1&cursor=v3"))["next_cursor"] == "v2"
    assert services.asked == [(50, None), (1, "v3")]
    for wrong in ("limit=0", "limit=201", "cursor=newest"):
        problem(call("GET", f"/models?{wrong}"), 422)
    assert content(call("GET", "/models/v2"))["promotions"] == []
    problem(call("GET", "/models/newest"), 422)


def test_a_version_is_published_with_its_yamnet(services):
    files = {"head.npz": "1" * 64}
    manifest = {"version": "v1", "files": files, "yamnet_weights_sha256": "w", "labels": ["a"]}
    body = {"manifest": manifest, "yamnet_sha256": "0" * 64}
    answer = content(call("POST", "/models", body))
    assert (answer["version"], answer["published"]) == ("v-0123456789ab", False)
    assert [one["name"] for one in answer["missing"]] == ["head.npz"]
    assert services.asked == [(manifest, "0" * 64)]
    content(call("GET", f"/models/{answer['version']}"))
    for wrong in (
        {"yamnet_sha256": "0"},
        {"version": "v9"},
        {"manifest": "{}"},
        {"manifest": manifest | {"files": {}}},
        {"manifest": manifest | {"files": {"../head.npz": "1" * 64}}},
        {"manifest": manifest | {"files": {"head.npz": "1"}}},
    ):
        problem(call("POST", "/models", body | wrong), 422)


def test_a_promotion_is_recorded_with_who_asked_and_why(services):
    answer = content(call("POST", "/models/v1/promote", {"reason": "false alarms"}))
    assert (answer["version"], answer["promoted_by"], answer["forced"]) == ("v1", "ann", False)
    insisted = {"reason": "I insist", "force": True}
    content(call("POST", "/models/v1/promote", insisted, headers={"Idempotency-Key": "k1"}))
    assert services.asked == [
        ("v1", "ann", "false alarms", False, None), ("v1", "ann", "I insist", True, "k1"),
    ]  # fmt: skip
    problem(call("POST", "/models/v1/promote", {}), 422)


@pytest.mark.parametrize("error", [ConflictError("too late"), PromotionRefusedError("the gate")])
def test_a_promotion_that_may_not_be_is_a_conflict(services, error):
    services.error = error
    assert problem(call("POST", "/models/v3/promote", {"reason": "x"}), 409)["detail"] == str(error)


def test_posted_files_are_kept_by_label_and_trained_on(services):
    answer = post_files(("gunshot_001.wav", b"RIFF\x00\xff"), ("Siren_a.WAV", b"b"), reason="new")
    assert content(answer, 202)["id"] == RUN
    (request,) = services.asked
    assert (request.requested_by, request.reason) == ("ann", "new")
    assert request.prefix.startswith("training/posted/")
    assert services.kept == {
        f"{request.prefix}gunshot/gunshot_001.wav": b"RIFF\x00\xff",
        f"{request.prefix}siren/Siren_a.WAV": b"b",
    }


def test_a_label_for_all_files_overrules_their_names(services):
    content(post_files(("C:\\x\\gunshot é.wav", b"a"), label="casual"), 202)
    (key,) = services.kept
    assert key.endswith("/casual/gunshot _.wav")


def test_files_of_the_same_name_are_all_kept(services):
    content(post_files(*[("siren_1.wav", each) for each in (b"a", b"b", b"a")]), 202)
    assert sorted(services.kept.values()) == [b"a", b"b"]
    assert {key.split("/")[-1][:7] for key in services.kept} == {"siren_1"}


@pytest.mark.parametrize(
    ("files", "fields", "what"),
    [
        ([], {"label": "siren"}, "no files"),
        ([("thunder_1.wav", b"a")], {}, "has no label"),
        ([("siren_1.mp3", b"a")], {}, "is no WAV"),
        ([], {"files": "RIFF", "label": "siren"}, "has no file name"),
        ([("a.wav", b"a")], {"label": "thunder"}, "is no label"),
    ],
)
def test_files_that_cannot_be_trained_on_are_refused_before_any_is_kept(
    services, files, fields, what
):
    assert what in problem(post_files(*files, **fields), 400)["detail"]
    assert services.kept == {}
    assert services.asked == []


def test_too_many_files_at_once_are_refused(services):
    problem(post_files(("siren_1.wav", bytes(4_500_000))), 413)


def test_other_routes_take_no_files(services):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    problem(call("POST", "/uploads", "--x--", headers=headers), 415)


def test_files_that_are_sent_again_under_their_key_are_kept_once(services):
    for key, subject in (("k1", "ann"), ("k1", "ann"), ("k2", "ann"), ("k1", "ben")):
        token = authorizer(sub=subject)
        content(post_files(("siren_1.wav", b"RIFF"), authorizer=token, key=key), 202)
    assert len(services.kept) == 3
    assert services.retraining.keys == ["k1", "k1", "k2", "k1"]
