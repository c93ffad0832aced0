"""Where a recorded reader looked and a prediction did not: coverage, and the zone of the film that was missed most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.measures.maps import normalised, pixels_of
from vision_cli.gaze_predict.values import ScanPath

_MASS = 0.8
"""Share of the predicted density in the region that counts as predicted."""

_SIDES, _HEIGHTS = ("right", "middle", "left"), ("upper", "mid", "lower")
"""Thirds of the film; the patient's right is on the left of the picture."""


@dataclass(frozen=True)
class Coverage:
    """How much of a recording was predicted.

    Attributes
    ----------
    coverage
        Share of the fixation time in the smallest region that holds 80 % of the predicted density.
    missed_zone
        The ninth of the film, such as ``right lower``, that was looked at more than predicted by most.
    missed_share
        How much more, as a share of all gaze.
    """

    coverage: float
    missed_zone: str
    missed_share: float


def cover(predicted: NDArray[np.floating], truth: NDArray[np.floating], path: ScanPath) -> Coverage:
    """Return how much of a recording was predicted.

    Parameters
    ----------
    predicted, truth
        ``(h, w)`` densities.
    path
        The recorded fixations; all count alike where a duration is not known.
    """
    density = normalised(predicted)
    order = np.argsort(-density, axis=None, kind="stable")
    count = int(np.searchsorted(np.cumsum(density.ravel()[order]), _MASS)) + 1
    inside = np.zeros(density.size, dtype=bool)
    inside[order[:count]] = True
    rows, columns = pixels_of(path.points, density.shape)
    known = np.isfinite(path.durations).all() and float(path.durations.sum()) > 0
    weights = path.durations.astype(np.float64) if known else np.ones(len(path))
    covered = float(weights[inside.reshape(density.shape)[rows, columns]].sum() / weights.sum())
    missed = _zones(normalised(truth)) - _zones(density)
    row, column = np.unravel_index(int(missed.argmax()), missed.shape)
    return Coverage(covered, f"{_SIDES[column]} {_HEIGHTS[row]}", float(missed.max()))


def _zones(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density in each ninth of the film, ``(3, 3)``."""
    return np.array(
        [[part.sum() for part in np.array_split(band, 3, axis=1)] for band in np.array_split(density, 3, axis=0)]
    )
