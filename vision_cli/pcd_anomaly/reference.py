"""The reference: what all good instances have in common, and how much they differ at every place.

Prototypes are registered to the first one. Its surface is the skeleton; each prototype tells how far away it lies along
the normals there, and the reference is the skeleton moved by the mean. Layers of several prototypes are never mixed, so
normals stay sharp though instances differ by more than the spacing of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.geometry import Points, Pose, Surface, canonical_order, diameter
from vision_cli.pcd_anomaly.icp import refine
from vision_cli.pcd_anomaly.registration import Registration, prepare_scan, register
from vision_cli.pcd_anomaly.targets import Level, Target, make_target, oriented_surface, thin
from vision_cli.pcd_anomaly.views import ends
from vision_cli.pcd_anomaly.visibility import orient_outwards
from vision_cli.pcd_anomaly.warps import WarpBasis, fit_warp, make_basis

SPACING = 1 / 250
"""Spacing of the reference's points, as a share of its diameter."""

_POINTS_APART = 1.5
"""Spacing of groups over that of the prototypes' points, where these are sparse: most cubes hold a point then."""

_COUNTED, _SAMPLED = 8, 4096

_NEIGHBOURS = 6
_REACH = 1 / 25
_NORMAL_WEIGHT = 0.05
_LEAST_SPREAD = 1 / 20_000
_FULL_CAPS = (1 / 60, 1 / 80, 1 / 100, 1 / 100)


