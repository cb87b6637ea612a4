"""False alarms per hour on held-out casual sound, as the gate compares them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earshot.labels import Label
from earshot.model.events import against_casual
from earshot.model.head import Head
from earshot.retraining.gate import FALSE_ALARMS
from training.data.held_out import HeldOut
from training.evaluation.bootstrap import redrawn
from training.head.fitting import clip_scores, logits_by_clip


@dataclass(frozen=True)
class FalseAlarms:
    """Casual clips that raise an alert.

    Attributes:
        raised: ``(clips,)`` which of them do.
        recordings: ``(clips,)`` numbers of their recording groups.
        hours: of casual sound that the clips stand for.
    """

    raised: NDArray[np.bool_]
    recordings: NDArray[np.int64]
    hours: float

    @property
    def count(self) -> int:
        """Alerts, one a clip at most."""
        return int(self.raised.sum())

    @property
    def per_hour(self) -> float:
        """Alerts in an hour; 0 without casual sound."""
        return self.count / self.hours if self.hours else 0.0


def false_alarms(head: Head, held_out: HeldOut) -> FalseAlarms:
    """What a head raises at its alert thresholds on all casual clips, everyday sound included."""
    features = held_out.features
    casual = held_out.select(features.class_ids == Label.CASUAL.class_id)
    if not len(casual):
        return FalseAlarms(np.zeros(0, bool), np.zeros(0, np.int64), 0.0)
    clips = casual.features.feature_set(casual.recordings.astype(np.str_))
    confidences = against_casual(head, clip_scores(head, logits_by_clip(head, clips)))
    raised: NDArray[np.bool_] = np.any(confidences[:, 1:] >= head.alert_thresholds[1:], axis=1)
    durations = np.array([clip.duration_s for clip in casual.features.clips])
    hours = casual.everyday_hours + float(durations[~casual.everyday].sum()) / 3600
    return FalseAlarms(raised, casual.recordings, hours)


def rate_differences(
    candidate: FalseAlarms, champion: FalseAlarms, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Candidate minus champion: ``low`` and ``high`` of the middle 80 % of a paired bootstrap.

    See `training.evaluation.metrics.differences`. Nothing without casual sound.
    """
    if not champion.hours:
        return {}
    more = candidate.raised.astype(int) - champion.raised.astype(int)
    rates = [more[drawn].sum() / champion.hours for drawn in redrawn(champion.recordings, seed)]
    low, high = np.percentile(rates, [10, 90])
    return {FALSE_ALARMS: {"low": float(low), "high": float(high)}}
