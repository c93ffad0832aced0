"""Registration of one file to another, outside of any model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import read_points, read_points_or_mesh
from vision_cli.pcd_anomaly.model.learning import cloud_of
from vision_cli.pcd_anomaly.registration.registration import prepare_scan, register
from vision_cli.pcd_anomaly.registration.targets import make_target, oriented_surface, thin
from vision_cli.pcd_anomaly.surfaces.geometry import canonical_order, diameter

_LEVEL = 1 / 200
_FEWEST = 500


def register_files(scan: Path, reference: Path, seed: int) -> dict[str, object]:
    """Find the pose of a scan on a cloud of all sides, or on a mesh.

    Returns
    -------
    dict
        ``status``, ``fitness``, ``blocking``, ``unseen``, ``rmse``, ``margin`` and ``scan_to_reference`` (4 x 4).

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    generator = np.random.default_rng(seed)
    goal, normals = cloud_of(read_points_or_mesh(reference), generator)
    points = read_points(scan).points
    points = points[np.asarray(np.isfinite(points).all(axis=1))]
    if min(len(points), len(goal)) < _FEWEST:
        raise InputError(f"{scan}, {reference}: fewer than {_FEWEST} finite points found; more expected.")
    here, there = np.median(points, axis=0), np.median(goal, axis=0)
    order = canonical_order(goal)
    goal = goal[order] - there
    size = diameter(goal)
    if normals is None:
        surface = oriented_surface(goal, _LEVEL * size)
    else:
        surface = prepare_scan(goal, _LEVEL * size, normals[order])
    target = make_target(thin(surface, _LEVEL * size))
    points = points[canonical_order(points)] - here
    found = register(prepare_scan(points, _LEVEL * size), target, generator)
    pose = found.pose.copy()
    pose[:3, 3] += there - pose[:3, :3] @ here
    return {
        "status": found.status,
        "fitness": found.verification.fitness,
        "blocking": found.verification.blocking,
        "unseen": found.verification.unseen,
        "rmse": found.verification.rmse,
        "margin": found.margin,
        "scan_to_reference": pose.tolist(),
    }
