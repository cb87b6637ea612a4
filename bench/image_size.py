"""How large the images are, of those that have been built (`make image`)."""

from __future__ import annotations

import os
from typing import Any

from tqdm import tqdm

from bench.images import starts
from local.images.engine import EngineError, find_engine

IMAGES = ("classify", "training")


def image_size() -> dict[str, Any]:
    """Megabytes of each image, unpacked; no key at all where there is no engine or no image."""
    sizes = {}
    for name in IMAGES:
        image = os.environ.get(f"{name.upper()}_IMAGE") or f"earshot-{name}:latest"
        try:
            found = starts(find_engine(), name, image, 1)
        except EngineError as error:
            tqdm.write(f"image_size of {name} is left out: {error}")
        else:
            sizes[name] = {key: found[key] for key in ("unpacked_mb", "without_base_mb")}
    return {"image_size": sizes} if sizes else {}
