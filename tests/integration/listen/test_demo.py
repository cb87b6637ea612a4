"""`make listen-demo` asserts each of its steps by itself."""

from __future__ import annotations

import shutil

import pytest

from local.demos.listen import play
from local.demos.night import Night
from local.receivers.mosquitto import PROGRAM
from tests.stack import LocalStack


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
@pytest.mark.long
def test_a_night_at_a_microphone(
    local_stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    """The night lasts 24 s, as with `--minutes 0.4`, and not ten minutes; the steps are the same.

    The network is cut for eight seconds of it.
    """
    outputs = local_stack.outputs
    # Alerts of other tests, hundreds of them, wait there too.
    local_stack.client("sqs").purge_queue(QueueUrl=outputs["BridgeQueueUrl"])
    play(outputs, Night(24), "night gate")
    shown = capsys.readouterr().out
    ways = "webhook and MQTT" if PROGRAM else "webhook"
    assert f"siren alert by {ways}, 2 in all\n" in shown
    assert f"gunshot alert by {ways}, 3 in all\n" in shown
    assert "segments had waited" in shown
    assert "none lost and none doubled" in shown
    assert f"alert about the silent source by {ways}\n" in shown
