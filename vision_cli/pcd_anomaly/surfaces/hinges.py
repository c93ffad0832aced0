"""Hinges across a part, and bends of a scan about them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface, basis_of

_SHARES = (0.07, 0.11, 0.15, 0.2, 0.25)
"""Shares of the part beyond a hinge."""

_SHORTEST = 1 / 50
"""Least length of an end, as a share of the diameter."""


@dataclass(frozen=True)
class Hinge:
    """A line across a part.

    Attributes
    ----------
    along
        Unit vector towards the end.
    begins, ends
        Coordinates along it of the hinge and of the end.
    across
        The two directions that the end can turn to, ``(2, 3)``.
    """

    along: NDArray[np.float64]
    begins: float
    ends: float
    across: NDArray[np.float64]

    def design(self, points: Points, normals: Points) -> NDArray[np.float64]:
        """Return displacements along the normals for a unit displacement of the end in each direction, ``(N, 2)``."""
        ramp = np.clip((points @ self.along - self.begins) / (self.ends - self.begins), 0, None)
        return ramp[:, None] * (normals @ self.across.T)


@dataclass(frozen=True)
class Bend:
    """A bend of a scan.

    Attributes
    ----------
    hinge
        Place of the bend.
    turn
        Displacement of the end in each direction, ``(2,)``.
    evidence
        Logarithm of the Bayes factor against no bend, more than 0.
    """

    hinge: Hinge
    turn: NDArray[np.float64]
    evidence: float

    def weighted_displacement(self, surface: Surface) -> NDArray[np.float64]:
        """Return displacements along the normals of a surface, multiplied by the square root of the evidence, ``(N,)``.

        The evidence of a normal deviation grows with its square, so the root is a number of standard deviations.
        """
        moved = self.hinge.design(surface.points, surface.normals) @ self.turn
        return np.asarray(np.sqrt(self.evidence) * moved)


def candidate_hinges(surface: Surface, size: float) -> list[Hinge]:
    """Return hinges across a part of diameter ``size``: along its principal axes and halfway between them."""
    axes = np.linalg.eigh(np.cov(surface.points.T))[1].T
    found = []
    for signs in product((-1.0, 0.0, 1.0), repeat=3):
        if not any(signs):
            continue
        basis = basis_of(np.asarray(signs) / np.linalg.norm(signs)) @ axes
        places = surface.points @ basis[2]
        end = float(places.max())
        begins = [float(begin) for begin in np.quantile(places, 1 - np.asarray(_SHARES))]
        found += [Hinge(basis[2], begin, end, basis[:2]) for begin in begins if end - begin > _SHORTEST * size]
    return found
