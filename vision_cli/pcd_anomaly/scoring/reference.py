"""The reference: what all good instances have in common, and how much they differ at every place.

Prototypes are registered to the first one. Its surface is the skeleton; each prototype tells how far away it lies along
the normals there, and the reference is the skeleton moved by the mean. Layers of several prototypes are never mixed, so
normals stay sharp though instances differ by more than the spacing of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.registration.icp import refine
from vision_cli.pcd_anomaly.registration.registration import Registration, prepare_scan, register
from vision_cli.pcd_anomaly.registration.targets import Target, make_target, oriented_surface, thin
from vision_cli.pcd_anomaly.surfaces.bends import Hinge, hinges_of
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Pose, Surface, canonical_order, diameter
from vision_cli.pcd_anomaly.surfaces.lookup import REACH, WIDEST_TURN, Level, level_of, offsets_to
from vision_cli.pcd_anomaly.surfaces.views import ends
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards
from vision_cli.pcd_anomaly.surfaces.warps import Tolerance, Warp, WarpBasis, follow, make_basis, sway_of

SPACING = 1 / 250
"""Spacing of the reference's points, as a share of its diameter."""

_POINTS_APART = 1.5
"""Spacing of groups over that of the prototypes' points, where these are sparse: most cubes hold a point then."""

_COUNTED, _SAMPLED = 8, 4096

_LEAST_SPREAD = 1 / 20_000
_ANY_WARP, _USUAL_NOISE = 1 / 100, 1 / 2000
"""Warps and noise, as shares of the diameter, before the prototypes have told what is usual."""

_FOLLOWED = 1 / 100
_FULL_CAPS = (1 / 60, 1 / 80, 1 / 100, 1 / 100)


@dataclass(frozen=True)
class Reference:
    """What good instances look like.

    Attributes
    ----------
    target
        What scans are registered to.
    level
        The surface at the reference's spacing.
    diameter, spacing
        D and the distance of points.
    group_spacing
        Distance that points are thinned out to before groups are made of them: a scan that is denser than the
        prototypes would have other neighbourhoods than they.
    tolerance
        The warps that good instances may have.
    spread
        Standard deviation of what is left when the warp is taken off, at each point, ``(V,)``.
    poses
        From each prototype to the reference, ``(P, 4, 4)``.
    prototype_scores
        How many spreads of the others each prototype lies away, ``(P,)``; NaN where there are fewer than three.
    skeleton
        The surface of the first prototype.
    fields
        Coefficients of the warp that takes the skeleton to each prototype, ``(P, 3K)``.
    stack
        How far each prototype lies from the skeleton along its normals when its warp is taken off, ``(P, V)``; NaN
        where it has no surface.
    ends
        Where the surface ends because no prototype shows more, ``(V,)``.
    """

    target: Target
    level: Level
    diameter: float
    spacing: float
    group_spacing: float
    tolerance: Tolerance
    spread: NDArray[np.float64]
    poses: Pose
    prototype_scores: NDArray[np.float64]
    skeleton: Surface
    fields: NDArray[np.float64]
    stack: NDArray[np.float64]
    ends: NDArray[np.bool_]

    def own_warp(self, number: int) -> Warp:
        """Return the warp that takes the mean of all prototypes to one of them."""
        return Warp(self.tolerance.basis, self.fields[number] - self.fields.mean(axis=0))

    @cached_property
    def hinges(self) -> list[Hinge]:
        """Where its ends might be bent."""
        return hinges_of(self.level.surface, self.diameter)

    def without(self, number: int) -> Reference:
        """Return the reference that the other prototypes make: what a prototype is compared with to calibrate.

        Only the surface changes; poses, spreads and warps stay those of all.
        """
        if len(self.stack) < 2:
            return self
        fields, stack = np.delete(self.fields, number, axis=0), np.delete(self.stack, number, axis=0)
        surface = _mean_surface(self.skeleton, self.tolerance.basis, fields, stack)
        return replace(self, level=level_of(surface, self.diameter))


