"""`python -m local.alerts`: show the local stack's alerts on this machine as they come."""

from __future__ import annotations

import json
import sys
import time

from earshot.alerts.deliveries import text_of, title_of
from local.clients import forget_aws_settings
from local.emulator import process
from local.receivers.deliveries import also_delivered
from local.receivers.webhooks import Received, receiver
from local.settings import LocalStackError, Settings

NAME = "this machine"


def show(request: Received) -> None:
    """Print an alert, with its links."""
    detail = request.json["detail"]
    print(f"{title_of(detail)}. {text_of(detail)}", flush=True)
    for link in ("event_url", "clip_url", "page_url"):
        if link in detail:
            print(f"  {detail[link]}", flush=True)


def main() -> None:
    forget_aws_settings()
    try:
        settings = Settings.from_environment()
        if not process.find(settings) or not settings.outputs_file.exists():
            raise LocalStackError("Earshot is not running; start it with `make up`.")
        outputs = json.loads(settings.outputs_file.read_text())
        with receiver(show) as hook:
            entry = {"name": NAME, "kind": "webhook", "url": hook.url}
            with also_delivered(outputs, entry):
                print(f"Alerts come to {hook.url}. Ctrl-C ends it.")
                while True:
                    time.sleep(60)
    except KeyboardInterrupt:
        pass
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
