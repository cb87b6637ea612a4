"""`python -m local.listen STREAM OPTION…`: `earshot listen` on the local stack.

It is for EARSHOT_API_URL instead, if that is set.
"""

from __future__ import annotations

import os
import sys

from local.settings import LocalStackError
from local.ui import access


def main() -> None:
    try:
        environment = os.environ | access(os.environ)
    except LocalStackError as error:
        sys.exit(str(error))
    arguments = [sys.executable, "-m", "earshot_client.cli", "listen", *sys.argv[1:]]
    os.execve(arguments[0], arguments, environment)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
