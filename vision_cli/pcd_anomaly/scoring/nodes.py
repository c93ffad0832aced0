"""Measurements at the places of a registered scan: the types that the modules of this room share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Pose, Surface
from vision_cli.pcd_anomaly.surfaces.hinges import Bend
from vision_cli.pcd_anomaly.surfaces.tolerance import Warp


@dataclass(frozen=True)
class Alignment:
    """Alignment of a registered scan with the reference.

    Attributes
    ----------
    pose
        ``(4, 4)``, the last refinement of its pose.
    warp
        Warp of the instance at that pose.
    bends
        Bends of its ends with positive evidence.
    """

    pose: Pose
    warp: Warp
    bends: tuple[Bend, ...]


@dataclass(frozen=True)
class Residuals:
    """Deviations of a registered scan from the reference.

    Attributes
    ----------
    surface
        Points of the scan at the reference's spacing, in its frame, normals outward.
    nearest
        Number of the corresponding point of the reference, ``(V,)``.
    raw
        Signed distance, outwards positive, ``(V,)``; NaN where the reference is not near.
    detrended
        Signed distance after the warp of the instance is removed, ``(V,)``.
    turn
        Sine of half the angle between the normals, ``(V,)``.
    variation
        Surface variation less that of the reference, ``(V,)``.
    far
        Points far from the reference where the reference is known, ``(V,)``.
    unknown
        Points beyond an end of the reference, ``(V,)``: no prototype shows what lies there.
    unsure
        Points near an end of the reference, ``(V,)``: the position of the surface is uncertain there.
    bent
        Displacement by bends weighted by their evidence, ``(V,)``, see `vision_cli.pcd_anomaly.surfaces.bends`.
    warp_rms
        Root mean square of the warp along the normals.
    alignment
        Alignment of the scan; its pose is already applied to ``surface``.
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


@dataclass(frozen=True)
class Nodes:
    """Places of a scan with their measurements.

    Attributes
    ----------
    residuals
        Deviations from the reference.
    channels
        Channels of deviation, ``(V, len(CHANNELS))``.
    boundary
        Places at the boundary of the scan, ``(V,)``.
    tree
        Tree of the places.
    """

    residuals: Residuals
    channels: NDArray[np.float64]
    boundary: NDArray[np.bool_]
    tree: cKDTree
