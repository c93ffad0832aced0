"""Registration of one file to another, without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.compute.devices import memory_within
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import read_points, read_points_or_mesh
from vision_cli.pcd_anomaly.pipeline.chunking import require_points_room
from vision_cli.pcd_anomaly.registration.limits import FEWEST_POINTS, SCAN_SPACING
from vision_cli.pcd_anomaly.registration.pieces import find_pieces
from vision_cli.pcd_anomaly.registration.registration import register
from vision_cli.pcd_anomaly.registration.sizes import require_same_size
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.surfaces.geometry import canonical_order, diameter
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan, prototype_points, thin
from vision_cli.pcd_anomaly.surfaces.visibility import oriented_surface


def register_files(
    scan: Path, reference: Path, seed: int, scale: float = 1.0, max_memory: float | None = None
) -> dict[str, object]:
    """Return the pose of a scan on a mesh or on a cloud of all sides.

    Parameters
    ----------
    scan, reference
        Files of the two.
    seed
        Seed of the search.
    scale
        Factor on the coordinates of the scan; the pose is that of the multiplied scan.
    max_memory
        Bytes that the process may take; None for the available memory.

    Returns
    -------
    dict
        ``status``, ``fitness``, ``blocking``, ``unseen``, ``rmse``, ``margin``, ``remark`` on the normals of the
        reference (None if they were taken as they are), and ``scan_to_reference`` (4 x 4).

    Raises
    ------
    InputError
        If a file cannot be used, or the two differ in size.
    ResourceError
        If the points would exceed the memory.
    """
    generator = np.random.default_rng(seed)
    with memory_within(max_memory):
        known = prototype_points(read_points_or_mesh(reference), generator)
        points = read_points(scan).points * scale
    goal, normals = known.points, known.normals
    require_points_room(max_memory, scan, len(points) + len(goal))
    points = points[np.asarray(np.isfinite(points).all(axis=1))]
    if min(len(points), len(goal)) < FEWEST_POINTS:
        raise InputError(f"{scan}, {reference}: fewer than {FEWEST_POINTS} finite points found; more expected.")
    here, there = np.median(points, axis=0), np.median(goal, axis=0)
    order = canonical_order(goal)
    goal = goal[order] - there
    size = diameter(goal)
    points = points[canonical_order(points)] - here
    require_same_size(points, size)
    points = points[find_pieces(points, size).is_main]
    if normals is None:
        surface = oriented_surface(goal, SCAN_SPACING * size)
    else:
        surface = prepare_scan(goal, SCAN_SPACING * size, normals[order])
    target = make_target(thin(surface, SCAN_SPACING * size))
    found = register(prepare_scan(points, SCAN_SPACING * size), target, generator)
    pose = found.pose.copy()
    pose[:3, 3] += there - pose[:3, :3] @ here
    return {
        "status": found.status,
        "fitness": found.verification.fitness,
        "blocking": found.verification.blocking,
        "unseen": found.verification.unseen,
        "rmse": found.verification.rmse,
        "margin": found.margin,
        "remark": known.remark,
        "scan_to_reference": pose.tolist(),
    }