def build_reference(
    prototypes: Sequence[Points], generator: np.random.Generator, normals: Sequence[Points | None] | None = None
) -> Reference:
    """Fuse prototypes to the reference.

    Parameters
    ----------
    prototypes
        Clouds of all sides, ``(N, 3)`` each.
    generator
        For the search of their poses.
    normals
        Outward normals of each, where they are known (a CAD mesh).

    Raises
    ------
    InputError
        If there is no prototype, or one cannot be registered to the first.
    """
    if not prototypes:
        raise InputError("no prototype found; one or more expected.", hint="Give good scans of all sides, or a mesh.")
    given = normals if normals is not None else [None] * len(prototypes)
    clouds = []
    for points, known in zip(prototypes, given, strict=True):
        order = canonical_order(points)
        clouds.append((points[order], None if known is None else known[order]))
    size = diameter(clouds[0][0])
    spacing = SPACING * size
    group_spacing = max(spacing, _POINTS_APART * float(np.median([_points_apart(points) for points, _ in clouds])))
    skeleton = _surface(*clouds[0], spacing)
    basis = make_basis(skeleton.points, size)
    any_warp = Tolerance(basis, _ANY_WARP * size, _USUAL_NOISE * size, _ANY_WARP * size)
    target = make_target(skeleton, any_warp)
    poses = [np.eye(4)]
    for number, (points, known) in enumerate(clouds[1:], 1):
        found = _register_prototype(points, known, target, generator)
        if found.status == "failed":
            raise InputError(
                f"prototype {number + 1}: no pose on the first prototype found (quality "
                f"{found.verification.quality:.2f}); scans of one part from all sides expected.",
                hint="Remove the prototype, or check that it is the same part in the same unit.",
            )
        poses.append(found.pose)
    # The skeleton is the first prototype; nothing has to be measured of it.
    others = [_surface(*cloud, spacing).moved(pose) for cloud, pose in zip(clouds[1:], poses[1:], strict=True)]
    tolerance, fields = _warps_between(skeleton, others, any_warp, size)
    stack = np.zeros((len(clouds), len(skeleton)))
    for number, surface in enumerate(others, 1):
        straight = Warp(basis, fields[number]).removed(surface)
        stack[number] = _mutual_offsets(skeleton, level_of(straight, size), REACH * size)
    left = _deviations(stack)
    level = level_of(_mean_surface(skeleton, basis, fields, stack), size)
    spread = _smoothed_spread(level, left, _LEAST_SPREAD * size)
    return assemble(
        skeleton, fields, stack, spread, tolerance.amplitude, np.stack(poses), _odd_ones(left), group_spacing
    )


def assemble(
    skeleton: Surface,
    fields: NDArray[np.float64],
    stack: NDArray[np.float64],
    spread: NDArray[np.float64],
    amplitude: float,
    poses: Pose,
    prototype_scores: NDArray[np.float64],
    group_spacing: float,
) -> Reference:
    """Make a reference of what has to be kept of one; the parameters are its attributes."""
    basis = make_basis(skeleton.points, diameter(skeleton.points))
    surface = _mean_surface(skeleton, basis, fields, stack)
    size = diameter(surface.points)
    sway = sway_of(basis, surface, _deviations(fields)) if len(fields) > 1 else amplitude
    tolerance = Tolerance(basis, amplitude, float(np.median(spread)), sway)
    return Reference(
        make_target(surface, tolerance),
        level_of(surface, size),
        size,
        SPACING * size,
        group_spacing,
        tolerance,
        spread,
        poses,
        prototype_scores,
        skeleton,
        fields,
        stack,
        ends(surface),
    )


