"""AudioSet classes that mean the same to us: what the head takes of YAMNet's own scores.

The names are those of `yamnet_class_map.csv`; the groups follow the AudioSet ontology
(Gemmeke et al. 2017), refined where its siblings mean different things here.
"""

from __future__ import annotations

import numpy as np

from earshot.model.head import ScoreGroups

# Class indices, in the order of YAMNet's scores.
GROUPS: dict[str, tuple[int, ...]] = {
    "gunshot": (421, 422, 423, 425),
    "artillery": (424,),
    "explosion": (420, 429, 430),
    "burst": (428,),
    "fireworks": (426, 427),
    "thunder": (280, 281),
    "siren": (316, 317, 318, 319, 390, 391),
    "alarm": (304, 382, 389, 393, 394),
    "beep": (313, 383, 384, 385, 387, 388, 392, 475, 476),
    "horn": (302, 303, 312, 324, 325, 395),
    "speech": tuple(range(67)),
    "animal": tuple(range(67, 132)),
    "music": tuple(range(132, 277)),
    "weather": (277, 278, 279, *range(282, 294)),
    "vehicle": (
        *range(294, 302),
        305,
        306,
        307,
        308,
        309,
        310,
        311,
        314,
        315,
        *range(320, 324),
        *range(326, 335),
        336,
        *range(337, 348),
    ),
    "impact": (*range(348, 361), *range(431, 438), *range(452, 457), *range(459, 468)),
    "domestic": (*range(361, 382), *range(398, 420)),
    "silence": (494,),
    "tone": tuple(range(495, 500)),
    "noise": tuple(range(505, 520)),
}


def score_groups() -> ScoreGroups:
    """The groups as the head keeps them."""
    sizes = [len(group) for group in GROUPS.values()]
    classes = np.concatenate([np.array(group, np.int32) for group in GROUPS.values()])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    return ScoreGroups(classes, starts)
