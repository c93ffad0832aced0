"""Protocol P4: what a detector finds in the well-exposed picture is the truth for the dark and enhanced ones."""

from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.values import Boxes, Detections

LEAST_SCORE = 0.5
"""Score from which a detection in the reference counts as an object."""


def as_truth(found: Detections, least_score: float = LEAST_SCORE) -> Boxes:
    """Return the detections of a reference with this score or more as objects that are to be found."""
    kept = found.scores >= least_score
    return Boxes(found.corners[kept], found.labels[kept], np.zeros(int(kept.sum()), dtype=bool))
