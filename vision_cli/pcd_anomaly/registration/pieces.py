"""Connected components of a scan: the part, what touches it, and specks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Points, group_means, voxel_groups

_LEAST_PIECE = 0.05
"""Components of a scan with less than this share of the largest one's cubes are specks."""


@dataclass(frozen=True)
class Pieces:
    """A scan in cubes of 1/30 of the diameter.

    Attributes
    ----------
    cube
        Number of the cube of each point, ``(N,)``.
    middles
        Means of the points of the cubes, ``(C, 3)``.
    is_main
        Whether a point belongs to no speck, ``(N,)``.
    """

    cube: NDArray[np.int64]
    middles: Points
    is_main: NDArray[np.bool_]


def find_pieces(points: Points, size: float) -> Pieces:
    """Return the connected components of a scan ``(N, 3)`` of a part of diameter ``size``."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    side = size / 30
    cube, count = voxel_groups(points, side)
    middles = group_means(points, cube, count)
    pairs = cKDTree(middles).query_pairs(2.2 * side, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    return Pieces(cube, middles, np.asarray((sizes >= _LEAST_PIECE * sizes.max())[label][cube]))
