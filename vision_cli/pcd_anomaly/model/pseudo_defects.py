"""Pseudo-defects on views of good parts, for training the head: dents, bulges, scratches and offset patches.

Sizes are shares of the diameter in the ranges of MiniShift (Simple3D, AAAI 2026): depth 1e-3 to 7e-3, and extents up to
a tenth. They deform the measured surface, so no mesh is needed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Surface, basis_of, surface_of

_DEPTH = (1e-3, 7e-3)
_RADIUS = (0.02, 0.09)
_ELONGATION = (1.0, 6.0)
_AFFECTED = 0.2


def add_pseudo_defects(
    surface: Surface, size: float, count: int, generator: np.random.Generator
) -> tuple[Surface, NDArray[np.bool_]]:
    """Return an oriented surface deformed at several places.

    Parameters
    ----------
    surface
        A view of a good part, normals outward.
    size
        Diameter of the part.
    count
        Number of defects.
    generator
        Draws places, sizes and kinds.

    Returns
    -------
    tuple
        The surface with new normals, and which points moved by more than a fifth of a defect's depth, ``(N,)``.
    """
    points = surface.points.copy()
    moved = np.zeros(len(points), dtype=bool)
    tree = cKDTree(surface.points)
    for centre in generator.integers(len(points), size=count):
        depth = size * generator.uniform(*_DEPTH) * generator.choice([-1.0, 1.0])
        radius = size * generator.uniform(*_RADIUS)
        length = generator.uniform(*_ELONGATION)
        is_patch = generator.random() < 0.25
        turn = generator.uniform(0, np.pi)
        basis = basis_of(surface.normals[centre])
        along = np.cos(turn) * basis[0] + np.sin(turn) * basis[1]
        rows = np.asarray(tree.query_ball_point(surface.points[centre], radius), dtype=np.int64)
        # The other side of a thin wall is not deformed.
        rows = rows[surface.normals[rows] @ surface.normals[centre] > 0.3]
        gap = surface.points[rows] - surface.points[centre]
        ahead = gap @ along
        across = np.sqrt(np.maximum((gap**2).sum(axis=1) - ahead**2, 0))
        reach = np.sqrt(ahead**2 + (length * across) ** 2) / radius
        height = (reach < 0.7).astype(np.float64) if is_patch else np.maximum(1 - reach**2, 0) ** 2
        points[rows] += (depth * height)[:, None] * surface.normals[centre]
        moved[rows] |= height > _AFFECTED
    bent = surface_of(points, 12)
    sign = np.sign(np.einsum("ij,ij->i", bent.normals, surface.normals))
    sign[sign == 0] = 1
    return replace(bent, normals=bent.normals * sign[:, None]), moved
