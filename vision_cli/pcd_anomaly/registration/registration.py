"""Registration of a scan to the reference, with a status that says whether the pose can be trusted.

Many starting poses (`candidates`) are refined from coarse to fine (`icp`) and ranked by the share of the scan's points
that lie on the surface, less what contradicts the pose (`verification`): surface between the scan and its sensor, and
surface that the sensor should have seen and did not. The best are compared with the poses that they could be mistaken
for (`alternatives`), after plain ICP. Everything is seeded; the same scan gives the same pose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.registration.alternatives import slides, turns
from vision_cli.pcd_anomaly.registration.candidates import (
    DESCRIPTOR_SCALES,
    axes_poses,
    descriptor_poses,
    grid_poses,
    select_distinct,
    soft_scores,
)
from vision_cli.pcd_anomaly.registration.icp import PLAIN_DAMPING, refine, refine_coarsely
from vision_cli.pcd_anomaly.registration.limits import Limits
from vision_cli.pcd_anomaly.registration.targets import LEVELS, Target
from vision_cli.pcd_anomaly.registration.verification import (
    Verification,
    best_slide,
    contradictions,
    is_symmetry,
    verify,
)
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Pose,
    Surface,
    fit_rigid,
    invert,
    rotation_angle,
    sphere_directions,
    transform,
)
from vision_cli.pcd_anomaly.surfaces.lookup import orient_grazing
from vision_cli.pcd_anomaly.surfaces.sampling import subsample, thin
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards, possible_view_directions
from vision_cli.pcd_anomaly.surfaces.warps import find_warp

OrientedScan = tuple[Surface, NDArray[np.float64] | None]
"""A scan with outward normals, and the direction to its sensor; None for a cloud of all sides."""

Status = Literal["ok", "weak", "failed", "given", "none"]
_COARSE_KEPT, _MIDDLE_KEPT, _FINE_KEPT = 64, 12, 8
_COARSE_KEPT_AGAIN = 256
"""Starting poses that are refined after a first search found no trusted pose."""

_SCORED_POINTS, _MIDDLE_POINTS, _VERIFYING_POINTS, _FINE_POINTS, _JUDGING_POINTS = 150, 300, 1000, 1000, 500
_BEHIND = 0.1
"""A pose whose fitness is lower than the best by this much is not refined further."""

_CONTRADICTED, _TILTS, _WIDEST_TILT = 0.01, 400, 0.8
_SLIDE = 1 / 80
_STEPS, _GAIN = (1 / 40, 1 / 80, 1 / 40, 1 / 80, 1 / 160), 0.001
_POLISHED, _CLOSE, _LEAD = 3, 0.05, 5e-4
"""Final poses whose alternatives are tried, how near the best they must be, and the lead that replaces one."""

_SAME_TURN, _SAME_PLACE = 0.02, 1 / 200
"""Angle and share of the diameter within which two polished poses are one."""

_TOP_CAPS = (1 / 12, 1 / 12, 1 / 14, 1 / 16, 1 / 20, 1 / 24, 1 / 28, 1 / 32)
_MIDDLE_CAPS = (1 / 24, 1 / 28, 1 / 32, 1 / 40, 1 / 40, 1 / 50)
_FINE_CAPS = (1 / 40, 1 / 50, 1 / 60, 1 / 80, 1 / 80, 1 / 100, 1 / 100, 1 / 100)


@dataclass(frozen=True)
class Registration:
    """A pose with its status.

    Attributes
    ----------
    pose
        ``(4, 4)``, from the scan to the reference.
    status
        ``ok``, ``weak`` or ``failed``; ``given`` and ``none`` for poses that were not searched.
    verification
        Verification of the pose.
    margin
        Lead in quality over the best other pose.
    view
        Direction towards the sensor in the scan's frame; None for a cloud of all sides.
    slide_loss
        Loss of quality when the scan slides by 1/80 of the diameter in the direction with the least loss; NaN if not
        computed.
    """

    pose: Pose
    status: Status
    verification: Verification
    margin: float
    view: NDArray[np.float64] | None
    slide_loss: float = float("nan")


@dataclass(frozen=True)
class Candidate:
    """A candidate pose, for one of the two orientations of the scan's normals.

    Attributes
    ----------
    source
        The scan that was verified: without the warp of the instance, once that is known.
    view
        Direction towards the sensor; None for a cloud of all sides.
    pose
        From the scan to the reference.
    verification
        Verification of the pose.
    whole
        The scan with its warp.
    """

    source: Surface
    view: NDArray[np.float64] | None
    pose: Pose
    verification: Verification
    whole: Surface


def register(
    scan: Surface, target: Target, generator: np.random.Generator, limits: Limits | None = None, oriented: bool = False
) -> Registration:
    """Return the best pose of a scan, whatever its status.

    Parameters
    ----------
    scan
        From `prepare_scan`.
    target
        Target of the registration.
    generator
        Draws the triples of descriptors.
    limits
        Limits of trusted poses.
    oriented
        Whether the normals of the scan point outwards.
    """
    limits = Limits() if limits is None else limits
    finals: list[Candidate] = []
    for readings, are_described in _search_attempts(scan, oriented):
        starts = [
            np.concatenate(
                [
                    *(
                        descriptor_poses(thin(source, target.diameter / 80), target, generator, scale)
                        for scale in DESCRIPTOR_SCALES
                    ),
                    *(() if are_described else _grids(thin(source, target.diameter / 40), target, view)),
                ]
            )
            for source, view in readings
        ]
        kept = _COARSE_KEPT_AGAIN if finals else _COARSE_KEPT
        finals += _refine_best(_refine_candidates(readings, starts, target, kept), finals, target)
        found = _decide(finals, scan, target, limits)
        # If the pose is weak only because the scan can slide, further candidates do not help.
        if found.verification.quality >= limits.ok and found.margin >= limits.margin:
            break
    return found


def place_at(scan: Surface, target: Target, start: Pose, *, refined: bool) -> Registration:
    """Return a given pose, refined or unchanged, with its verification.

    Parameters
    ----------
    scan
        From `prepare_scan`.
    target
        Target of the registration.
    start
        ``(4, 4)`` from the scan to the reference.
    refined
        Whether the pose is refined by ICP.
    """
    judged = []
    for source, view in _orientations(scan, False):
        fine = thin(source, target.diameter / 100)
        if view is not None:
            fine = _orient_grazing(fine, target, start, view)
        one = Candidate(fine, view, start, Verification(0.0, 0.0, 0.0, float("nan")), fine)
        if refined:
            caps = tuple(target.diameter * cap for cap in _FINE_CAPS)
            pose = refine(subsample(fine, _FINE_POINTS), target.levels[2], start[None], caps)[0]
            judged.append(_with_best_view(_absorb_warp(one, target, pose), target))
        else:
            judged.append(_with_best_view(_verified(one, target, start), target))
    best = max(judged, key=lambda one: one.verification.quality)
    if refined:
        best = _slide_to_best(best, target)
    return Registration(best.pose, "given" if refined else "none", best.verification, float("nan"), best.view)


def _grids(few: Surface, target: Target, view: NDArray[np.float64] | None) -> tuple[Pose, Pose]:
    """Return the starting poses of a scan that need no descriptors."""
    return grid_poses(few, target, view), axes_poses(few, target)


def _search_attempts(scan: Surface, oriented: bool) -> Iterator[tuple[list[OrientedScan], bool]]:
    """Yield the orientations of a scan to try next, and whether by descriptors alone, without the grid."""
    first = _orientations(scan, oriented)
    yield first, False
    # Then scans with more of a second layer are taken for one-sided, and less likely sides are tried.
    known = first[0][1]
    others = [
        view
        for view in possible_view_directions(scan, 0.4)
        if known is None or not np.array_equal(abs(view), abs(known))
    ]
    if others and not oriented:
        yield [reading for view in others for reading in _facing(scan, view)], False
    yield first, True


def _orientations(scan: Surface, oriented: bool) -> list[OrientedScan]:
    """Return the scan with outward normals and the direction of its sensor, for each possible orientation."""
    found = possible_view_directions(scan)
    if not found:
        return [(scan if oriented else orient_outwards(scan), None)]
    if oriented:
        sign = 1.0 if np.sign(scan.normals @ found[0]).sum() >= 0 else -1.0
        return [(scan, sign * found[0])]
    return _facing(scan, found[0])


def _facing(scan: Surface, view: NDArray[np.float64]) -> list[OrientedScan]:
    """Return a one-sided scan with normals towards either end of its axis."""
    toward = scan.facing(view)
    return [(toward, view), (replace(toward, normals=-toward.normals), -view)]


def _refine_candidates(readings: list[OrientedScan], starts: list[Pose], target: Target, kept: int) -> list[Candidate]:
    """Refine ``kept`` starting poses of each orientation and return the best of all."""
    size = target.diameter
    rough: list[tuple[float, int, Pose]] = []
    for number, ((source, view), begun) in enumerate(zip(readings, starts, strict=True)):
        if not len(begun):
            continue
        few = thin(source, size / 40)
        some = subsample(few, _SCORED_POINTS)
        middle = few.points.mean(axis=0)
        scores = soft_scores(some, target, begun)
        best = np.argsort(-scores, kind="stable")[: 16 * kept]
        apart = best[select_distinct(begun[best], scores[best], middle, 0.15, size / 20, kept)]
        refined = refine_coarsely(some, target.grid, begun[apart], tuple(size * cap for cap in _TOP_CAPS))
        scores = soft_scores(few, target, refined)
        different = select_distinct(refined, scores, middle, 0.12, size / 25, 2 * _MIDDLE_KEPT)
        rough += [(verify(few, target, pose, view, 0).quality, number, pose) for pose in refined[different]]
    rough.sort(key=lambda item: -item[0])
    found = []
    caps = tuple(size * cap for cap in _MIDDLE_CAPS)
    for _, number, start in rough[:_MIDDLE_KEPT]:
        source, view = readings[number]
        checked = subsample(thin(source, size / 50), _VERIFYING_POINTS)
        pose = refine(subsample(checked, _MIDDLE_POINTS), target.levels[1], start[None], caps)[0]
        found.append(Candidate(source, view, pose, verify(checked, target, pose, view), source))
    return found


def _refine_best(candidates: list[Candidate], finals: list[Candidate], target: Target) -> list[Candidate]:
    """Refine the best poses that are not among the final ones, and finish those whose fitness is near the best."""
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
    """Return the best of the final poses with its status."""
    size = target.diameter
    middle = scan.points.mean(axis=0)
    finals = sorted(finals, key=lambda one: -one.verification.quality)
    rivals = [one for one in finals[:_POLISHED] if one.verification.quality > finals[0].verification.quality - _CLOSE]
    polished = [_polished(one, target) for one in rivals]
    best = max((one for one, _ in polished), key=lambda one: one.verification.quality)
    slide_loss = _slide_loss(best, target)
    if slide_loss < limits.slide_loss:
        best = _slide_to_best(best, target)
        slide_loss = _slide_loss(best, target)
    quality = best.verification.quality
    margin = 1.0
    for other in (*finals, *(other for _, tried in polished for other in tried)):
        if not _is_near(best.pose, other.pose, middle, size) and not is_symmetry(
            target, other.pose @ invert(best.pose)
        ):
            margin = min(margin, quality - other.verification.quality)
    status: Status = "ok"
    if quality < limits.failed:
        status = "failed"
    elif quality < limits.ok or margin < limits.margin or slide_loss < limits.slide_loss:
        status = "weak"
    return Registration(best.pose, status, best.verification, float(margin), best.view, slide_loss)


def _polished(one: Candidate, target: Target) -> tuple[Candidate, list[Candidate]]:
    """Return the best of a final pose and those that it could be mistaken for, and the latter, after plain ICP."""
    size = target.diameter
    few = subsample(thin(one.whole, size / 50), _MIDDLE_POINTS)
    turned = refine(
        few,
        target.levels[1],
        turns(few, target, one.pose, one.view),
        tuple(size * cap for cap in _MIDDLE_CAPS),
        PLAIN_DAMPING,
    )
    # Slides are short: coarse levels would pull them back to where they came from.
    starts = np.concatenate([one.pose[None], slides(few, target, one.pose), turned])
    starts = refine(few, target.levels[2], starts, tuple(size * cap for cap in _FINE_CAPS), PLAIN_DAMPING)
    qualities = np.array([verify(few, target, pose, one.view, 2).quality for pose in starts])
    middle = few.points.mean(axis=0)
    tried = []
    for number in select_distinct(starts, qualities, middle, _SAME_TURN, size * _SAME_PLACE, _POLISHED):
        fine, pose = thin(one.whole, size / 100), starts[number]
        if one.view is not None:
            fine = _orient_grazing(fine, target, pose, one.view)
        caps = tuple(size * cap for cap in _FINE_CAPS)
        pose = refine(subsample(fine, _FINE_POINTS), target.levels[2], pose[None], caps, PLAIN_DAMPING)[0]
        tried.append(_verified(replace(one, whole=fine), target, pose))
    best = max(tried, key=lambda other: other.verification.quality, default=one)
    if best.verification.quality > one.verification.quality + _LEAD:
        return _finished(best, target), tried
    return one, tried


def _refined(one: Candidate, target: Target) -> Candidate:
    """Return a candidate refined at the finest level and verified."""
    size = target.diameter
    fine = thin(one.whole, size / 100)
    pose = one.pose
    for level, caps in ((1, _MIDDLE_CAPS), (2, _FINE_CAPS), (2, _FINE_CAPS)):
        if one.view is not None:
            fine = _orient_grazing(fine, target, pose, one.view)
        some = subsample(fine, _FINE_POINTS)
        pose = refine(some, target.levels[level], pose[None], tuple(size * cap for cap in caps))[0]
    return _verified(replace(one, whole=fine), target, pose, _JUDGING_POINTS)


def _finished(one: Candidate, target: Target) -> Candidate:
    """Return a refined candidate with the rigid part of the warp in its pose, and with its best view."""
    return _with_best_view(_absorb_warp(one, target, one.pose), target)


def _absorb_warp(one: Candidate, target: Target, pose: Pose) -> Candidate:
    """Return a candidate whose pose includes the rigid part of the instance's warp, verified."""
    if target.tolerance is not None:
        straight = _without_warp(one.whole, target, pose, _FINE_POINTS)
        pose = fit_rigid(one.whole.points, transform(pose, straight.points))
    return _verified(one, target, pose)


