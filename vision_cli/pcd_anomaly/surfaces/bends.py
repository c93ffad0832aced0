"""Detection of bent ends: a hinge across the part beyond which a scan turns away.

A tolerance also bends a part, but nowhere sharply. The two are compared by evidence: the logarithm of the Bayes factor
of a warp with a hinge against a warp alone, both Gaussian, for many hinges. Points beyond a detected hinge count as
deviating, although most of their offset could pass for a warp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from vision_cli.pcd_anomaly.surfaces.geometry import Surface
from vision_cli.pcd_anomaly.surfaces.hinges import Bend, Hinge
from vision_cli.pcd_anomaly.surfaces.lookup import Level
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, Warp
from vision_cli.pcd_anomaly.surfaces.warps import warped_offsets

_FEWEST_SEEN, _LEAST_MOVED = 0.02, 0.1
"""A hinge is tried if its bend moves this share of the places by this share of the displacement at the end."""

_USUAL_BEND, _USUAL_SHIFT = 1 / 100, 1 / 50
"""Prior standard deviations of bends and of errors of the pose, as shares of the diameter."""

_MOST_SAMPLES = 1500
"""Most offsets that are used: their covariance matrix is factored."""

_CUT = 4.0
_ROUNDS = 3


def find_bends(
    surface: Surface,
    level: Level,
    tolerance: Tolerance,
    warp: Warp,
    noise: NDArray[np.float64],
    hinges: Sequence[Hinge],
    spacing: float,
    size: float,
) -> tuple[Bend, ...]:
    """Return the bend with the highest evidence at each end of a scan, the highest first; none without evidence.

    Parameters
    ----------
    surface
        In the frame of the reference, normals outward.
    level
        The reference.
    tolerance
        Distribution of warps.
    warp
        Warp of the instance, which says which point of the reference each point corresponds to.
    noise
        Standard deviation of offsets at each point of the reference, ``(V,)``.
    hinges
        Candidate hinges.
    spacing, size
        Spacing of the reference's points, and its diameter.
    """
    found, offsets = warped_offsets(surface, level, warp, spacing, size)
    rows = np.flatnonzero(np.isfinite(offsets))
    if not len(rows) or not hinges:
        return ()
    rows = rows[:: -(-len(rows) // _MOST_SAMPLES)]
    points, normals, offsets = surface.points[rows], surface.normals[rows], offsets[rows]
    designs = np.stack([_visible_columns(hinge.design(points, normals)) for hinge in hinges])
    if not designs.any():
        return ()
    variance = noise[found.nearest[rows]] ** 2 + (1.4826 * np.median(np.abs(found.value[rows]))) ** 2
    turning = np.cross(points - points.mean(axis=0), normals) / size
    rigid = _USUAL_SHIFT * size * np.column_stack([turning, normals])
    smooth = tolerance.covariance(points, normals) + rigid @ rigid.T
    doubt = np.ones(len(rows))
    for _ in range(_ROUNDS):
        turns, evidence, left = compare(smooth + np.diag(doubt * variance), offsets, designs, _USUAL_BEND * size)
        # Offsets that neither explains belong to another defect and are down-weighted.
        rest = doubt * variance * left
        doubt = (1 + rest**2 / (_CUT**2 * variance)) ** 2
    bends: dict[bytes, Bend] = {}
    for number in np.argsort(-evidence, kind="stable"):
        if evidence[number] > 0:
            bend = Bend(hinges[number], turns[number], float(evidence[number]))
            bends.setdefault(bend.hinge.along.tobytes(), bend)
    return tuple(bends.values())


def bend_offsets(bends: Sequence[Bend], surface: Surface) -> NDArray[np.float64]:
    """Return the largest absolute `Bend.weighted_displacement` over all bends at the points of a surface, ``(N,)``."""
    most = np.zeros(len(surface))
    for bend in bends:
        most = np.maximum(most, np.abs(bend.weighted_displacement(surface)))
    return most


def compare(
    covariance: NDArray[np.float64], values: NDArray[np.float64], designs: NDArray[np.float64], usual: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compare, for each pair of columns, a normal distribution of values with and without them.

    Parameters
    ----------
    covariance
        Covariance of the values without the columns, ``(N, N)``.
    values
        ``(N,)``.
    designs
        ``(H, N, 2)``.
    usual
        Prior standard deviation of the coefficients of the columns.

    Returns
    -------
    tuple
        The most probable coefficients of each pair, ``(H, 2)``; the logarithm of its Bayes factor against no columns,
        ``(H,)``; and, for the pair with the highest factor, the inverse covariance times the residual, ``(N,)``.
    """
    count, rows, _ = designs.shape
    flat = designs.transpose(1, 0, 2).reshape(rows, -1)
    solved = cho_solve(cho_factor(covariance), np.column_stack([values, flat]))
    pull = np.einsum("hnj,n->hj", designs, solved[:, 0])
    hold = np.einsum("hni,nhj->hij", designs, solved[:, 1:].reshape(rows, count, 2))
    turns = np.linalg.solve(hold + np.eye(2) / usual**2, pull[..., None])[..., 0]
    evidence = ((pull * turns).sum(axis=1) - np.linalg.slogdet(np.eye(2) + usual**2 * hold)[1]) / 2
    best = int(evidence.argmax())
    left = solved[:, 0] - solved[:, 1 + 2 * best : 3 + 2 * best] @ turns[best]
    return turns, evidence, left


def _visible_columns(design: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a design ``(N, 2)`` with the columns zeroed that would move hardly any place."""
    is_shown = (np.abs(design) > _LEAST_MOVED).mean(axis=0) > _FEWEST_SEEN
    return np.where(is_shown, design, 0.0)
