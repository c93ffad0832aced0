"""Registration of a scan to the reference, with a verdict on whether the pose can be trusted.

Many starting poses (`poses`) are refined from coarse to fine (`icp`) and ranked by the share of the scan's points that
lie on the surface, less what contradicts the pose: surface that stands between the scan and its sensor, and surface
that the sensor should have seen and did not. Everything is seeded; the same scan gives the same pose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.geometry import (
    Points,
    Pose,
    Surface,
    fit_rigid,
    group_means,
    invert,
    make_pose,
    rotation_angle,
    rotation_vectors_to_matrices,
    sphere_directions,
    surface_of,
    transform,
    voxel_groups,
)
from vision_cli.pcd_anomaly.icp import refine, refine_coarsely
from vision_cli.pcd_anomaly.poses import (
    DESCRIPTOR_SCALES,
    best_apart,
    descriptor_poses,
    grid_poses,
    soft_scores,
    some_points,
)
from vision_cli.pcd_anomaly.targets import LEVELS, Target, thin
from vision_cli.pcd_anomaly.visibility import depth_image, orient_outwards, view_directions_of, visible
from vision_cli.pcd_anomaly.warps import follow

Reading = tuple[Surface, NDArray[np.float64] | None]
"""A scan with outward normals, and the direction to its sensor; None for a cloud of all sides."""

Status = Literal["ok", "weak", "failed", "given", "none"]

_FEWEST_POINTS = 100
_COARSE_KEPT, _MIDDLE_KEPT, _FINE_KEPT = 64, 12, 8
_MIDDLE_POINTS, _VERIFYING_POINTS, _FINE_POINTS = 300, 1000, 1000
_CONTRADICTED, _TILTS, _WIDEST_TILT = 0.01, 400, 0.8
_INLIER_DISTANCE = 1 / 80
_SLIDE, _SLIDES, _LONG_SLIDE = 1 / 80, 3, 8
_TOP_CAPS = (1 / 12, 1 / 12, 1 / 14, 1 / 16, 1 / 20, 1 / 24, 1 / 28, 1 / 32)
_MIDDLE_CAPS = (1 / 24, 1 / 28, 1 / 32, 1 / 40, 1 / 40, 1 / 50)
_FINE_CAPS = (1 / 40, 1 / 50, 1 / 60, 1 / 80, 1 / 80, 1 / 100, 1 / 100, 1 / 100)


@dataclass(frozen=True)
class Limits:
    """When a pose is trusted.

    Attributes
    ----------
    ok
        Least quality of a pose that is trusted.
    failed
        Quality below which there is no pose to speak of; between the two it is weak.
    margin
        Least lead in quality over any other pose that is not the same up to a symmetry of the part.
    hold
        Least loss of quality when the scan slides away.
    """

    ok: float = 0.80
    failed: float = 0.60
    margin: float = 0.005
    hold: float = 0.01


@dataclass(frozen=True)
class Verification:
    """What speaks for a pose and against it, each a share between 0 and 1.

    Attributes
    ----------
    fitness
        Points of the scan that lie on the surface and look the same way, each less the square of its distance.
    blocking
        Surface that would stand between the scan and its sensor, of all that faces the sensor.
    unseen
        Surface that the sensor should have seen and did not, of all that it should have seen.
    rmse
        Of the distances of the points on the surface to its tangent planes, in the unit of the file.
    """

    fitness: float
    blocking: float
    unseen: float
    rmse: float

    @property
    def quality(self) -> float:
        """What poses are ranked and accepted by, 1 at best."""
        return self.fitness - self.blocking - 0.5 * self.unseen


@dataclass(frozen=True)
class Registration:
    """A pose and how far it can be trusted.

    Attributes
    ----------
    pose
        ``(4, 4)``, from the scan to the reference.
    status
        ``ok``, ``weak`` or ``failed``; ``given`` and ``none`` are poses that were not searched for.
    verification
        Of the pose.
    margin
        Lead in quality over the best other pose.
    view
        Direction towards the sensor in the scan's frame; None for a cloud of all sides.
    hold
        Loss of quality when the scan slides by 1/80 of the diameter the way that it slides most easily; NaN where that
        was not looked at.
    """

    pose: Pose
    status: Status
    verification: Verification
    margin: float
    view: NDArray[np.float64] | None
    hold: float = float("nan")


@dataclass(frozen=True)
class Candidate:
    """A pose of one reading of the scan: with its normals to one side or to the other."""

    source: Surface
    view: NDArray[np.float64] | None
    pose: Pose
    verification: Verification


def prepare_scan(points: Points, size: float, normals: Points | None = None) -> Surface:
    """Thin a scan out for registration to cubes of side ``size``; normals are estimated where none are given.

    Raises
    ------
    InputError
        If too few points remain.
    """
    group, count = voxel_groups(points, size)
    if count < _FEWEST_POINTS:
        raise InputError(
            f"a scan of {count} cubes of side {size:.3g} found; {_FEWEST_POINTS} or more expected.",
            hint="Check the unit of the scan, and that it is a scan of this part.",
        )
    surface = surface_of(group_means(points, group, count), 12)
    if normals is not None:
        given = group_means(normals, group, count)
        length = np.linalg.norm(given, axis=1, keepdims=True)
        surface = replace(surface, normals=np.where(length > 0.5, given / np.maximum(length, 1e-12), surface.normals))
    return surface


def register(
    scan: Surface, target: Target, generator: np.random.Generator, limits: Limits | None = None, oriented: bool = False
) -> Registration:
    """Find the pose of a scan.

    Parameters
    ----------
    scan
        From `prepare_scan`.
    target
        What to register to.
    generator
        Draws the triples of descriptors.
    limits
        When the pose is trusted.
    oriented
        The normals of the scan point outwards.

    Returns
    -------
    Registration
        The best pose that was found, whatever its status.
    """
    limits = Limits() if limits is None else limits
    tried: list[Candidate] = []
    for readings, are_described in _attempts(scan, oriented):
        starts = [
            np.concatenate(
                [
                    descriptor_poses(thin(source, target.diameter / 80), target, generator, scale)
                    for scale in DESCRIPTOR_SCALES
                ]
            )
            if are_described
            else grid_poses(thin(source, target.diameter / 40), target, view)
            for source, view in readings
        ]
        tried += _compete(readings, starts, target)
        tried.sort(key=lambda one: -one.verification.quality)
        found = _decide(tried, scan, target, limits)
        if found.status == "ok":
            break
    return found


def place(scan: Surface, target: Target, start: Pose, *, refined: bool) -> Registration:
    """Take a pose that is known, refined or as it is, and weigh it.

    Parameters
    ----------
    scan
        From `prepare_scan`.
    target
        What it is registered to.
    start
        ``(4, 4)`` from the scan to the reference.
    refined
        Whether ICP goes on from there.
    """
    size = target.diameter
    judged = []
    for source, view in _readings(scan, False):
        fine = thin(source, size / 100)
        pose = start
        if refined:
            caps = tuple(size * cap for cap in _FINE_CAPS)
            pose = refine(some_points(fine, _FINE_POINTS), target.levels[2], start[None], caps)[0]
            pose = _settled(fine, target, pose)
        straight = _straightened(fine, target, pose)
        judged.append(Candidate(straight, view, pose, verify(straight, target, pose, view, 2)))
    best = max(judged, key=lambda one: one.verification.quality)
    return Registration(best.pose, "given" if refined else "none", best.verification, float("nan"), best.view)


def verify(
    source: Surface, target: Target, pose: Pose, view: NDArray[np.float64] | None, resolution: int = 1
) -> Verification:
    """Weigh what speaks for a pose and against it.

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
        Which level of the target to compare with.
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
    # Falls off smoothly: between two poses of a part that is nearly symmetric a few points decide.
    fitness = float(np.where(inside, 1 - (plane / reach) ** 2, 0).mean())
    rmse = float(np.sqrt(np.mean(plane[inside] ** 2))) if inside.any() else float("nan")
    if view is None:
        return Verification(fitness, 0.0, _uncovered(moved, target), rmse)
    blocking, unseen = _contradictions(source, target, pose, view)
    return Verification(fitness, blocking, unseen, rmse)