@dataclass(frozen=True)
class Offsets:
    """Where points lie relative to a surface.

    Attributes
    ----------
    value
        Signed distance along the outward normal, ``(N,)``; NaN where the surface is not near.
    nearest
        Number of the nearest point of the surface that looks the same way, ``(N,)``.
    beside
        Distance to the nearest points within the surface, ``(N,)``: large where the surface ends.
    turn
        Sine of half the angle between the normals, ``(N,)``.
    """

    value: NDArray[np.float64]
    nearest: NDArray[np.int64]
    beside: NDArray[np.float64]
    turn: NDArray[np.float64]


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
    basis
        What warps are made of.
    amplitude
        How strong warps between good instances are (see `fit_warp`).
    spread
        Standard deviation of what is left when the warp is taken off, at each point, ``(V,)``.
    poses
        From each prototype to the reference, ``(P, 4, 4)``.
    prototype_scores
        How many spreads of the others each prototype lies away, ``(P,)``; NaN where there are fewer than three.
    skeleton
        The surface of the first prototype.
    stack
        How far each prototype lies from the skeleton along its normals, ``(P, V)``; NaN where it has no surface.
    ends
        Where the surface ends because no prototype shows more, ``(V,)``.
    """

    target: Target
    level: Level
    diameter: float
    spacing: float
    group_spacing: float
    basis: WarpBasis
    amplitude: float
    spread: NDArray[np.float64]
    poses: Pose
    prototype_scores: NDArray[np.float64]
    skeleton: Surface
    stack: NDArray[np.float64]
    ends: NDArray[np.bool_]

    def without(self, number: int) -> Reference:
        """Return the reference that the other prototypes make: what a prototype is compared with to calibrate.

        Only the surface changes; poses, spreads and warps stay those of all.
        """
        if len(self.stack) < 2:
            return self
        surface = _moved_skeleton(self.skeleton, np.delete(self.stack, number, axis=0))
        return replace(self, level=level_of(surface, self.diameter))


def offsets_to(level: Level, points: Points, normals: Points, reach: float) -> Offsets:
    """Measure signed distances of points to a surface.

    Parameters
    ----------
    level
        The surface.
    points, normals
        ``(N, 3)``.
    reach
        Distance beyond which nothing is said.
    """
    query = np.hstack([points, level.weight * normals])
    distance, near = level.tree.query(query, k=_NEIGHBOURS)
    inverse = 1 / np.maximum(distance, 1e-12)
    weight = inverse / inverse.sum(axis=1, keepdims=True)
    place = np.einsum("nk,nki->ni", weight, level.surface.points[near])
    normal = np.einsum("nk,nki->ni", weight, level.surface.normals[near])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    gap = points - place
    value = np.einsum("ni,ni->n", gap, normal)
    beside = np.linalg.norm(level.surface.points[near[:, 0]] - points + value[:, None] * normal, axis=1)
    is_near = np.linalg.norm(level.surface.points[near[:, 0]] - points, axis=1) < reach
    turn = np.sqrt(np.maximum(1 - np.einsum("ni,ni->n", normals, normal), 0) / 2)
    return Offsets(np.where(is_near, value, np.nan), near[:, 0], beside, turn)


def with_edges(found: Offsets, level: Level, points: Points, spacing: float) -> tuple[Offsets, NDArray[np.float64]]:
    """Mend offsets where a scan's normals are no help, and tell how far the nearest point of the surface is.

    Across an edge or a step the neighbours of a point lie on two faces, and its normal on neither: the point that looks
    the same way is then somewhere else. Such points are measured against the nearest point whatever it looks like.

    Parameters
    ----------
    found
        From `offsets_to`.
    level
        The surface.
    points
        ``(N, 3)``.
    spacing
        Of the surface.

    Returns
    -------
    tuple
        The offsets, and the distance to the nearest point of the surface, ``(N,)``.
    """
    distance, plain = level.places.query(points)
    lost = ~np.isfinite(found.value) | (found.beside > 2.5 * spacing)
    gap = points - level.surface.points[plain]
    along = np.einsum("ni,ni->n", gap, level.surface.normals[plain])
    beside = np.sqrt(np.maximum(distance**2 - along**2, 0))
    mended = Offsets(
        np.where(lost, along, found.value),
        np.where(lost, plain, found.nearest),
        np.where(lost, beside, found.beside),
        found.turn,
    )
    return mended, distance


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
    target = make_target(skeleton)
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
    levels = [level_of(_surface(*cloud, spacing).moved(pose), size) for cloud, pose in zip(clouds, poses, strict=True)]
    stack = np.stack([_mutual_offsets(skeleton, level, _REACH * size) for level in levels])
    stack[0] = 0.0
    deviations = stack - np.nanmean(stack, axis=0)
    moved = _moved_skeleton(skeleton, stack)
    basis = make_basis(moved.points, size)
    amplitude, left = _warps_between(moved, deviations, basis, size)
    level = level_of(moved, size)
    spread = _smoothed_spread(level, left, _LEAST_SPREAD * size)
    return assemble(skeleton, stack, spread, amplitude, np.stack(poses), _odd_ones(left), group_spacing)


def assemble(
    skeleton: Surface,
    stack: NDArray[np.float64],
    spread: NDArray[np.float64],
    amplitude: float,
    poses: Pose,
    prototype_scores: NDArray[np.float64],
    group_spacing: float,
) -> Reference:
    """Make a reference of what has to be kept of one; the parameters are its attributes."""
    moved = _moved_skeleton(skeleton, stack)
    size = diameter(moved.points)
    return Reference(
        make_target(moved),
        level_of(moved, size),
        size,
        SPACING * size,
        group_spacing,
        make_basis(moved.points, size),
        amplitude,
        spread,
        poses,
        prototype_scores,
        skeleton,
        stack,
        ends(moved),
    )


def level_of(surface: Surface, size: float) -> Level:
    """Make a surface of a part of diameter ``size`` ready to be measured against."""
    weight = _NORMAL_WEIGHT * size
    return Level(surface, cKDTree(np.hstack([surface.points, weight * surface.normals])), weight)


def _points_apart(points: Points) -> float:
    """Measure how far the points of a cloud are apart: the side of the square of surface that each has to itself."""
    some = points[:: max(1, len(points) // _SAMPLED)]
    reach = cKDTree(points).query(some, k=min(_COUNTED + 1, len(points)))[0][:, -1]
    return float(np.median(reach) * np.sqrt(np.pi / _COUNTED))


def _moved_skeleton(skeleton: Surface, stack: NDArray[np.float64]) -> Surface:
    known = np.isfinite(stack)
    mean = np.where(known, stack, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Surface(skeleton.points + mean[:, None] * skeleton.normals, skeleton.normals, skeleton.variation)


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
    return np.where(hole | (found.turn > 0.35), np.nan, -found.value)


def _warps_between(
    surface: Surface, deviations: NDArray[np.float64], basis: WarpBasis, size: float
) -> tuple[float, NDArray[np.float64]]:
    """Estimate how strong warps are, and what is left of the deviations ``(P, V)`` without them."""
    if len(deviations) < 2:
        return size / 400, np.full_like(deviations, np.nan)
    # The mean over few prototypes is off by part of each one's own deviation.
    inflate = np.sqrt(len(deviations) / (len(deviations) - 1))
    deviations = deviations * inflate
    noise = np.full(deviations.shape[1], size / 2000)
    amplitude = size / 100
    left = np.full_like(deviations, np.nan)
    for _ in range(2):
        sizes = []
        for number, row in enumerate(deviations):
            coefficients = fit_warp(basis, surface.points, surface.normals, row, noise, amplitude)
            left[number] = row - basis.along(surface.points, surface.normals, coefficients)
            sizes.append(np.mean(coefficients**2))
        amplitude = float(np.sqrt(np.mean(sizes)))
    return max(1.3 * amplitude, size / 20_000), left


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
