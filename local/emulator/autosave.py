"""Save the emulator's state while it runs, for the emulator itself saves only when it is stopped.

Run in the emulator's process by `local.emulator.launcher`. S3 is on the disk with each write; the
tables, queues and all else follow within seconds. Only what has changed is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence

EVERY_S = 3.0
# The emulator does nothing else while its state is turned into text: a twentieth of the time.
SHARE = 20

logger = logging.getLogger(__name__)


class Autosave:
    """Saves services whose state has changed.

    Args:
        folder: the emulator's ``STATE_DIR``.
        services: what gives the state of each service; None for one that has none to save.
    """

    def __init__(
        self, folder: Path, services: Callable[[], Mapping[str, Callable[[], Any]]]
    ) -> None:
        self._folder = folder
        self._services = services
        self._saved: dict[str, bytes] = {}

    def save(self) -> list[str]:
        """Save once; returns which services had changed. One that fails is saved next time."""
        changed = []
        for name, state_of in self._services().items():
            try:
                text = self._text(name, state_of())
                if text is None or hashlib.sha256(text).digest() == self._saved.get(name):
                    continue
                self._write(name, text)
                self._saved[name] = hashlib.sha256(text).digest()
                changed.append(name)
            except Exception:  # it changed while it was read
                logger.debug("%s was not saved", name, exc_info=True)
        return changed

    def run(self) -> None:
        """Save again and again."""
        while True:
            began = time.monotonic()
            self.save()
            time.sleep(max(EVERY_S, SHARE * (time.monotonic() - began)))

    def _text(self, name: str, state: Any) -> bytes | None:
        if state is None:
            return None
        version = persistence._state_format_version(name)
        document = {"__ministack_format__": version, "payload": state}
        return json.dumps(document, default=persistence._json_default).encode()

    def _write(self, name: str, text: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f"{name}.json.new"
        with temporary.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._folder / f"{name}.json")


def begin_once_loaded() -> None:
    """Save from when the emulator has loaded its state; before, there is none to save."""
    if not persistence.PERSIST_STATE:
        return
    load = app._load_persisted_state
    saving = Autosave(Path(persistence.STATE_DIR), app._build_persistence_save_dict)

    def load_and_begin() -> None:
        load()
        threading.Thread(target=saving.run, name="autosave", daemon=True).start()

    app._load_persisted_state = load_and_begin
