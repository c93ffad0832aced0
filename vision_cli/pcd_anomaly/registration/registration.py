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

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.registration.candidates import (
    DESCRIPTOR_SCALES,
    best_apart,
    descriptor_poses,
    grid_poses,
    soft_scores,
    some_points,
)
from vision_cli.pcd_anomaly.registration.icp import refine, refine_coarsely
from vision_cli.pcd_anomaly.registration.targets import LEVELS, Target, thin
from vision_cli.pcd_anomaly.registration.verification import (
    Verification,
    best_slide,
    contradictions,
    is_symmetry,
    verify,
)
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Points,
    Pose,
    Surface,
    fit_rigid,
    group_means,
    invert,
    rotation_angle,
    sphere_directions,
    surface_of,
    transform,
    voxel_groups,
)
from vision_cli.pcd_anomaly.surfaces.lookup import seen_aslant
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards, view_directions_of
from vision_cli.pcd_anomaly.surfaces.warps import follow

Reading = tuple[Surface, NDArray[np.float64] | None]
"""A scan with outward normals, and the direction to its sensor; None for a cloud of all sides."""

Status = Literal["ok", "weak", "failed", "given", "none"]

_FEWEST_POINTS = 100
_COARSE_KEPT, _MIDDLE_KEPT, _FINE_KEPT = 64, 12, 8
_COARSE_KEPT_AGAIN = 256
"""Starting poses that are refined once a first search has not found one to trust."""

_MIDDLE_POINTS, _VERIFYING_POINTS, _FINE_POINTS, _JUDGING_POINTS = 300, 1000, 1000, 500
_BEHIND = 0.1
"""A pose whose fitness is that much less than that of another is not followed to the end."""

_CONTRADICTED, _TILTS, _WIDEST_TILT = 0.01, 400, 0.8
_SLIDE = 1 / 80
_STEPS, _GAIN = (1 / 40, 1 / 80, 1 / 40, 1 / 80, 1 / 160), 0.001
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
    """A pose of one reading of the scan: with its normals to one side or to the other.

    Attributes
    ----------
    source
        The scan that was weighed: without the warp of the instance, once that is known.
    view
        Direction towards the sensor; None for a cloud of all sides.
    pose
        From the scan to the reference.
    verification
        Of the pose.
    whole
        The scan with its warp.
    """

    source: Surface
    view: NDArray[np.float64] | None
    pose: Pose
    verification: Verification
    whole: Surface


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
    finals: list[Candidate] = []
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
        kept = _COARSE_KEPT_AGAIN if finals else _COARSE_KEPT
        finals += _finish(_compete(readings, starts, target, kept), finals, target)
        found = _decide(finals, scan, target, limits)
        # Where only the surface leaves the scan room to slide, other poses do not help.
        if found.verification.quality >= limits.ok and found.margin >= limits.margin:
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
    judged = []
    for source, view in _readings(scan, False):
        fine = thin(source, target.diameter / 100)
        if view is not None:
            fine = _seen_aslant(fine, target, start, view)
        one = Candidate(fine, view, start, Verification(0.0, 0.0, 0.0, float("nan")), fine)
        if refined:
            caps = tuple(target.diameter * cap for cap in _FINE_CAPS)
            pose = refine(some_points(fine, _FINE_POINTS), target.levels[2], start[None], caps)[0]
            judged.append(_sided(_settled(one, target, pose), target))
        else:
            judged.append(_sided(_weighed(one, target, start), target))
    best = max(judged, key=lambda one: one.verification.quality)
    if refined:
        best = _slid_home(best, target)
    return Registration(best.pose, "given" if refined else "none", best.verification, float("nan"), best.view)


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
    toward = scan.facing(view)
    return [(toward, view), (replace(toward, normals=-toward.normals), -view)]


def _compete(readings: list[Reading], starts: list[Pose], target: Target, kept: int) -> list[Candidate]:
    """Refine ``kept`` starting poses of each reading and return the best, whichever reading they are of."""
    size = target.diameter
    rough: list[tuple[float, int, Pose]] = []
    for number, ((source, view), begun) in enumerate(zip(readings, starts, strict=True)):
        if not len(begun):
            continue
        few = thin(source, size / 40)
        some = some_points(few)
        middle = few.points.mean(axis=0)
        scores = soft_scores(some, target, begun)
        best = np.argsort(-scores, kind="stable")[: 16 * kept]
        apart = best[best_apart(begun[best], scores[best], middle, 0.15, size / 20, kept)]
        refined = refine_coarsely(some, target, begun[apart], tuple(size * cap for cap in _TOP_CAPS))
        scores = soft_scores(few, target, refined)
        different = best_apart(refined, scores, middle, 0.12, size / 25, 2 * _MIDDLE_KEPT)
        rough += [(verify(few, target, pose, view, 0).quality, number, pose) for pose in refined[different]]
    rough.sort(key=lambda item: -item[0])
    found = []
    caps = tuple(size * cap for cap in _MIDDLE_CAPS)
    for _, number, start in rough[:_MIDDLE_KEPT]:
        source, view = readings[number]
        checked = some_points(thin(source, size / 50), _VERIFYING_POINTS)
        pose = refine(some_points(checked, _MIDDLE_POINTS), target.levels[1], start[None], caps)[0]
        found.append(Candidate(source, view, pose, verify(checked, target, pose, view), source))
    return found