def is_symmetry(target: Target, change: Pose) -> bool:
    """Tell whether a rigid map takes the whole part onto itself, within the inlier distance."""
    surface = target.levels[1].surface
    moved = surface.moved(change)
    found = target.levels[1].nearest(moved.points, moved.normals)
    distance = np.linalg.norm(target.levels[1].surface.points[found] - moved.points, axis=1)
    return bool(np.quantile(distance, 0.99) < 2 * _INLIER_DISTANCE * target.diameter)


def _attempts(scan: Surface, oriented: bool) -> Iterator[tuple[list[Reading], bool]]:
    """Give the readings of a scan that are tried one after the other, and whether by descriptors or by the grid."""
    first = _readings(scan, oriented)
    yield first, False
    # Then what has more of a second layer is taken for a scan of one side, and sides that are less likely are.
    known = first[0][1]
    others = [
        view for view in view_directions_of(scan, 0.4) if known is None or not np.array_equal(abs(view), abs(known))
    ]
    if others and not oriented:
        yield [reading for view in others for reading in _facing(scan, view)], False
    yield first, True


def _readings(scan: Surface, oriented: bool) -> list[Reading]:
    """Return the scan with outward normals and the direction of its sensor, for each way to read it."""
    found = view_directions_of(scan)
    if not found:
        return [(scan if oriented else orient_outwards(scan), None)]
    if oriented:
        sign = 1.0 if np.sign(scan.normals @ found[0]).sum() >= 0 else -1.0
        return [(scan, sign * found[0])]
    return _facing(scan, found[0])


