"""Poses that a scan could be mistaken for: slides along the surface, and turns that nearly map the part onto itself.

On plates, brackets and extruded parts most of a scan is one or two planes, along which the damped steps of the search
hardly move. These starts lie where such a search ends up wrong: beside the true pose, turned by a quarter or half
within a face, on the other side of the part, or at another edge of a plate that is seen on its edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.registration.symmetries import near_symmetries
from vision_cli.pcd_anomaly.registration.targets import Target
from vision_cli.pcd_anomaly.registration.verification import slid_poses
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Pose,
    Surface,
    make_pose,
    principal_axes,
    rotation_vectors_to_matrices,
)

_SLIDES = (1 / 8, 1 / 16, 1 / 32, 1 / 64)
"""Lengths of slides, as shares of the diameter."""

_QUARTERS = (0.5 * np.pi, np.pi, 1.5 * np.pi)


def slides(source: Surface, target: Target, pose: Pose) -> Pose:
    """Return the poses ``(B, 4, 4)`` that a scan can slide to.

    These are slides to either side in the three least constrained directions.

    Parameters
    ----------
    source
        The scan, with outward normals.
    target
        The reference.
    pose
        From the scan to the reference.
    """
    found = [slid for length in _SLIDES for slid in slid_poses(source, target, pose, length)]
    return np.stack(found) if found else np.empty((0, 4, 4))


def turns(source: Surface, target: Target, pose: Pose, view: NDArray[np.float64] | None) -> Pose:
    """Return poses ``(B, 4, 4)`` turned as planar symmetries of parts are.

    These are the motions that nearly take the part onto itself, half turns about its principal axes, and quarter turns
    of the scan about its view axis. Parameters as for `slides`; ``view`` is the direction towards the sensor in the
    scan's frame, None for a cloud of all sides.
    """
    half = _turns(np.pi * principal_axes(target.levels[0].surface.points), target.middle)
    found = [half @ pose, near_symmetries(target) @ pose]
    if view is not None:
        middle = source.points.mean(axis=0) @ pose[:3, :3].T + pose[:3, 3]
        found.append(_turns(np.outer(_QUARTERS, pose[:3, :3] @ view), middle) @ pose)
    return np.concatenate(found)


def _turns(vectors: NDArray[np.float64], middle: NDArray[np.float64]) -> Pose:
    """Return the rotations by vectors ``(B, 3)`` about a point ``(3,)`` as poses, ``(B, 4, 4)``."""
    rotations = rotation_vectors_to_matrices(vectors)
    return make_pose(rotations, middle - rotations @ middle)
