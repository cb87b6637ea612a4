"""What must not reach a fit, or leave it: numbers that are not finite.

One such feature makes each loss NaN. Then no epoch is better than the first, the candidate is the
champion again, and its replay hands the feature on to all versions after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from earshot.errors import FitFailedError
from training.data.clip_features import ClipFeatures


def only_finite(features: ClipFeatures) -> tuple[ClipFeatures, list[tuple[str, str]]]:
    """The clips whose features are finite; key and reason of all others.

    A clip goes with all its copies; of a clip that is finite itself only such copies go that are
    not.
    """
    finite = features.finite
    unsound = {
        clip.sha256
        for clip, sound in zip(features.clips, finite, strict=True)
        if not sound and clip.augmentation is None
    }
    keep = finite & np.array([clip.sha256 not in unsound for clip in features.clips], bool)
    left_out = []
    for clip, kept in zip(features.clips, keep, strict=True):
        if clip.augmentation is None and not kept:
            left_out.append((clip.key, "YAMNet's output for it is not finite throughout."))
        elif not kept and clip.sha256 not in unsound:
            reason = f"YAMNet's output for its copy with {clip.augmentation} is not finite."
            left_out.append((clip.key, reason))
    return features.select(keep), left_out


def require_finite(curves: Mapping[str, Sequence[float]]) -> None:
    """Check what a fit's losses were, epoch by epoch.

    Raises:
        FitFailedError: one is not a finite number.
    """
    for name, values in curves.items():
        for epoch, value in enumerate(values, 1):
            if not np.isfinite(value):
                raise FitFailedError(
                    f"The fit failed: {name} was {value} in epoch {epoch}. The champion is "
                    "unchanged. Look for what is unusual in the clips; dataset.json of the "
                    "champion lists those that were replayed."
                )
