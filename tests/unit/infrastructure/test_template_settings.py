"""What the functions of template.yaml are started with, and find in their environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import earshot_alert.settings as alert_settings
import earshot_api.settings as api_settings
import earshot_classify.settings as classify_settings
import earshot_retraining.settings as retraining_settings
import earshot_sweep.settings as sweep_settings
import earshot_training.settings as training_settings
from local.settings import REPOSITORY
from tests.unit.infrastructure.cloudformation import SAM, properties

NUMBERS = {
    "ALERT_LABELS": "gunshot, siren",
    "ALERT_MIN_CONFIDENCE": "0.5",
    "ALERT_COOLDOWN_SECONDS": "300",
    "RESULT_TTL_DAYS": "30",
    "QUIET_SOURCE_HOURS": "24",
    "LOG_RETENTION_DAYS": "30",
    "MUTE_DAYS": "30",
    "POSTED_CLIP_DAYS": "30",
    "UPLOAD_DAYS": "90",
    "CASUAL_UPLOAD_DAYS": "30",
    "LABEL_BUCKETS": "2",
    "ARCHIVE_CONCURRENCY": "3",
}


class TestSettings:
    def test_environment_is_what_the_handlers_read(self) -> None:
        assert properties("ApiFunction")["Environment"]["Variables"] == {
            "RESULTS_TABLE": {"Ref": "ClipResultsTable"},
            "LABEL_BUCKETS": {"Ref": "LabelBuckets"},
            "UPLOADS_BUCKET": {"Ref": "UploadsBucket"},
            "MODELS_BUCKET": {"Ref": "ModelsBucket"},
            "UPLOADS_QUEUE_URL": {"Ref": "UploadsQueue"},
            "UPLOADS_DEAD_LETTER_QUEUE_URL": {"Ref": "UploadsDeadLetterQueue"},
            "STATE_MACHINE_ARN": {"Ref": "RetrainStateMachine"},
            "CLASSIFY_FUNCTION": {"Fn::Sub": "${ClassifyFunction}:live"},
            "CLIENTS_TABLE": {"Ref": "ClientsTable"},
            "MUTES_TABLE": {"Ref": "MutesTable"},
            "MUTE_DAYS": {"Ref": "MuteDays"},
            "SOURCES_TABLE": {"Ref": "SourcesTable"},
            "UNBOUND_CLIENTS": {"Fn::Sub": "${ServiceClient},${PeopleClient}"},
            "LOG_RETENTION_DAYS": {"Ref": "LogRetentionDays"},
            "LINK_KEY_SECRET": {"Ref": "LinkKey"},
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_NAMESPACE": {"Fn::Sub": "Earshot/${AWS::StackName}"},
        }
        variables = properties("ClassifyFunction")["Environment"]["Variables"]
        assert variables == {
            "RESULTS_TABLE": {"Ref": "ClipResultsTable"},
            "LABEL_BUCKETS": {"Ref": "LabelBuckets"},
            "UPLOADS_QUEUE_URL": {"Ref": "UploadsQueue"},
            "MODELS_BUCKET": {"Ref": "ModelsBucket"},
            "RESULT_TTL_DAYS": {"Ref": "ResultTtlDays"},
            "KEEP_CASUAL_CLIPS": {"Ref": "KeepCasualClips"},
            "POSTED_CLIPS_BUCKET": {"Fn::If": ["KeepsPostedClips", {"Ref": "UploadsBucket"}, ""]},
            "SOURCES_TABLE": {"Ref": "SourcesTable"},
            "CLIENTS_TABLE": {"Ref": "ClientsTable"},
            "UNBOUND_CLIENTS": {"Fn::Sub": "${ServiceClient},${PeopleClient}"},
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_NAMESPACE": {"Fn::Sub": "Earshot/${AWS::StackName}"},
        }

    @pytest.mark.parametrize(
        ("name", "read"),
        [
            ("ClassifyFunction", classify_settings.Settings.from_environment),
            ("AlertFunction", alert_settings.Settings.from_environment),
            ("DeliverFunction", alert_settings.DeliverSettings.from_environment),
            ("ApiFunction", api_settings.Settings.from_environment),
            ("RetrainingFunction", retraining_settings.Settings.from_environment),
            ("SweepFunction", sweep_settings.Settings.from_environment),
            ("EmbedFunction", training_settings.Settings.from_environment),
            ("TrainFunction", training_settings.Settings.from_environment),
        ],
    )
    def test_settings_find_their_variables(
        self, monkeypatch: pytest.MonkeyPatch, name: str, read: Callable[[], Any]
    ) -> None:
        monkeypatch.setenv("YAMNET_DIR", "yamnet")  # of the images
        monkeypatch.setenv("BUNDLED_MODEL_DIR", "v1")
        for variable, value in properties(name)["Environment"]["Variables"].items():
            text = value if isinstance(value, str) else NUMBERS.get(variable, "name")
            monkeypatch.setenv(variable, text)
        assert read()

    def test_a_missing_variable_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RESULTS_TABLE", raising=False)
        with pytest.raises(KeyError, match="RESULTS_TABLE"):
            api_settings.Settings.from_environment()
        with pytest.raises(KeyError, match="MODELS_BUCKET"):
            retraining_settings.Settings.from_environment({})

    def test_image_and_template_start_the_same_handler(self) -> None:
        for name, resource in SAM["Resources"].items():
            if name == "ArchiveClassifyFunction":  # classify's image, with another handler
                command = ["earshot_classify.archive.lambda_handler"]
                assert resource["Properties"]["ImageConfig"]["Command"] == command
            elif resource.get("Properties", {}).get("PackageType") == "Image":
                lines = (REPOSITORY / resource["Metadata"]["Dockerfile"]).read_text().splitlines()
                command = json.loads(lines[-1].removeprefix("CMD "))
                assert command == resource["Properties"]["ImageConfig"]["Command"]