def _facing(scan: Surface, view: NDArray[np.float64]) -> list[Reading]:
    """Return a scan of one side with normals towards either end of its axis."""
    facing = np.sign(scan.normals @ view)
    facing[facing == 0] = 1
    toward = replace(scan, normals=scan.normals * facing[:, None])
    return [(toward, view), (replace(toward, normals=-toward.normals), -view)]


def _compete(readings: list[Reading], starts: list[Pose], target: Target) -> list[Candidate]:
    """Refine the starting poses of each reading and return the best, whichever reading they are of."""
    size = target.diameter
    rough: list[tuple[float, int, Pose]] = []
    for number, ((source, view), begun) in enumerate(zip(readings, starts, strict=True)):
        if not len(begun):
            continue
        few = thin(source, size / 40)
        some = some_points(few)
        middle = few.points.mean(axis=0)
        scores = soft_scores(some, target, begun)
        best = np.argsort(-scores, kind="stable")[: 16 * _COARSE_KEPT]
        apart = best[best_apart(begun[best], scores[best], middle, 0.15, size / 20, _COARSE_KEPT)]
        refined = refine_coarsely(some, target, begun[apart], tuple(size * cap for cap in _TOP_CAPS))
        scores = soft_scores(few, target, refined)
        kept = best_apart(refined, scores, middle, 0.12, size / 25, 2 * _MIDDLE_KEPT)
        rough += [(verify(few, target, pose, view, 0).quality, number, pose) for pose in refined[kept]]
    rough.sort(key=lambda item: -item[0])
    found = []
    caps = tuple(size * cap for cap in _MIDDLE_CAPS)
    for _, number, start in rough[:_MIDDLE_KEPT]:
        source, view = readings[number]
        checked = some_points(thin(source, size / 50), _VERIFYING_POINTS)
        pose = refine(some_points(checked, _MIDDLE_POINTS), target.levels[1], start[None], caps)[0]
        found.append(Candidate(source, view, pose, verify(checked, target, pose, view)))
    return found


def _decide(tried: list[Candidate], scan: Surface, target: Target, limits: Limits) -> Registration:
    """Refine the best poses to the end, and judge the winner."""
    size = target.diameter
    middle = scan.points.mean(axis=0)
    finals: list[Candidate] = []
    for one in tried:
        if any(_is_near(one.pose, other.pose, middle, size) for other in finals):
            continue
        finals.append(_finished(one, target))
        if len(finals) == _FINE_KEPT:
            break
    finals.sort(key=lambda one: -one.verification.quality)
    best = finals[0]
    quality = best.verification.quality
    margin = 1.0
    for other in finals[1:]:
        if not _is_near(best.pose, other.pose, middle, size) and not is_symmetry(
            target, other.pose @ invert(best.pose)
        ):
            margin = min(margin, quality - other.verification.quality)
    hold = _hold(best, target)
    status: Status = "ok"
    if quality < limits.failed:
        status = "failed"
    elif quality < limits.ok or margin < limits.margin or hold < limits.hold:
        status = "weak"
    return Registration(best.pose, status, best.verification, float(margin), best.view, hold)


