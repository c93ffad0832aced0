"""Point-to-plane ICP (Chen and Medioni 1992), many poses at a time, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vision_cli.pcd_anomaly.surfaces.geometry import (
    Points,
    Pose,
    Surface,
    make_pose,
    rotation_vectors_to_matrices,
)
from vision_cli.pcd_anomaly.surfaces.lookup import Level, NearestGrid

_DAMPING = 0.1
"""Damping of each unknown, as a share of its largest possible weight, against motions that hardly change distances."""

PLAIN_DAMPING = 1e-3
"""Hardly any damping, which only keeps the equations solvable."""

Match = Callable[[Points, Points], tuple[Points, Points]]
"""Returns the corresponding points and normals of points and normals ``(B, N, 3)``."""


def refine_coarsely(source: Surface, grid: NearestGrid, poses: Pose, caps: tuple[float, ...]) -> Pose:
    """Return many poses refined with the grid of nearest points.

    Parameters
    ----------
    source
        A few hundred points of the scan, with oriented normals.
    grid
        Nearest points of the surface to register to.
    poses
        ``(B, 4, 4)``.
    caps
        For each iteration, the distance beyond which points have no weight.
    """

    def match(points: Points, normals: Points) -> tuple[Points, Points]:
        found = grid.at(points)
        return grid.surface.points[found], grid.surface.normals[found]

    for cap in caps:
        poses = _step(source, poses, match, cap)
    return poses


def refine(source: Surface, level: Level, poses: Pose, caps: tuple[float, ...], damping: float = _DAMPING) -> Pose:
    """Return poses refined with nearest neighbours that have similar normals; other arguments as `refine_coarsely`.

    With `PLAIN_DAMPING` the steps are those of plain ICP: they also follow the few points that hold a plate in its
    plane, and drift where none does.
    """

    def match(points: Points, normals: Points) -> tuple[Points, Points]:
        found = level.nearest(points.reshape(-1, 3), normals.reshape(-1, 3)).reshape(points.shape[:-1])
        return level.surface.points[found], level.surface.normals[found]

    for cap in caps:
        poses = _step(source, poses, match, cap, damping)
    return poses


def _step(source: Surface, poses: Pose, match: Match, cap: float, strength: float = _DAMPING) -> Pose:
    rotations, shifts = poses[:, :3, :3], poses[:, :3, 3]
    points = source.points @ np.swapaxes(rotations, 1, 2) + shifts[:, None]
    normals = source.normals @ np.swapaxes(rotations, 1, 2)
    goal, goal_normals = match(points, normals)
    gap = goal - points
    agreement = np.einsum("bni,bni->bn", normals, goal_normals)
    distance2 = np.einsum("bni,bni->bn", gap, gap)
    # Tukey's weight: continuous in the distance, so that leaving points cause no jump.
    weight = np.maximum(1 - distance2 / cap**2, 0) ** 2 * np.maximum(agreement, 0)
    middle = points.mean(axis=1, keepdims=True)
    arm = np.cross(points - middle, goal_normals)
    jacobian = np.concatenate([arm, goal_normals], axis=2)
    residual = np.einsum("bni,bni->bn", gap, goal_normals)
    weighted = jacobian * weight[..., None]
    normal_matrix = np.einsum("bni,bnj->bij", weighted, jacobian)
    right = np.einsum("bni,bn->bi", weighted, residual)
    # Damping in the scale of each unknown: on a plane, which does not constrain sliding, the scan does not slide.
    scale = np.maximum(np.einsum("bii->b", normal_matrix[:, 3:, 3:]), 1e-12)
    radius2 = np.mean(np.einsum("bni,bni->bn", points - middle, points - middle), axis=1)
    damping = np.concatenate([np.repeat((scale * radius2)[:, None], 3, 1), np.repeat(scale[:, None], 3, 1)], axis=1)
    normal_matrix = normal_matrix + np.einsum("bi,ij->bij", strength * damping + 1e-300, np.eye(6))
    change = np.linalg.solve(normal_matrix, right[..., None])[..., 0]
    turn = rotation_vectors_to_matrices(change[:, :3])
    shift = change[:, 3:] + middle[:, 0] - np.einsum("bij,bj->bi", turn, middle[:, 0])
    return make_pose(turn @ rotations, np.einsum("bij,bj->bi", turn, shifts) + shift)
