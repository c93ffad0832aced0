"""One-sided good scans beside prototypes or a CAD mesh: what a real scanner adds to a part that has no defect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import PointCloud
from vision_cli.pcd_anomaly.registration.limits import FEWEST_POINTS, SCAN_SPACING
from vision_cli.pcd_anomaly.registration.pieces import find_pieces
from vision_cli.pcd_anomaly.registration.registration import register
from vision_cli.pcd_anomaly.registration.sizes import require_same_size
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.scoring.residuals import scan_surface
from vision_cli.pcd_anomaly.surfaces.geometry import Surface, canonical_order
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan


@dataclass(frozen=True)
class GoodScan:
    """A good scan at its pose on the reference.

    Attributes
    ----------
    surface
        At the spacing of the reference, in its frame, normals outward.
    grouped
        The same at the spacing of groups; None where that is the spacing of the reference.
    towards
        Unit vector to the sensor in the frame of the reference; None for a cloud of all sides.
    """

    surface: Surface
    grouped: Surface | None
    towards: NDArray[np.float64] | None


def place_good_scans(
    scans: Sequence[PointCloud], reference: Reference, generator: np.random.Generator
) -> tuple[list[GoodScan], int]:
    """Return the good scans whose pose is found, and how many were left out because theirs is refused.

    Raises
    ------
    InputError
        If a scan has too few points or another size than the part, or no pose is found at all.
    """
    found: list[GoodScan] = []
    size = reference.diameter
    for number, scan in enumerate(scans, 1):
        points = scan.points[np.asarray(np.isfinite(scan.points).all(axis=1))]
        if len(points) < FEWEST_POINTS:
            raise InputError(f"good scan {number}: {len(points)} finite points; {FEWEST_POINTS} or more expected.")
        points = points[canonical_order(points)] - np.median(points, axis=0)
        require_same_size(points, size)
        points = points[find_pieces(points, size).is_main]
        placed = register(prepare_scan(points, SCAN_SPACING * size), reference.target, generator)
        if placed.status == "failed":
            continue
        towards = None if placed.view is None else placed.pose[:3, :3] @ placed.view
        grouped = None
        if reference.group_spacing > reference.spacing:
            grouped = scan_surface(points, placed.pose, placed.view, reference.group_spacing)
        found.append(GoodScan(scan_surface(points, placed.pose, placed.view, reference.spacing), grouped, towards))
    if scans and not found:
        raise InputError(
            f"no pose of the {len(scans)} good scans on the part was found; scans of this part expected.",
            hint="Are they of the same part, in the same unit?",
        )
    return found, len(scans) - len(found)