def _hold(one: Candidate, target: Target) -> float:
    """Measure how much worse a pose gets when the scan slides along the surface, the way that it slides most easily.

    The ways are those in which distances to the surface change least for the same mean movement of the scan's points
    (eigenvectors of the normal matrix of point-to-plane ICP; Gelfand et al., 3DIM 2003). What a plane, a cylinder or a
    near-symmetry leaves open shows as a loss of nothing.
    """
    fine = thin(one.source, target.diameter / 100)
    some = some_points(fine, _FINE_POINTS).moved(one.pose)
    level = target.levels[2]
    normals = level.surface.normals[level.nearest(some.points, some.normals)]
    middle = some.points.mean(axis=0)
    arms = some.points - middle
    along = np.hstack([np.cross(arms, normals), normals])
    # What each unknown does to the points: turns about the middle, then shifts.
    moves = np.concatenate([np.cross(np.eye(3)[None], arms[:, None]), np.tile(np.eye(3), (len(arms), 1, 1))], axis=1)
    movement = np.einsum("nid,njd->ij", moves, moves) / len(arms)
    _, ways = eigh(along.T @ along / len(arms), movement)
    size = _SLIDE * target.diameter

    def motion(step: NDArray[np.float64]) -> Pose:
        turn = rotation_vectors_to_matrices(step[None, :3])[0]
        return make_pose(turn, step[3:] + middle - turn @ middle)

    least = np.inf
    for way in ways.T[:_SLIDES]:
        # About its own axis a part of revolution may turn: every such pose is as true as the other.
        if is_symmetry(target, motion(_LONG_SLIDE * size * way)):
            continue
        for step in (size * way, -size * way):
            slid = verify(fine, target, motion(step) @ one.pose, one.view, 2)
            least = min(least, one.verification.quality - slid.quality)
    return float(least)


def _finished(one: Candidate, target: Target) -> Candidate:
    """Refine a pose at the finest level, and the side that the scan was taken from with it.

    The side is first found from the scan alone, and planes say little of it; what the whole part hides at this pose
    says more.
    """
    size = target.diameter
    fine = thin(one.source, size / 100)
    some = some_points(fine, _FINE_POINTS)
    pose = one.pose
    for level, caps in ((1, _MIDDLE_CAPS), (2, _FINE_CAPS), (2, _FINE_CAPS)):
        pose = refine(some, target.levels[level], pose[None], tuple(size * cap for cap in caps))[0]
    pose = _settled(fine, target, pose)
    fine = _straightened(fine, target, pose)
    best = replace(one, source=fine, pose=pose, verification=verify(fine, target, pose, one.view, 2))
    if one.view is None or best.verification.blocking + best.verification.unseen < _CONTRADICTED:
        return best
    tilts = sphere_directions(_TILTS)
    for view in tilts[tilts @ one.view > _WIDEST_TILT]:
        # A sensor sees nothing from behind.
        if np.quantile(fine.normals @ view, 0.04) < 0:
            continue
        blocking, unseen = _contradictions(fine, target, pose, view)
        tilted = replace(best.verification, blocking=blocking, unseen=unseen)
        if tilted.quality > best.verification.quality:
            best = replace(best, view=view, verification=tilted)
    return best


def _straightened(source: Surface, target: Target, pose: Pose) -> Surface:
    """Take off a scan what its instance may differ by: what is left of a true pose fits, of a wrong one it does not."""
    if target.tolerance is None:
        return source
    moved = source.moved(pose)
    some = some_points(moved, _FINE_POINTS)
    warp = follow(some, target.levels[2], target.tolerance, target.diameter / LEVELS[2])
    return warp.removed(moved).moved(invert(pose))


def _settled(source: Surface, target: Target, pose: Pose) -> Pose:
    """Give to the pose what of the instance's warp is a rigid motion."""
    if target.tolerance is None:
        return pose
    return fit_rigid(source.points, transform(pose, _straightened(source, target, pose).points))


def _is_near(first: Pose, second: Pose, middle: NDArray[np.float64], size: float) -> bool:
    apart = np.linalg.norm(transform(first, middle[None]) - transform(second, middle[None]))
    return bool(rotation_angle(first, second) < 0.1 and apart < size / 30)


def _contradictions(source: Surface, target: Target, pose: Pose, view: NDArray[np.float64]) -> tuple[float, float]:
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
    # A pixel next to one with points is no proof: scans end a little before the edges of the part.
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
    """Share of the target that a cloud of all sides leaves bare."""
    distance, _ = cKDTree(moved.points).query(target.levels[0].surface.points)
    return float((distance > target.diameter / 25).mean())
