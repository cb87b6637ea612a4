"""`python -m ui.start …`: `streamlit run …`, with all loaded before the first page is asked for.

Streamlit imports what pages need once somebody opens them, and who does so waits for it.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module

from streamlit.web import cli

NEEDED = (
    *("altair", "pandas", "ui.counts", "ui.live", "ui.precision", "ui.sign_in", "ui.submission"),
    *("ui.components.comparison", "ui.components.outlook", "ui.components.result_charts"),
)


def main() -> None:
    logging.disable(logging.WARNING)  # caches remark that no server runs yet
    for name in NEEDED:
        import_module(name)
    logging.disable(logging.NOTSET)
    sys.argv[:] = ["streamlit", "run", *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
