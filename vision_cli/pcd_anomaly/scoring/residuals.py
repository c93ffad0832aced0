"""How far a registered scan lies from the reference, before and after the warp of the instance is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.registration.icp import refine
from vision_cli.pcd_anomaly.registration.registration import Registration
from vision_cli.pcd_anomaly.registration.targets import thin
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.surfaces.bends import Bend, bent_by, find_bends
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, Surface, invert, surface_of, transform, voxel_means
from vision_cli.pcd_anomaly.surfaces.lookup import REACH, offsets_to, seen_aslant, with_edges
from vision_cli.pcd_anomaly.surfaces.visibility import directions_about, left_open
from vision_cli.pcd_anomaly.surfaces.warps import Warp, follow

_FAR = 1 / 50
"""Beyond this share of the diameter the reference is not near."""

_OFF = 2.0
"""Beyond an end by more of the reference's spacings, nothing is known."""

_BESIDE_END = 4
"""Nearest points of the reference; where one of them is an end, the surface is no longer sure."""

_NEAR_FACES = 12
_AROUND_RAY = 1.5
"""Radius of the ray that a point was seen along, in spacings of groups: a closed surface has points within it."""

_POLISH_CAPS = (1 / 100, 1 / 120, 1 / 150, 1 / 150)


@dataclass(frozen=True)
class Alignment:
    """How a registered scan lies on the reference.

    Attributes
    ----------
    pose
        ``(4, 4)``, the last refinement of its pose.
    warp
        Of the instance, found at that pose.
    bends
        Of its ends, as far as there is evidence of any.
    """

    pose: Pose
    warp: Warp
    bends: tuple[Bend, ...]


@dataclass(frozen=True)
class Residuals:
    """A registered scan beside the reference.

    Attributes
    ----------
    surface
        Points of the scan at the reference's spacing, in its frame, normals outward.
    nearest
        Number of the reference's point at each, ``(V,)``.
    raw
        Signed distance, outwards positive, ``(V,)``; NaN where the reference is not near.
    detrended
        The same without the warp of the instance.
    turn
        Sine of half the angle between the normals, ``(V,)``.
    variation
        Surface variation beyond that of the reference, ``(V,)``.
    far
        Points where the reference is not near though it has a surface all around, ``(V,)``.
    unknown
        Points beyond an end of the reference, ``(V,)``: no prototype shows what lies there.
    unsure
        Points beside an end of the reference, ``(V,)``: where exactly the surface lies is a guess there.
    bent
        How far a bent end is off along the normals, as far as there is evidence of one, ``(V,)``.
    warp_rms
        Root mean square of the warp along the normals.
    alignment
        Its pose is already applied to ``surface``.
    """

    surface: Surface
    nearest: NDArray[np.int64]
    raw: NDArray[np.float64]
    detrended: NDArray[np.float64]
    turn: NDArray[np.float64]
    variation: NDArray[np.float64]
    far: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    unsure: NDArray[np.bool_]
    bent: NDArray[np.float64]
    warp_rms: float
    alignment: Alignment


def scan_surface(points: NDArray[np.float64], registration: Registration, spacing: float) -> Surface:
    """Thin a scan in canonical order out to the reference's spacing, in its frame, normals towards the sensor."""
    # Cubes of the reference's frame: however the scan is turned, its points fall into the same ones.
    means = voxel_means(transform(registration.pose, points), spacing)
    surface = surface_of(means, 12).moved(invert(registration.pose))
    return orient_like(surface, registration).moved(registration.pose)


def orient_like(surface: Surface, registration: Registration) -> Surface:
    """Give normals the sign that the registration found to be outward."""
    if registration.view is None:
        from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards

        return orient_outwards(surface)
    return surface.facing(registration.view)


def align(surface: Surface, reference: Reference) -> Alignment:
    """Refine the pose of a registered scan, and find the warp of its instance; parameters as `measure_residuals`."""
    size = reference.diameter
    few = thin(surface, size / 100)
    pose = refine(few, reference.level, np.eye(4)[None], tuple(size * cap for cap in _POLISH_CAPS))[0]
    few = few.moved(pose)
    known = ~at_ends(reference, few.points)[0]
    few = few.take(known) if known.any() else few
    warp = follow(few, reference.level, reference.tolerance, reference.spacing, reference.spread)
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
    """Compare a registered scan with the reference.

    Parameters
    ----------
    surface
        Of the scan, in the frame of the reference, from `scan_surface`.
    reference
        The reference.
    towards
        Unit vector to the sensor, in the frame of the reference; None for a cloud of all sides.
    alignment
        How the scan lies on the reference, where that is known.
    """
    size = reference.diameter
    if towards is not None:
        surface = seen_aslant(surface, reference.level, towards)
    alignment = align(surface, reference) if alignment is None else alignment
    surface = surface.moved(alignment.pose)
    here = reference.level.surface
    straight = alignment.warp.removed(surface)
    matched = offsets_to(reference.level, straight.points, straight.normals, REACH * size)
    found, distance = with_edges(matched, reference.level, straight.points, reference.spacing)
    unknown, unsure = at_ends(reference, straight.points)
    if towards is not None:
        off = np.flatnonzero(~unknown & is_off(reference, straight, matched.nearest))
        for number, direction in enumerate(directions_about(towards)):
            is_open = left_open(here, straight.points[off], direction, _AROUND_RAY * reference.group_spacing)
            unknown[off[is_open]] = True
            # Deep in a groove a little of the direction is much; near the surface it would excuse what stands off it.
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
        np.where(unknown, 0, bent_by(alignment.bends, surface)),
        float(np.sqrt(np.mean(along**2))),
        alignment,
    )


def is_off(reference: Reference, surface: Surface, nearest: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell where no face of a reference is near that looks the same way as a surface, ``(V,)``.

    ``nearest`` ``(V,)`` are points of the reference that look alike; where they are near, no other is looked for.
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
    """Tell which points ``(V, 3)`` lie off an end of the reference's surface, and which lie beside one, ``(V,)`` each.

    Scanners do not reach the ground of every hole. What one scan shows there and no prototype did is no defect: nothing
    is known off an end, and beside it the few points that prototypes have do not say where the surface lies.
    """
    level = reference.level
    distance, near = level.places.query(points, k=min(_BESIDE_END, len(level.surface)))
    distance, nearest = distance[:, 0], near[:, 0]
    gap = points - level.surface.points[nearest]
    along = np.einsum("ni,ni->n", gap, level.surface.normals[nearest])
    beside = np.sqrt(np.maximum(distance**2 - along**2, 0))
    beyond = np.maximum(beside, np.abs(along) / 2) > _OFF * reference.spacing
    return np.asarray(reference.ends[nearest] & beyond), np.asarray(reference.ends[near].any(axis=1))
