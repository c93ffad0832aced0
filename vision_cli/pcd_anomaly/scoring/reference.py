"""The reference: the mean surface of good instances, and their variation at every place.

The surface of the first prototype is the skeleton; the reference is the skeleton displaced by the mean of all
prototypes. Points of several prototypes are never mixed, so that normals stay sharp although instances differ by more
than the spacing of points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.registration.targets import Target, make_target
from vision_cli.pcd_anomaly.surfaces.boundaries import surface_ends
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, Surface, diameter
from vision_cli.pcd_anomaly.surfaces.hinges import Hinge, candidate_hinges
from vision_cli.pcd_anomaly.surfaces.lookup import Level, level_of
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, Warp, WarpBasis, estimate_displacement_std, make_basis

SPACING = 1 / 250
"""Spacing of the reference's points, as a share of its diameter."""


@dataclass(frozen=True)
class Reference:
    """The mean surface of good instances, and their variation.

    Attributes
    ----------
    target
        Target that scans are registered to.
    level
        The surface at the reference's spacing.
    diameter, spacing
        Diameter D, and spacing of the points.
    group_spacing
        Spacing that scans are thinned to before groups are made, so that dense scans have neighbourhoods like those of
        sparser prototypes.
    tolerance
        Distribution of the warps of good instances.
    spread
        Standard deviation of offsets after warps are removed, at each point, ``(V,)``.
    poses
        From each prototype to the reference, ``(P, 4, 4)``.
    prototype_scores
        Deviation of each prototype in spreads of the others, ``(P,)``; NaN for fewer than three prototypes.
    skeleton
        The surface of the first prototype.
    fields
        Coefficients of the warp from the skeleton to each prototype, ``(P, 3K)``.
    stack
        Offset of each prototype from the skeleton along its normals after its warp is removed, ``(P, V)``; NaN where it
        has no surface.
    ends
        Points where the surface ends because no prototype shows more, ``(V,)``.
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
        """Return the warp from the mean of all prototypes to one of them."""
        return Warp(self.tolerance.basis, self.fields[number] - self.fields.mean(axis=0))

    @cached_property
    def hinges(self) -> list[Hinge]:
        """Candidate hinges of bent ends."""
        return candidate_hinges(self.level.surface, self.diameter)

    def without(self, number: int) -> Reference:
        """Return the reference made of the other prototypes, for leave-one-out calibration.

        Only the surface changes; poses, spreads and warps stay those of all prototypes.
        """
        if len(self.stack) < 2:
            return self
        fields, stack = np.delete(self.fields, number, axis=0), np.delete(self.stack, number, axis=0)
        surface = _mean_surface(self.skeleton, self.tolerance.basis, fields, stack)
        return replace(self, level=level_of(surface, self.diameter))


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
    """Return the reference with these attributes; the others are derived."""
    basis = make_basis(skeleton.points, diameter(skeleton.points))
    surface = _mean_surface(skeleton, basis, fields, stack)
    size = diameter(surface.points)
    displacement_std = estimate_displacement_std(basis, surface, _deviations(fields)) if len(fields) > 1 else amplitude
    tolerance = Tolerance(basis, amplitude, float(np.median(spread)), displacement_std)
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
        surface_ends(surface),
    )


def _mean_surface(
    skeleton: Surface, basis: WarpBasis, fields: NDArray[np.float64], stack: NDArray[np.float64]
) -> Surface:
    """Return the skeleton displaced by the mean warp and by the mean of the remaining offsets."""
    known = np.isfinite(stack)
    mean = np.where(known, stack, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    moved = Surface(skeleton.points + mean[:, None] * skeleton.normals, skeleton.normals, skeleton.variation)
    return Warp(basis, fields.mean(axis=0)).added(moved)


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return deviations of values of prototypes ``(P, ...)``, NaN where unknown, from their mean.

    They are enlarged by √(P / (P - 1)), because the mean of few values contains part of each deviation.
    """
    count = len(values)
    return np.asarray((values - np.nanmean(values, axis=0)) * np.sqrt(count / max(count - 1, 1)))
