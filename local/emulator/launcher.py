"""The emulator process: ministack with the patches of `local.emulator.patches`.

Run by `local.emulator.process` as `python -m local.emulator.launcher`.
"""

from __future__ import annotations

from ministack import app

from local.emulator import autosave
from local.emulator.patches import PATCHES, require_known_ministack


def main() -> None:
    require_known_ministack()
    for patch in PATCHES:
        patch.apply()
    autosave.begin_once_loaded()
    app.main()


if __name__ == "__main__":
    main()
