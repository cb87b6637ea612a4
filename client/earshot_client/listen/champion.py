"""The prefilter's model: the service's champion, fetched and followed, or that of Earshot."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from earshot.classification.classifier import Classifier
from earshot.classification.golden_clip import check_golden_clip
from earshot.errors import ModelError
from earshot.model.champion import Reader, ServingModel
from earshot.model.loading import load_model
from earshot.model.versions import MAX_YAMNET_BYTES, Pointer, Promotion, sha256_hex
from earshot.model.yamnets import Yamnets
from earshot.yamnet.flatbuffer import Yamnet
from earshot_client.api_client import EarshotClient
from earshot_client.listen.sending import Say
from earshot_client.model_folder import folder_reader
from earshot_client.transport import ApiError

# A new champion serves within a minute of its promotion; here within five more.
FOLLOWED_EVERY_S = 300.0
_PATIENCE_S = 15.0


class SharedChampion:
    """The champion as `GET /champion` gives it: a `Registry` for `ServingModel`.

    Each method raises `ApiError` where the service, or S3, does not answer.

    Args:
        client: of the service.
    """

    def __init__(self, client: EarshotClient) -> None:
        self._client = replace(client, waits_s=())  # the next look is soon enough
        self._shared: dict[str, Any] = {}

    def pointer(self) -> Pointer | None:
        """The champion pointer; None while no version was ever promoted."""
        try:
            self._shared = self._client.call("GET", "/champion", timeout=_PATIENCE_S)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        version, sha256 = str(self._shared["version"]), str(self._shared["manifest_sha256"])
        only = Promotion(version, sha256, datetime.now(UTC), "", "")  # nobody asks by whom, and why
        return Pointer("", (only,))

    def reader(self, version: str) -> Reader:
        """Function that reads one of the champion's files by name; `load_model` verifies them."""
        links = {file["name"]: file["url"] for file in self._shared["files"]}

        def read(name: str) -> bytes:
            if name not in links:
                raise ModelError(f"the service shares no {name} of {version}")
            return self._client.fetch(links[name])

        return read

    def read_yamnet(self, sha256: str) -> bytes:
        """A YAMNet flatbuffer by its SHA-256, verified. Raises `ModelError` if it is another."""
        shared = self._shared["yamnet"]
        if shared is None or shared["sha256"] != sha256:
            raise ModelError(f"the service does not share the YAMNet flatbuffer {sha256}")
        content = self._client.fetch(shared["url"])
        if len(content) > MAX_YAMNET_BYTES or sha256_hex(content) != sha256:
            raise ModelError(f"the YAMNet flatbuffer {sha256} was altered")
        return content


class FollowedChampion(threading.Thread):
    """Gives the champion's classifier, and looks for a new one in the background.

    Where the champion cannot be had, the model of before goes on, at first that of a folder; a
    person is shown why, and the next look tries again.

    Args:
        client: of the service.
        yamnet: that came with Earshot.
        model_dir: folder of the version that did.
        say: shows a person a message.
        every_s: seconds between looks.

    Raises:
        ModelError: the model that came with Earshot is altered or does not fit.
    """

    def __init__(
        self,
        client: EarshotClient,
        yamnet: Yamnet,
        model_dir: Path,
        say: Say,
        every_s: float = FOLLOWED_EVERY_S,
    ) -> None:
        super().__init__(name="champion", daemon=True)
        self._say = say
        self._every_s = every_s
        self._refused: str | None = None
        shared = SharedChampion(client)
        yamnets = Yamnets(yamnet, shared.read_yamnet)

        def load(read: Reader, manifest_sha256: str | None) -> Classifier:
            model = load_model(read, None, manifest_sha256)
            classifier = Classifier(yamnets.of(model.manifest), model)
            check_golden_clip(classifier)
            origin = "which came with Earshot"
            if manifest_sha256:
                self._refused, origin = None, "which the service serves"
            say(f"the prefilter classifies with {model.version}, {origin}")
            return classifier

        self._serving = ServingModel(
            shared,
            load=load,
            bundled=folder_reader(model_dir),
            refused=self._refuse,
            clock=time.monotonic,
            recheck_s=every_s / 2,
        )
        self._classifier = self._serving()

    def __call__(self) -> Classifier:
        """The classifier to use now."""
        return self._classifier

    def run(self) -> None:
        """Follow the champion for as long as the process lives."""
        while True:
            time.sleep(self._every_s)
            self.look()

    def look(self) -> None:
        """Look for a new champion once."""
        self._classifier = self._serving()

    def _refuse(self, error: Exception) -> None:
        """Show why the champion cannot be used; once, while the reason is the same."""
        if str(error) != self._refused:
            self._refused = str(error)
            self._say(f"the prefilter cannot get the service's model: {error}")
