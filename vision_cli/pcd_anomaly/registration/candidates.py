"""Starting poses of a scan, from a grid of views, from principal axes, and from matched descriptors.

The searches fail on different parts. The grid tries every side that the scan could show and every rotation about the
view axis; it needs no features and also works for parts made of planes, as far as the view axis is known. Principal
axes need no view axis, which is uncertain by tens of degrees of a plate seen on its edge. Descriptors (FPFH, Rusu et
al. 2009) with seeded consensus (RANSAC, Fischler and Bolles 1981) find scans whose own side is unclear, or that show
little.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.registration.targets import Target
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Pose,
    Surface,
    basis_of,
    fit_rigid,
    make_pose,
    principal_axes,
    rotation_angle,
)
from vision_cli.pcd_anomaly.surfaces.sampling import thin

_ROLLS = 30
_SIGNS = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
"""Signs of axes that leave a rotation one."""

_SOFT_DISTANCE = 0.06
_POSES_AT_ONCE = 512
DESCRIPTOR_SCALES = (32.0, 20.0)
"""Spacings of points with descriptors are D/32 and D/20; their radius is five times the spacing."""

_TRIPLES = 6000
_EDGE_RATIO = 0.85
_SHORTEST_EDGE = 0.12


def soft_scores(source: Surface, target: Target, poses: Pose) -> NDArray[np.float64]:
    """Return scores of poses by distance to the surface and agreement of normals, 0 to 1.

    Parameters
    ----------
    source
        A few hundred points of the scan, with oriented normals.
    target
        Target of the registration.
    poses
        ``(B, 4, 4)``.

    Returns
    -------
    ndarray
        ``(B,)``.
    """
    scores = np.empty(len(poses))
    reach = _SOFT_DISTANCE * target.diameter
    for start in range(0, len(poses), _POSES_AT_ONCE):
        part = poses[start : start + _POSES_AT_ONCE]
        turned = np.swapaxes(part[:, :3, :3], 1, 2)
        points = source.points @ turned + part[:, None, :3, 3]
        found = target.grid.at(points)
        surface = target.grid.surface
        gap = surface.points[found] - points
        closeness = np.maximum(1 - np.sqrt(np.einsum("bni,bni->bn", gap, gap)) / reach, 0)
        alike = np.einsum("bni,bni->bn", source.normals @ turned, surface.normals[found])
        scores[start : start + _POSES_AT_ONCE] = (closeness * np.maximum(alike, 0)).mean(axis=1)
    return scores


def grid_poses(source: Surface, target: Target, view: NDArray[np.float64] | None) -> Pose:
    """Return poses of a scan on every side of the target, at every rotation about the view axis.

    Parameters
    ----------
    source
        The scan, with normals that point outwards.
    target
        Target of the registration.
    view
        Direction towards the sensor, in the scan's frame; None for a cloud of all sides.

    Returns
    -------
    ndarray
        ``(T · 30, 4, 4)``.
    """
    toward = np.array([0.0, 0.0, 1.0]) if view is None else view
    from_scan = basis_of(toward)
    turns = np.arange(_ROLLS) * (2 * np.pi / _ROLLS)
    rolls = np.zeros((_ROLLS, 3, 3))
    rolls[:, 0, 0] = rolls[:, 1, 1] = np.cos(turns)
    rolls[:, 0, 1], rolls[:, 1, 0] = -np.sin(turns), np.sin(turns)
    rolls[:, 2, 2] = 1
    bases = np.stack([basis_of(direction) for direction in target.directions])
    rotations = np.einsum("tji,rjk,kl->tril", bases, rolls, from_scan)
    goals = target.view_means if view is not None else np.broadcast_to(target.middle, target.view_means.shape)
    shifts = goals[:, None] - np.einsum("trij,j->tri", rotations, source.points.mean(axis=0))
    return make_pose(rotations, shifts).reshape(-1, 4, 4)


def axes_poses(source: Surface, target: Target) -> Pose:
    """Return poses that bring the principal axes of a scan to those of the target's points visible from each direction.

    Parameters
    ----------
    source
        The scan, evenly sampled.
    target
        Target of the registration.

    Returns
    -------
    ndarray
        ``(T · 4, 4, 4)``, four for the signs of the axes.
    """
    own = principal_axes(source.points)
    rotations = np.einsum("tji,sj,jk->tsik", target.view_axes, _SIGNS, own)
    shifts = target.view_means[:, None] - np.einsum("tsij,j->tsi", rotations, source.points.mean(axis=0))
    return make_pose(rotations, shifts).reshape(-1, 4, 4)


def descriptor_poses(source: Surface, target: Target, generator: Generator, scale: float) -> Pose:
    """Return poses of a scan on the target from triples of matched descriptors.

    Parameters
    ----------
    source
        The scan, with normals that point outwards.
    target
        Target of the registration.
    generator
        Draws the triples.
    scale
        Spacing of the descriptors is D / scale.

    Returns
    -------
    ndarray
        ``(B, 4, 4)``; empty if too few descriptors match.
    """
    size = target.diameter / scale
    if scale not in target.descriptors:
        target.descriptors[scale] = _described(target.levels[1].surface, size)
    goal, goal_features = target.descriptors[scale]
    points, features = _described(source, size)
    if len(points) < 3:
        return np.empty((0, 4, 4))
    _, forth = cKDTree(goal_features).query(features, k=2)
    _, back = cKDTree(features).query(goal_features)
    numbers = np.arange(len(points))
    is_mutual = back[forth[:, 0]] == numbers
    # Mutual matches are few and good, the others many and poor: a third of the draws use mutual matches only.
    pairs = np.concatenate(
        [
            np.stack([numbers[is_mutual], forth[is_mutual, 0]], axis=1),
            np.stack([np.tile(numbers, 2), forth.T.ravel()], axis=1),
        ]
    )
    mutual = int(is_mutual.sum())
    if len(pairs) < 3:
        return np.empty((0, 4, 4))
    few = mutual if mutual >= 3 else len(pairs)
    draws = np.concatenate(
        [generator.integers(few, size=(_TRIPLES, 3)), generator.integers(mutual, len(pairs), size=(2 * _TRIPLES, 3))]
    )
    here, there = points.points[pairs[draws, 0]], goal.points[pairs[draws, 1]]
    edges = [np.linalg.norm(side - np.roll(side, 1, axis=1), axis=2) for side in (here, there)]
    ratio = np.minimum(edges[0], edges[1]) / np.maximum(np.maximum(edges[0], edges[1]), 1e-12)
    sound = (ratio > _EDGE_RATIO).all(axis=1) & (edges[0] > _SHORTEST_EDGE * target.diameter).all(axis=1)
    if not sound.any():
        return np.empty((0, 4, 4))
    return fit_rigid(here[sound], there[sound])


def select_distinct(
    poses: Pose, scores: NDArray[np.float64], middle: NDArray[np.float64], angle: float, distance: float, count: int
) -> NDArray[np.int64]:
    """Return the numbers of the best poses that differ from one another.

    Parameters
    ----------
    poses, scores
        ``(B, 4, 4)`` and ``(B,)``, higher is better.
    middle
        A point of the scan, ``(3,)``, whose images measure the distance of two poses.
    angle, distance
        Poses closer than both are the same.
    count
        Number of poses to choose.

    Returns
    -------
    ndarray
        Numbers of the chosen poses, best first.
    """
    order = np.argsort(-scores, kind="stable")
    places = poses[:, :3, :3] @ middle + poses[:, :3, 3]
    chosen: list[int] = []
    is_open = np.ones(len(poses), dtype=bool)
    for number in order:
        if is_open[number]:
            chosen.append(int(number))
            if len(chosen) == count:
                break
            near = rotation_angle(poses, poses[number]) < angle
            near &= np.linalg.norm(places - places[number], axis=1) < distance
            is_open &= ~near
    return np.asarray(chosen, dtype=np.int64)


def _described(surface: Surface, size: float) -> tuple[Surface, NDArray[np.float32]]:
    from vision_cli.io.points.clouds import import_open3d

    o3d = import_open3d()
    points = thin(surface, size)
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.points))
    cloud.normals = o3d.utility.Vector3dVector(points.normals)
    search = o3d.geometry.KDTreeSearchParamHybrid(radius=5 * size, max_nn=100)
    features = o3d.pipelines.registration.compute_fpfh_feature(cloud, search).data.T
    return points, np.ascontiguousarray(features, dtype=np.float32)
