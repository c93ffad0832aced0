"""Verification of a pose: points on the surface, contradictions, symmetries, and poses that the scan can slide to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.registration.targets import Target
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, Surface, make_pose, rotation_vectors_to_matrices, transform
from vision_cli.pcd_anomaly.surfaces.sampling import subsample
from vision_cli.pcd_anomaly.surfaces.visibility import depth_image, visible

_INLIER_DISTANCE = 1 / 80
_POINTS = 1000
_SLIDES, _LONG_SLIDE = 3, 1 / 10


@dataclass(frozen=True)
class Verification:
    """Measures for and against a pose, each a share between 0 and 1.

    Attributes
    ----------
    fitness
        Share of the scan's points on the surface with similar normals, each reduced by its squared relative distance.
    blocking
        Share of the surface facing the sensor that would stand between the scan and the sensor.
    unseen
        Share of the surface visible to the sensor that the scan lacks.
    rmse
        Root mean square distance of the points on the surface to its tangent planes, in the unit of the file.
    """

    fitness: float
    blocking: float
    unseen: float
    rmse: float

    @property
    def quality(self) -> float:
        """Value that poses are ranked and accepted by, at most 1."""
        return self.fitness - self.blocking - 0.5 * self.unseen


def verify(
    source: Surface, target: Target, pose: Pose, view: NDArray[np.float64] | None, resolution: int = 1
) -> Verification:
    """Return the measures for and against a pose.

    Parameters
    ----------
    source
        The scan, with outward normals.
    target
        The reference.
    pose
        From the scan to the reference.
    view
        Direction towards the sensor in the scan's frame; None for a cloud of all sides.
    resolution
        Number of the level of the target to compare with.
    """
    level = target.levels[resolution]
    moved = source.moved(pose)
    nearest = level.nearest(moved.points, moved.normals)
    gap = level.surface.points[nearest] - moved.points
    normals = level.surface.normals[nearest]
    plane = np.einsum("ij,ij->i", gap, normals)
    reach = _INLIER_DISTANCE * target.diameter
    # The nearest point may be half a spacing away along the surface.
    beside = np.linalg.norm(gap - plane[:, None] * normals, axis=1) < 2.5 * reach
    alike = np.einsum("ij,ij->i", moved.normals, normals) > 0.5
    inside = (np.abs(plane) < reach) & beside & alike
    # Smooth in the distance: between two poses of a nearly symmetric part a few points decide.
    fitness = float(np.where(inside, 1 - (plane / reach) ** 2, 0).mean())
    rmse = float(np.sqrt(np.mean(plane[inside] ** 2))) if inside.any() else float("nan")
    if view is None:
        return Verification(fitness, 0.0, _uncovered(moved, target), rmse)
    blocking, unseen = contradictions(source, target, pose, view)
    return Verification(fitness, blocking, unseen, rmse)


def is_symmetry(target: Target, change: Pose) -> bool:
    """Return whether a rigid map takes the whole part onto itself, within the inlier distance."""
    moved = subsample(target.levels[1].surface, _POINTS).moved(change)
    found = target.levels[1].nearest(moved.points, moved.normals)
    distance = np.linalg.norm(target.levels[1].surface.points[found] - moved.points, axis=1)
    return bool(np.quantile(distance, 0.99) < 2 * _INLIER_DISTANCE * target.diameter)


def slid_poses(source: Surface, target: Target, pose: Pose, length: float) -> list[Pose]:
    """Return the poses that a scan can slide to along the surface, least constrained directions first.

    Directions are those in which distances to the surface change least for the same mean motion of the points
    (eigenvectors of the normal matrix of point-to-plane ICP; Gelfand et al., 3DIM 2003). Rotations of a part of
    revolution about its axis are symmetries and are left out.

    Parameters
    ----------
    source
        The scan, with outward normals.
    target
        The reference.
    pose
        From the scan to the reference.
    length
        Length of the slide, as a share of the diameter.

    Returns
    -------
    list
        For each direction, the poses after a slide forwards and backwards.
    """
    some = subsample(source, _POINTS).moved(pose)
    level = target.levels[2]
    normals = level.surface.normals[level.nearest(some.points, some.normals)]
    middle = some.points.mean(axis=0)
    arms = some.points - middle
    along = np.hstack([np.cross(arms, normals), normals])
    # Motion of the points for each unknown: rotations about the middle, then shifts.
    moves = np.concatenate([np.cross(np.eye(3)[None], arms[:, None]), np.tile(np.eye(3), (len(arms), 1, 1))], axis=1)
    movement = np.einsum("nid,njd->ij", moves, moves) / len(arms)
    _, ways = eigh(along.T @ along / len(arms), movement)

    def motion(step: NDArray[np.float64]) -> Pose:
        turn = rotation_vectors_to_matrices(step[None, :3])[0]
        return make_pose(turn, step[3:] + middle - turn @ middle)

    size = target.diameter
    true = [way for way in ways.T[:_SLIDES] if not is_symmetry(target, motion(_LONG_SLIDE * size * way))]
    return [motion(sign * length * size * way) @ pose for way in true for sign in (1, -1)]


def best_slide(
    source: Surface, target: Target, pose: Pose, view: NDArray[np.float64] | None, length: float
) -> tuple[Pose, float]:
    """Return the best pose that a scan can slide to, and its quality; minus infinity if it can slide to none.

    Along directions that a plane, a cylinder or a near-symmetry does not constrain it is that of the pose itself.
    Parameters as for `slid_poses` and `verify`.
    """
    slid = slid_poses(source, target, pose, length)
    qualities = [verify(source, target, one, view, 2).quality for one in slid]
    if not slid:
        return pose, float("-inf")
    best = int(np.argmax(qualities))
    return slid[best], qualities[best]


def contradictions(source: Surface, target: Target, pose: Pose, view: NDArray[np.float64]) -> tuple[float, float]:
    """Return the shares of the surface that block the scan and that should have been seen (see `Verification`)."""
    surface = target.levels[1].surface
    size = target.diameter
    toward = pose[:3, :3] @ view
    cell = size / 40
    image = depth_image(transform(pose, source.points), toward, cell, margin=2)
    flat, depth = image.pixels(surface.points)
    cosine = surface.normals @ toward
    faces = cosine > 0.25
    seen_depth = np.where(flat >= 0, image.depth.ravel()[flat], -np.inf)
    is_hit = np.isfinite(seen_depth)
    blocks = faces & is_hit & (depth > seen_depth + 1.5 * cell * (1 + 1 / np.maximum(cosine, 0.25)) / 2)
    front = visible(surface, toward, 2 * size / 80, 0.4)
    # Pixels next to points do not count: scans end a little before the edges of the part.
    hits = np.isfinite(image.depth)
    grown = hits.copy()
    grown[1:] |= hits[:-1]
    grown[:-1] |= hits[1:]
    grown[:, 1:] |= hits[:, :-1]
    grown[:, :-1] |= hits[:, 1:]
    covered = np.where(flat >= 0, grown.ravel()[flat], False)
    count = max(int(front.sum()), 1)
    return float(blocks.sum() / max(int(faces.sum()), 1)), float((front & ~covered).sum() / count)


def _uncovered(moved: Surface, target: Target) -> float:
    """Return the share of the target that a cloud of all sides does not cover."""
    distance, _ = cKDTree(moved.points).query(target.levels[0].surface.points)
    return float((distance > target.diameter / 25).mean())
