"""What of the real faces is generated, what of the generated faces is realistic, and what is a copy.

Precision and recall by nearest neighbours (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020), and the
distance of each generated face to its nearest real one against that between real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.distances import FeatureSet

Floats = NDArray[np.float64]

_NEIGHBOURS = 5
_ROWS = 1024
"""Rows of distances at a time."""

_COPY_QUANTILE = 0.01


@dataclass(frozen=True)
class Coverage:
    """How two sets of features overlap.

    Attributes
    ----------
    precision
        Share of the generated that lie within the reach of a real one: its distance to its k-th neighbour.
    recall
        Share of the real that lie within the reach of a generated one.
    density
        Mean number of real ones in whose reach a generated one lies, over k; may exceed 1.
    coverage
        Share of the real that have a generated one within their reach.
    neighbours
        k.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    neighbours: int


@dataclass(frozen=True)
class Memorisation:
    """How close generated faces come to real ones.

    Attributes
    ----------
    nearest
        Number of the nearest real face of each generated one, ``(N,)``.
    distances
        To it, ``(N,)``.
    threshold
        The distance below which 1 % of the real ones have another real one.
    copies
        Share of the generated ones that are closer: .01 is what real ones have, more hints at copies.
    ratio
        Median distance of the generated to the real over that of the real among themselves.
    """

    nearest: NDArray[np.int64] = field(repr=False)
    distances: Floats = field(repr=False)
    threshold: float
    copies: float
    ratio: float


def prdc(real: FeatureSet, generated: FeatureSet, *, neighbours: int = _NEIGHBOURS) -> Coverage:
    """Return precision, recall, density and coverage.

    Raises
    ------
    InputError
        If the spaces differ, or a set has no more pictures than neighbours.
    """
    _require_comparable(real, generated, neighbours)
    reach_real = _reach(real.values, neighbours)
    reach_generated = _reach(generated.values, neighbours)
    inside = np.zeros(len(generated.values), dtype=np.int64)
    recalled = np.zeros(len(real.values), dtype=bool)
    covered = np.zeros(len(real.values), dtype=bool)

    def look(rows: slice, distances: Floats) -> None:
        nonlocal inside
        within = distances < reach_real[rows, None]
        inside += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
        recalled[rows] = (distances < reach_generated[None]).any(axis=1)

    _by_rows(real.values, generated.values, look)
    return Coverage(
        precision=float((inside > 0).mean()),
        recall=float(recalled.mean()),
        density=float(inside.mean() / neighbours),
        coverage=float(covered.mean()),
        neighbours=neighbours,
    )


def memorisation(real: FeatureSet, generated: FeatureSet) -> Memorisation:
    """Compare the distances of generated faces to their nearest real one with those between real ones.

    Raises
    ------
    InputError
        If the spaces differ, or there are fewer than two real faces.
    """
    _require_comparable(real, generated, 1)
    among = _reach(real.values, 1)
    nearest = np.zeros(len(generated.values), dtype=np.int64)
    distances = np.zeros(len(generated.values))

    def look(rows: slice, found: Floats) -> None:
        nearest[rows] = found.argmin(axis=1)
        distances[rows] = found.min(axis=1)

    _by_rows(generated.values, real.values, look)
    threshold = float(np.quantile(among, _COPY_QUANTILE))
    middle = float(np.median(among))
    return Memorisation(
        nearest,
        distances,
        threshold,
        copies=float((distances < threshold).mean()) if threshold > 0 else float((distances <= 0).mean()),
        ratio=float(np.median(distances)) / middle if middle > 0 else float("inf"),
    )


def _reach(values: Floats, neighbours: int) -> Floats:
    """Return the distance of each to its k-th neighbour, itself aside, ``(N,)``."""
    reach = np.zeros(len(values))

    def look(rows: slice, distances: Floats) -> None:
        # Its distance to itself is the smallest, or equal to that of a copy.
        reach[rows] = np.partition(distances, neighbours, axis=1)[:, neighbours]

    _by_rows(values, values, look)
    return reach


def _by_rows(first: Floats, second: Floats, look: Callable[[slice, Floats], None]) -> None:
    """Show Euclidean distances, so many rows at a time; differences of squares would hide copies in rounding."""
    from scipy.spatial.distance import cdist

    for start in range(0, len(first), _ROWS):
        rows = slice(start, min(start + _ROWS, len(first)))
        look(rows, cdist(first[rows], second))


def _require_comparable(real: FeatureSet, generated: FeatureSet, neighbours: int) -> None:
    if real.space != generated.space or real.values.shape[1] != generated.values.shape[1]:
        raise InputError(f"features of {real.space} and {generated.space}; one space expected.")
    if min(len(real.values), len(generated.values)) <= neighbours:
        raise InputError(
            f"{len(real.values)} real and {len(generated.values)} generated faces; more than {neighbours} expected.",
            hint="Give more faces, or fewer neighbours.",
        )
