"""The emulator process: ministack with the patches of `local.emulator_patches`.

Run by `local.process` as `python -m local.launcher`.
"""

from __future__ import annotations

from ministack import app

from local import autosave
from local.emulator_patches import PATCHES, require_known_ministack


def main() -> None:
    require_known_ministack()
    for patch in PATCHES:
        patch.apply()
    autosave.begin_once_loaded()
    app.main()


if __name__ == "__main__":
    main()
