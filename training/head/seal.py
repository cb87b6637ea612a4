"""Add to a version what its YAMNet makes of it."""

from __future__ import annotations

import json
from pathlib import Path

from earshot.classification.classifier import Classifier
from earshot.classification.golden_clip import GOLDEN_MEMBER, golden_probabilities
from earshot.model.loading import load_model
from earshot.model.versions import MANIFEST_NAME
from earshot.yamnet.flatbuffer import Yamnet


def seal(folder: Path, yamnet: Yamnet) -> None:
    """Load the version in a folder as serving does, and record the golden clip in its manifest.

    Raises:
        ModelError: the version cannot be loaded, or gives what is not finite.
    """
    model = load_model(lambda name: (folder / name).read_bytes(), yamnet.weights_sha256)
    golden = golden_probabilities(Classifier(yamnet, model))
    path = folder / MANIFEST_NAME
    manifest = json.loads(path.read_text()) | {GOLDEN_MEMBER: golden}
    path.write_text(json.dumps(manifest, indent=2) + "\n")