def _verified(one: Candidate, target: Target, pose: Pose, points: int = _FINE_POINTS) -> Candidate:
    """Return a candidate verified without the warp of the instance, which is fitted to some of the points."""
    straight = _without_warp(one.whole, target, pose, points)
    return Candidate(straight, one.view, pose, verify(straight, target, pose, one.view, 2), one.whole)


def _with_best_view(one: Candidate, target: Target) -> Candidate:
    """Return a candidate with the view direction that contradicts its pose least.

    The direction is first estimated from the scan alone, which is uncertain for planes; what the whole part hides at
    this pose is more informative.
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


def _slide_to_best(best: Candidate, target: Target) -> Candidate:
    """Return a candidate moved along the directions that ICP does not constrain, as on flat faces and ribs."""
    for length in _STEPS:
        pose, quality = best_slide(best.source, target, best.pose, best.view, length)
        if quality < best.verification.quality + _GAIN:
            continue
        moved = _absorb_warp(best, target, pose)
        if moved.verification.quality > best.verification.quality:
            best = moved
    return best


def _slide_loss(one: Candidate, target: Target) -> float:
    """Return the loss of quality when the scan slides in the direction with the least loss."""
    return one.verification.quality - best_slide(one.source, target, one.pose, one.view, _SLIDE)[1]


def _orient_grazing(source: Surface, target: Target, pose: Pose, view: NDArray[np.float64]) -> Surface:
    """Return a scan with the normals at grazing incidence oriented as the surface is at this pose."""
    return orient_grazing(source.moved(pose), target.levels[2], pose[:3, :3] @ view).moved(invert(pose))


def _without_warp(source: Surface, target: Target, pose: Pose, points: int) -> Surface:
    """Return a scan with the fitted warp of its instance removed: at a true pose the rest fits, at a wrong one not."""
    if target.tolerance is None:
        return source
    moved = source.moved(pose)
    some = subsample(moved, points)
    warp = find_warp(some, target.levels[2], target.tolerance, target.diameter / LEVELS[2])
    return warp.removed(moved).moved(invert(pose))


def _is_near(first: Pose, second: Pose, middle: NDArray[np.float64], size: float) -> bool:
    apart = np.linalg.norm(transform(first, middle[None]) - transform(second, middle[None]))
    return bool(rotation_angle(first, second) < 0.1 and apart < size / 30)