def _finish(candidates: list[Candidate], finals: list[Candidate], target: Target) -> list[Candidate]:
    """Refine the best poses that are not among the final ones yet, and to the end those that do not fall far behind."""
    judged: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: -one.verification.quality):
        middle = one.source.points.mean(axis=0)
        if any(_is_near(one.pose, other.pose, middle, target.diameter) for other in (*finals, *judged)):
            continue
        judged.append(_refined(one, target))
        if len(judged) == _FINE_KEPT:
            break
    best = max((one.verification.fitness for one in (*finals, *judged)), default=0.0)
    return [_finished(one, target) if one.verification.fitness > best - _BEHIND else one for one in judged]


def _decide(finals: list[Candidate], scan: Surface, target: Target, limits: Limits) -> Registration:
    """Judge the best of the final poses."""
    size = target.diameter
    middle = scan.points.mean(axis=0)
    finals = sorted(finals, key=lambda one: -one.verification.quality)
    best = finals[0]
    hold = _hold(best, target)
    if hold < limits.hold:
        best = _slid_home(best, target)
        hold = _hold(best, target)
    quality = best.verification.quality
    margin = 1.0
    for other in finals[1:]:
        if not _is_near(best.pose, other.pose, middle, size) and not is_symmetry(
            target, other.pose @ invert(best.pose)
        ):
            margin = min(margin, quality - other.verification.quality)
    status: Status = "ok"
    if quality < limits.failed:
        status = "failed"
    elif quality < limits.ok or margin < limits.margin or hold < limits.hold:
        status = "weak"
    return Registration(best.pose, status, best.verification, float(margin), best.view, hold)


def _refined(one: Candidate, target: Target) -> Candidate:
    """Refine a pose at the finest level, and weigh it."""
    size = target.diameter
    fine = thin(one.whole, size / 100)
    pose = one.pose
    for level, caps in ((1, _MIDDLE_CAPS), (2, _FINE_CAPS), (2, _FINE_CAPS)):
        if one.view is not None:
            fine = _seen_aslant(fine, target, pose, one.view)
        some = some_points(fine, _FINE_POINTS)
        pose = refine(some, target.levels[level], pose[None], tuple(size * cap for cap in caps))[0]
    return _weighed(replace(one, whole=fine), target, pose, _JUDGING_POINTS)


def _finished(one: Candidate, target: Target) -> Candidate:
    """Settle a refined pose, and find the side that the scan was taken from."""
    return _sided(_settled(one, target, one.pose), target)


def _settled(one: Candidate, target: Target, pose: Pose) -> Candidate:
    """Give to a pose what of the instance's warp is a rigid motion, and weigh it there."""
    if target.tolerance is not None:
        straight = _straightened(one.whole, target, pose, _FINE_POINTS)
        pose = fit_rigid(one.whole.points, transform(pose, straight.points))
    return _weighed(one, target, pose)


def _weighed(one: Candidate, target: Target, pose: Pose, points: int = _FINE_POINTS) -> Candidate:
    """Weigh a pose without the warp of the instance, which is found from some of the points."""
    straight = _straightened(one.whole, target, pose, points)
    return Candidate(straight, one.view, pose, verify(straight, target, pose, one.view, 2), one.whole)


def _sided(one: Candidate, target: Target) -> Candidate:
    """Find the side that a scan was taken from, at its pose.

    The side is first found from the scan alone, and planes say little of it; what the whole part hides at this pose
    says more.
    """
    if one.view is None or one.verification.blocking + one.verification.unseen < _CONTRADICTED:
        return one
    best = one
    tilts = sphere_directions(_TILTS)
    for view in tilts[tilts @ one.view > _WIDEST_TILT]:
        # A sensor sees nothing from behind.
        if np.quantile(one.source.normals @ view, 0.04) < 0:
            continue
        blocking, unseen = contradictions(one.source, target, one.pose, view)
        tilted = replace(best.verification, blocking=blocking, unseen=unseen)
        if tilted.quality > best.verification.quality:
            best = replace(best, view=view, verification=tilted)
    return best


def _slid_home(best: Candidate, target: Target) -> Candidate:
    """Slide a pose to where it is best, the ways that ICP does not hold it: flat faces and ribs leave them open."""
    for length in _STEPS:
        pose, quality = best_slide(best.source, target, best.pose, best.view, length)
        if quality < best.verification.quality + _GAIN:
            continue
        moved = _settled(best, target, pose)
        if moved.verification.quality > best.verification.quality:
            best = moved
    return best


def _hold(one: Candidate, target: Target) -> float:
    """Measure how much worse a pose gets when the scan slides the way that it does most easily."""
    return one.verification.quality - best_slide(one.source, target, one.pose, one.view, _SLIDE)[1]


def _seen_aslant(source: Surface, target: Target, pose: Pose, view: NDArray[np.float64]) -> Surface:
    """Turn the normals of what was seen at a slant to the side that the surface has there at this pose."""
    return seen_aslant(source.moved(pose), target.levels[2], pose[:3, :3] @ view).moved(invert(pose))


def _straightened(source: Surface, target: Target, pose: Pose, points: int) -> Surface:
    """Take off a scan what its instance may differ by: what is left of a true pose fits, of a wrong one it does not."""
    if target.tolerance is None:
        return source
    moved = source.moved(pose)
    some = some_points(moved, points)
    warp = follow(some, target.levels[2], target.tolerance, target.diameter / LEVELS[2])
    return warp.removed(moved).moved(invert(pose))


def _is_near(first: Pose, second: Pose, middle: NDArray[np.float64], size: float) -> bool:
    apart = np.linalg.norm(transform(first, middle[None]) - transform(second, middle[None]))
    return bool(rotation_angle(first, second) < 0.1 and apart < size / 30)
