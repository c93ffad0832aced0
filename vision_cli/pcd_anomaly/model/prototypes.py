"""Fusion of prototypes to the reference: their poses, their warps, and what is left of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.registration.icp import refine
from vision_cli.pcd_anomaly.registration.registration import Registration, register
from vision_cli.pcd_anomaly.registration.targets import Target, make_target
from vision_cli.pcd_anomaly.scoring.reference import SPACING, Reference, _deviations, _mean_surface, assemble
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface, canonical_order, diameter
from vision_cli.pcd_anomaly.surfaces.lookup import REACH, WIDEST_TURN, Level, level_of, offsets_to
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan, thin
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, Warp, make_basis
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards, oriented_surface
from vision_cli.pcd_anomaly.surfaces.warps import find_warp

_POINTS_APART = 1.5
"""Spacing of groups in spacings of the prototypes' points, if these are sparse: most cubes then hold a point."""

_COUNTED, _SAMPLED = 8, 4096
_LEAST_SPREAD = 1 / 20_000
_ANY_WARP, _USUAL_NOISE = 1 / 100, 1 / 2000
"""Prior size of warps and noise, as shares of the diameter, before the prototypes are compared."""

_FOLLOWED = 1 / 100
_FULL_CAPS = (1 / 60, 1 / 80, 1 / 100, 1 / 100)


def build_reference(
    prototypes: Sequence[Points], generator: np.random.Generator, normals: Sequence[Points | None] | None = None
) -> Reference:
    """Return the reference of prototypes.

    The prototypes are registered to the first one.

    Parameters
    ----------
    prototypes
        Clouds of all sides, ``(N, 3)`` each.
    generator
        Random numbers for the search of poses.
    normals
        Outward normals of each, where known (a CAD mesh).

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
    # The skeleton is the first prototype itself, with no offset.
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


def _points_apart(points: Points) -> float:
    """Return the spacing of a cloud: the side of the square of surface per point."""
    some = points[:: max(1, len(points) // _SAMPLED)]
    reach = cKDTree(points).query(some, k=min(_COUNTED + 1, len(points)))[0][:, -1]
    return float(np.median(reach) * np.sqrt(np.pi / _COUNTED))


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
    """Return offsets of a prototype's surface from the skeleton along its normals; NaN where it has no surface."""
    found = offsets_to(level, skeleton.points, skeleton.normals, reach)
    hole = found.beside > reach / 4
    return np.where(hole | (found.turn > WIDEST_TURN), np.nan, -found.value)


def _warps_between(
    skeleton: Surface, others: Sequence[Surface], tolerance: Tolerance, size: float
) -> tuple[Tolerance, NDArray[np.float64]]:
    """Return the tolerance, and the warps from the skeleton to itself and to the other prototypes, ``(P, 3K)``."""
    fields = np.zeros((1 + len(others), 3 * len(tolerance.basis.centres)))
    if not others:
        return replace(tolerance, amplitude=size / 400), fields
    level = level_of(skeleton, size)
    followed = [thin(surface, _FOLLOWED * size) for surface in others]
    for _ in range(2):
        for number, few in enumerate(followed, 1):
            fields[number] = find_warp(few, level, tolerance, SPACING * size).coefficients
        tolerance = replace(tolerance, amplitude=float(np.sqrt(np.mean(_deviations(fields) ** 2))))
    return replace(tolerance, amplitude=max(tolerance.amplitude, size / 20_000)), fields


def _smoothed_spread(level: Level, deviations: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Return standard deviations over prototypes and nearest points, ``(V,)``; at least ``least``."""
    with np.errstate(invalid="ignore"):
        square = np.where(np.isfinite(deviations), deviations**2, 0.0).sum(axis=0)
        count = np.isfinite(deviations).sum(axis=0)
    typical = float(np.sqrt(square.sum() / max(count.sum(), 1)))
    _, near = level.places.query(level.surface.points, k=min(24, len(level.surface)))
    # Shrinkage: eight pseudo-observations of the typical spread.
    total = square[near].sum(axis=1) + 8 * typical**2
    return np.asarray(np.maximum(np.sqrt(total / (count[near].sum(axis=1) + 8)), least))


def _odd_ones(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 99th percentile of the deviations of each prototype, in units of that of the others."""
    if len(left) < 3:
        return np.full(len(left), np.nan)
    scores = np.empty(len(left))
    for number, row in enumerate(left):
        others = np.delete(left, number, axis=0)
        usual = np.nanquantile(np.abs(others), 0.99, axis=1).mean()
        scores[number] = np.nanquantile(np.abs(row), 0.99) / max(usual, 1e-12)
    return scores
