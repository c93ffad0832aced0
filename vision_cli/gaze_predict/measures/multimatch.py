"""MultiMatch: two scan paths as series of saccade vectors, aligned and compared in five ways.

Jarodzka, Holmqvist and Nyström 2010 (ETRA, 211) and Dewhurst et al. 2012 (Behavior Research Methods 44, 1079), without
the simplification of paths, as multimatch-gaze computes it with ``grouping=False``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.values import MAP_SIDE, ScanPath

_LEAST = 3
"""Fixations that both paths must have."""


@dataclass(frozen=True)
class MultiMatch:
    """Similarities from 0 to 1, for identical paths; NaN where they are not defined.

    Attributes
    ----------
    shape
        Of the vectors.
    direction
        Of their angles.
    length
        Of their lengths.
    position
        Of the fixations.
    duration
        Of how long these last; NaN where that is not known.
    """

    shape: float
    direction: float
    length: float
    position: float
    duration: float


def multimatch(predicted: ScanPath, truth: ScanPath) -> MultiMatch:
    """Return MultiMatch of two scan paths on a film squashed to a square; NaN of paths below three fixations."""
    if min(len(predicted), len(truth)) < _LEAST:
        return MultiMatch(*[math.nan] * 5)
    one, two = (path.points.astype(np.float64) * MAP_SIDE for path in (predicted, truth))
    first, second = np.diff(one, axis=0), np.diff(two, axis=0)
    rows, columns = _alignment(np.linalg.norm(first[:, None] - second[None], axis=2))
    diagonal = MAP_SIDE * math.sqrt(2)
    vectors = np.linalg.norm(first[rows] - second[columns], axis=1)
    lengths = np.abs(np.linalg.norm(first, axis=1)[rows] - np.linalg.norm(second, axis=1)[columns])
    turns = np.abs(np.arctan2(*first[rows].T[::-1]) - np.arctan2(*second[columns].T[::-1]))
    turns = np.minimum(turns, 2 * math.pi - turns)
    positions = np.linalg.norm(one[rows] - two[columns], axis=1)
    # The duration is that of the fixation before a saccade.
    before, after = predicted.durations[rows].astype(np.float64), truth.durations[columns].astype(np.float64)
    changes = np.abs(before - after) / np.maximum(np.maximum(before, after), np.finfo(np.float64).tiny)
    return MultiMatch(
        1 - float(np.median(vectors)) / (2 * diagonal),
        1 - float(np.median(turns)) / math.pi,
        1 - float(np.median(lengths)) / diagonal,
        1 - float(np.median(positions)) / diagonal,
        1 - float(np.median(changes)),
    )


def _alignment(costs: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the cheapest way through a table, from its first cell to its last.

    Steps go right, down or both; a way costs what its cells but the first do.
    """
    total = np.full(costs.shape, np.inf)
    total[0, 0] = 0
    steps = ((-1, -1), (-1, 0), (0, -1))
    came: dict[tuple[int, int], tuple[int, int]] = {}
    for row, column in np.ndindex(costs.shape):
        for down, right in steps:
            place = row + down, column + right
            if min(place) >= 0 and total[place] + costs[row, column] < total[row, column]:
                total[row, column] = total[place] + costs[row, column]
                came[row, column] = place
    way = [(costs.shape[0] - 1, costs.shape[1] - 1)]
    while way[-1] in came:
        way.append(came[way[-1]])
    rows, columns = np.array(way[::-1], dtype=np.int64).T
    return rows, columns