def _points_apart(points: Points) -> float:
    """Measure how far the points of a cloud are apart: the side of the square of surface that each has to itself."""
    some = points[:: max(1, len(points) // _SAMPLED)]
    reach = cKDTree(points).query(some, k=min(_COUNTED + 1, len(points)))[0][:, -1]
    return float(np.median(reach) * np.sqrt(np.pi / _COUNTED))


def _mean_surface(
    skeleton: Surface, basis: WarpBasis, fields: NDArray[np.float64], stack: NDArray[np.float64]
) -> Surface:
    """Move the skeleton by the mean of the warps, and by that of what they leave."""
    known = np.isfinite(stack)
    mean = np.where(known, stack, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    moved = Surface(skeleton.points + mean[:, None] * skeleton.normals, skeleton.normals, skeleton.variation)
    return Warp(basis, fields.mean(axis=0)).added(moved)


def _surface(points: Points, normals: Points | None, spacing: float) -> Surface:
    if normals is None:
        return thin(oriented_surface(points, spacing), spacing)
    return thin(prepare_scan(points, spacing, normals), spacing)


def _register_prototype(
    points: Points, normals: Points | None, target: Target, generator: np.random.Generator
) -> Registration:
    size = target.diameter
    scan = prepare_scan(points, size / 200, normals)
    found = register(scan, target, generator, oriented=normals is not None)
    oriented = scan if normals is not None else orient_outwards(scan)
    pose = refine(thin(oriented, size / 80), target.levels[2], found.pose[None], tuple(size * c for c in _FULL_CAPS))[0]
    return Registration(pose, found.status, found.verification, found.margin, None)


def _mutual_offsets(skeleton: Surface, level: Level, reach: float) -> NDArray[np.float64]:
    """How far a prototype's surface lies from the skeleton along its normals; NaN where it has none."""
    found = offsets_to(level, skeleton.points, skeleton.normals, reach)
    hole = found.beside > reach / 4
    return np.where(hole | (found.turn > WIDEST_TURN), np.nan, -found.value)


def _warps_between(
    skeleton: Surface, others: Sequence[Surface], tolerance: Tolerance, size: float
) -> tuple[Tolerance, NDArray[np.float64]]:
    """Find the warps that take the skeleton to itself and to the others, ``(P, 3K)``, and how strong they are."""
    fields = np.zeros((1 + len(others), 3 * len(tolerance.basis.centres)))
    if not others:
        return replace(tolerance, amplitude=size / 400), fields
    level = level_of(skeleton, size)
    followed = [thin(surface, _FOLLOWED * size) for surface in others]
    for _ in range(2):
        for number, few in enumerate(followed, 1):
            fields[number] = follow(few, level, tolerance, SPACING * size).coefficients
        tolerance = replace(tolerance, amplitude=float(np.sqrt(np.mean(_deviations(fields) ** 2))))
    return replace(tolerance, amplitude=max(tolerance.amplitude, size / 20_000)), fields


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give how far values of prototypes ``(P, ...)``, NaN where unknown, are from what they have in common.

    The mean of few is off by part of each one's own deviation; they are enlarged by that.
    """
    count = len(values)
    return np.asarray((values - np.nanmean(values, axis=0)) * np.sqrt(count / max(count - 1, 1)))


def _smoothed_spread(level: Level, deviations: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Average over prototypes and the nearest points, ``(V,)``; never below ``least``."""
    with np.errstate(invalid="ignore"):
        square = np.where(np.isfinite(deviations), deviations**2, 0.0).sum(axis=0)
        count = np.isfinite(deviations).sum(axis=0)
    typical = float(np.sqrt(square.sum() / max(count.sum(), 1)))
    _, near = level.places.query(level.surface.points, k=min(24, len(level.surface)))
    # A few observations of the typical spread steady what few prototypes say about one place.
    total = square[near].sum(axis=1) + 8 * typical**2
    return np.asarray(np.maximum(np.sqrt(total / (count[near].sum(axis=1) + 8)), least))


def _odd_ones(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each prototype lies from the others: the highest percent of its deviations, in spreads of the others."""
    if len(left) < 3:
        return np.full(len(left), np.nan)
    scores = np.empty(len(left))
    for number, row in enumerate(left):
        others = np.delete(left, number, axis=0)
        usual = np.nanquantile(np.abs(others), 0.99, axis=1).mean()
        scores[number] = np.nanquantile(np.abs(row), 0.99) / max(usual, 1e-12)
    return scores
