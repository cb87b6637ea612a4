"""Print a `POST /predict` event with a siren, short enough for a command line."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from training.data.demo_sounds import siren

event = json.loads(Path("events/predict_raw.json").read_text())
wav = io.BytesIO()
soundfile.write(wav, siren(seconds=2.5), SAMPLE_RATE, subtype="PCM_16", format="WAV")
event["body"] = base64.b64encode(wav.getvalue()).decode()
print(json.dumps(event))
