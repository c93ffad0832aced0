"""Deviations of a registered scan from the reference, before and after the warp of the instance is removed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.registration.icp import refine
from vision_cli.pcd_anomaly.scoring.features import measure_nodes
from vision_cli.pcd_anomaly.scoring.nodes import Alignment, Nodes, Residuals
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.surfaces.bends import bend_offsets, find_bends
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, Surface, invert, surface_of, transform, voxel_means
from vision_cli.pcd_anomaly.surfaces.lookup import REACH, correct_edge_offsets, offsets_to, orient_grazing
from vision_cli.pcd_anomaly.surfaces.sampling import thin
from vision_cli.pcd_anomaly.surfaces.visibility import is_unobserved, nearby_directions, orient_outwards
from vision_cli.pcd_anomaly.surfaces.warps import find_warp

_FAR = 1 / 50
"""Distance beyond which the reference is not near, as a share of the diameter."""

_OFF = 2.0
"""Distance beyond an end from which nothing is known, in spacings of the reference."""

_BESIDE_END = 4
"""Number of nearest points of the reference; if one of them is an end, the surface is uncertain."""

_NEAR_FACES = 12
_AROUND_RAY = 1.5
"""Radius of the ray to the sensor, in spacings of groups: a closed surface has points within it."""

_POLISH_CAPS = (1 / 100, 1 / 120, 1 / 150, 1 / 150)


def scan_surface(points: NDArray[np.float64], pose: Pose, view: NDArray[np.float64] | None, spacing: float) -> Surface:
    """Return a registered scan as a surface in the frame of the reference, normals outward.

    Parameters
    ----------
    points
        Points of the scan in canonical order, ``(N, 3)``.
    pose
        ``(4, 4)``, from the scan to the reference.
    view
        Direction towards the sensor in the scan's frame; None for a cloud of all sides.
    spacing
        Side of the cubes that the scan is thinned to.
    """
    # The cubes lie in the frame of the reference, so that the same scan in another orientation gives the same surface.
    surface = surface_of(voxel_means(transform(pose, points), spacing), 12).moved(invert(pose))
    oriented = orient_outwards(surface) if view is None else surface.facing(view)
    return oriented.moved(pose)


def align(surface: Surface, reference: Reference) -> Alignment:
    """Return the refined pose of a registered scan, the warp of its instance, and its bends."""
    size = reference.diameter
    few = thin(surface, size / 100)
    pose = refine(few, reference.level, np.eye(4)[None], tuple(size * cap for cap in _POLISH_CAPS))[0]
    few = few.moved(pose)
    known = ~at_ends(reference, few.points)[0]
    few = few.take(known) if known.any() else few
    warp = find_warp(few, reference.level, reference.tolerance, reference.spacing, reference.spread)
    bends = find_bends(
        few,
        reference.level,
        reference.tolerance,
        warp,
        reference.spread,
        reference.hinges,
        reference.spacing,
        size,
    )
    return Alignment(pose, warp, bends)


def measure_residuals(
    surface: Surface,
    reference: Reference,
    towards: NDArray[np.float64] | None = None,
    alignment: Alignment | None = None,
) -> Residuals:
    """Return the deviations of a registered scan from the reference.

    Parameters
    ----------
    surface
        Surface of the scan in the frame of the reference, from `scan_surface`.
    reference
        The reference.
    towards
        Unit vector to the sensor, in the frame of the reference; None for a cloud of all sides.
    alignment
        Alignment of the scan with the reference, if known.
    """
    size = reference.diameter
    if towards is not None:
        surface = orient_grazing(surface, reference.level, towards)
    alignment = align(surface, reference) if alignment is None else alignment
    surface = surface.moved(alignment.pose)
    here = reference.level.surface
    straight = alignment.warp.removed(surface)
    matched = offsets_to(reference.level, straight.points, straight.normals, REACH * size)
    found, distance = correct_edge_offsets(matched, reference.level, straight.points, reference.spacing)
    unknown, unsure = at_ends(reference, straight.points)
    if towards is not None:
        off = np.flatnonzero(~unknown & has_no_near_face(reference, straight, matched.nearest))
        for number, direction in enumerate(nearby_directions(towards)):
            is_open = is_unobserved(here, straight.points[off], direction, _AROUND_RAY * reference.group_spacing)
            unknown[off[is_open]] = True
            # Further directions are tried for points far from the surface only, as deep in a groove; near the surface
            # they would excuse real deviations.
            off = off[~is_open & (distance[off] > _FAR * size)] if number == 0 else off[~is_open]
    along = np.einsum("ni,ni->n", surface.points - straight.points, here.normals[found.nearest])
    return Residuals(
        surface,
        found.nearest,
        np.where(unknown, np.nan, found.value + along),
        np.where(unknown, np.nan, found.value),
        np.where(unknown, 0, found.turn),
        np.where(unknown, 0, surface.variation - here.variation[found.nearest]),
        (distance > _FAR * size) & ~unknown,
        unknown,
        unsure,
        np.where(unknown, 0, bend_offsets(alignment.bends, surface)),
        float(np.sqrt(np.mean(along**2))),
        alignment,
    )


def has_no_near_face(reference: Reference, surface: Surface, nearest: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where no face of the reference with similar normals is near a surface, ``(V,)``.

    ``nearest`` ``(V,)`` are points of the reference with similar normals; where they are near, no others are searched.
    """
    here = reference.level.surface
    gap = np.linalg.norm(surface.points - here.points[nearest], axis=1)
    is_near = gap < reference.group_spacing
    found: NDArray[np.bool_] = ~(is_near & (np.einsum("ni,ni->n", here.normals[nearest], surface.normals) > 0))
    rows = np.flatnonzero(found)
    distance, near = reference.level.places.query(surface.points[rows], k=min(_NEAR_FACES, len(here)))
    same = np.einsum("nki,ni->nk", here.normals[near], surface.normals[rows]) > 0
    found[rows] = ~(same & (distance < reference.group_spacing)).any(axis=1)
    return found


def at_ends(reference: Reference, points: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which points ``(V, 3)`` lie beyond an end of the reference, and which lie near one, ``(V,)`` each.

    Scanners do not reach the ground of every hole. A surface there that no prototype shows is not a defect: nothing is
    known beyond an end, and near it the few points of the prototypes do not define the surface.
    """
    level = reference.level
    distance, near = level.places.query(points, k=min(_BESIDE_END, len(level.surface)))
    distance, nearest = distance[:, 0], near[:, 0]
    gap = points - level.surface.points[nearest]
    along = np.einsum("ni,ni->n", gap, level.surface.normals[nearest])
    beside = np.sqrt(np.maximum(distance**2 - along**2, 0))
    beyond = np.maximum(beside, np.abs(along) / 2) > _OFF * reference.spacing
    return np.asarray(reference.ends[nearest] & beyond), np.asarray(reference.ends[near].any(axis=1))


def measure_at(
    reference: Reference,
    surface: Surface,
    towards: NDArray[np.float64] | None,
    alignment: Alignment | None = None,
) -> Nodes:
    """Return the places of a registered scan with their measurements; parameters as for `measure_residuals`."""
    return measure_nodes(measure_residuals(surface, reference, towards, alignment), reference.diameter)
