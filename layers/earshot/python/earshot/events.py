"""Events: the stretches of a clip in which a label was detected.

Apart from `earshot.model.events`, which finds them, so that functions which only read results need
no numpy.
"""

from __future__ import annotations

from typing import NamedTuple

from earshot.labels import Label


class Event(NamedTuple):
    """A stretch of a clip in which a threat was detected.

    Attributes:
        label: that was detected.
        start_s, end_s: seconds from the start of the clip; a single patch lasts 0.96 s.
        confidence: calibrated probability of the label in the stretch's best patch.
    """

    label: Label
    start_s: float
    end_s: float
    confidence: float
