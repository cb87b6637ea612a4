"""Figures of a model version on everyday sound, as they are shown and written as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from earshot.alerts.service import AlertRules
from earshot.labels import Label
from training.evaluation.everyday import Everyday, Positive, Segment
from training.evaluation.false_alarms import (
    Curve,
    Detection,
    after_cooldown,
    curve,
    poisson_rate,
    share_interval,
)
from training.evaluation.scores import THREATS

PER_HOUR = (10.0, 1.0, 0.1)  # false alarms of one label per hour, at which recall is stated


def everyday_figures(found: Everyday, rules: AlertRules) -> dict[str, Any]:
    """All figures.

    Args:
        found: in everyday sound and in threats.
        rules: of alerts; segments were classified with the same ones.

    Raises:
        ValueError: nothing there is casual.
    """
    casual = found.casual
    if not casual:
        raise ValueError("the ambient folder holds no sound without threats")
    hours = _hours(casual)
    return {
        "hours": hours,
        "segments": len(casual),
        "alerts_per_hour": alert_rates(casual, rules),
        "labels_per_hour": {
            str(label): _rate([s for s in casual if s.scores.label is label], hours)
            for label in THREATS
        },
        "by_group": _by(casual, lambda segment: segment.recording.group),
        "by_kind": _by(casual, lambda segment: segment.recording.kind),
        "apart": _by(found.apart, lambda segment: segment.recording.kind),
        "long_recordings": _long_figures(found.long),
        "threats": {
            name: _threat_figures(clips, curves_of(clips, casual))
            for name, clips in sets_of_threats(found).items()
        },
    }


def sets_of_threats(found: Everyday) -> dict[str, list[Positive]]:
    """Positives by label and origin, and mixed gunshots by signal to noise."""
    sets: dict[str, list[Positive]] = {}
    for positive in found.positives:
        sets.setdefault(f"{positive.label}, {positive.origin}", []).append(positive)
    for snr_db, mixed in found.mixed.items():
        sets[f"{Label.GUNSHOT} mixed in at {snr_db} dB"] = mixed
    return dict(sorted(sets.items(), key=lambda item: THREATS.index(item[1][0].label)))


def curves_of(clips: Sequence[Positive], casual: Sequence[Segment]) -> Curve | None:
    """Recall of clips of one label against that label's false alarms; None without casual sound."""
    if not casual:
        return None
    label = clips[0].label
    return curve(
        [clip.scores.of_threat[label] for clip in clips],
        [segment.scores.of_threat[label] for segment in casual],
        _hours(casual),
    )


def alert_rates(casual: Sequence[Segment], rules: AlertRules) -> dict[str, dict[str, Any]]:
    """False alerts per hour, each with and without cooldown, all results and certain ones only."""
    rates = {}
    for name, some in (
        ("all", casual),
        ("without_uncertain", [s for s in casual if not s.scores.uncertain]),
    ):
        detections = [
            Detection(s.recording.path.as_posix(), label, s.start_s + s.duration_s)
            for s in some
            for label in s.scores.alerts
        ]
        raised = after_cooldown(detections, rules.cooldown.total_seconds())
        rates[name] = _per_label(detections, _hours(casual))
        rates[f"{name}_after_cooldown"] = _per_label(raised, _hours(casual))
    return rates


def _per_label(detections: Sequence[Detection], hours: float) -> dict[str, Any]:
    counts = {str(label): sum(d.label is label for d in detections) for label in THREATS}
    counts = {"any": len(detections), **counts}
    return {name: poisson_rate(count, hours).to_dict() for name, count in counts.items()}


def _by(segments: Sequence[Segment], name: Callable[[Segment], str]) -> dict[str, Any]:
    """Alerts per hour by a property of segments, those with most first."""
    groups: dict[str, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(name(segment), []).append(segment)
    rows: dict[str, dict[str, Any]] = {
        group: {
            "hours": _hours(some),
            "any": _rate([s for s in some if s.scores.alerts], _hours(some)),
            "certain": _rate(
                [s for s in some if s.scores.alerts and not s.scores.uncertain], _hours(some)
            ),
            **{
                str(label): _rate([s for s in some if label in s.scores.alerts], _hours(some))
                for label in THREATS
            },
            "highest": {
                str(label): max(s.scores.of_threat[label] for s in some) for label in THREATS
            },
        }
        for group, some in groups.items()
    }
    return dict(sorted(rows.items(), key=lambda row: -row[1]["any"]["per_hour"]))


def _long_figures(long: Sequence[Segment]) -> dict[str, Any]:
    threats = [segment for segment in long if segment.scores.label is not Label.CASUAL]
    return {
        "recordings": len(long),
        "hours": _hours(long),
        "labeled_a_threat": len(threats),
        "alerted": sum(bool(segment.scores.alerts) for segment in long),
        "alerted_certain": sum(
            bool(segment.scores.alerts) and not segment.scores.uncertain for segment in long
        ),
        "threats": [
            {
                "kind": segment.recording.kind,
                "start_s": segment.start_s,
                "label": str(segment.scores.label),
                "score": segment.scores.of_threat[segment.scores.label],
                "uncertain": segment.scores.uncertain,
            }
            for segment in threats
        ],
    }


def _threat_figures(clips: Sequence[Positive], of_clips: Curve | None) -> dict[str, Any]:
    groups = [clip.group for clip in clips]

    def share(hits: list[bool]) -> dict[str, Any]:
        return {"recall": sum(hits) / len(hits), "interval": share_interval(hits, groups)}

    label = clips[0].label
    figures = {
        "clips": len(clips),
        "groups": len(set(groups)),
        "labeled": share([clip.scores.label is label for clip in clips]),
        "alerted": share([label in clip.scores.alerts for clip in clips]),
        "alerted_certain": share(
            [label in clip.scores.alerts and not clip.scores.uncertain for clip in clips]
        ),
    }
    if of_clips:
        figures["at_false_alarms_per_hour"] = {
            f"{per_hour:g}": _point(clips, of_clips, per_hour) for per_hour in PER_HOUR
        }
    return figures


def _point(clips: Sequence[Positive], of_clips: Curve, per_hour: float) -> dict[str, Any]:
    point = of_clips.at(per_hour)
    hits = [clip.scores.of_threat[clip.label] >= point.threshold for clip in clips]
    return {
        "recall": point.recall,
        "interval": share_interval(hits, [clip.group for clip in clips]),
        "threshold": point.threshold if math.isfinite(point.threshold) else None,
        "false_alarms": point.false_alarms,
    }


def _rate(counted: Sequence[Segment], hours: float) -> dict[str, Any]:
    return poisson_rate(len(counted), hours).to_dict()


def _hours(segments: Sequence[Segment]) -> float:
    return sum(segment.duration_s for segment in segments) / 3600
