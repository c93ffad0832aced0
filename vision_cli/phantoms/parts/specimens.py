"""Instances of a part as a production line makes them, each with its warp and perhaps a defect, as scans of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh
from vision_cli.phantoms.arrays import Matrix
from vision_cli.phantoms.parts.defects import Suite, add_defect
from vision_cli.phantoms.parts.parts import draw_view
from vision_cli.phantoms.parts.scanner import Scan, scan, scan_around
from vision_cli.phantoms.parts.surfaces import diameter, warped

_TRIES = 12
_LEAST_SHARE = 1.5e-3
"""Less of a scan being defective, the defect counts as hidden."""


@dataclass(frozen=True)
class Specimen:
    """A scan of one instance.

    Attributes
    ----------
    scan
        Its points with their truth.
    kind
        The defect, one of `vision_cli.phantoms.parts.defects.KINDS`; None where there is none.
    depth_mm
        How far the defect moved the surface at most.
    centre
        ``(3,)``, where the defect is in coordinates of the part; None where there is none.
    """

    scan: Scan
    kind: str | None = None
    depth_mm: float = 0.0
    centre: Matrix | None = None


def draw_prototype(mesh: Mesh, suite: Suite, points: int, generator: np.random.Generator) -> Specimen:
    """Scan a good instance of a part from all sides.

    Parameters
    ----------
    mesh
        The part, from `vision_cli.phantoms.parts.parts.make_part`.
    suite
        How much instances differ.
    points
        About how many points the scan has.
    generator
        Where instance and errors come from.
    """
    return Specimen(scan_around(warped(mesh, suite.warp_mm, generator), points, generator))


def draw_test(
    name: str, mesh: Mesh, suite: Suite, kind: str | None, points: int, generator: np.random.Generator
) -> Specimen:
    """Scan an instance of a part from one side, as it lies on a table.

    Parameters
    ----------
    name, mesh
        The part and its mesh.
    suite
        How much instances differ and how deep defects are.
    kind
        The defect that it has, visible to the scanner; None for a good instance.
    points
        About how many points the scan has.
    generator
        Where instance, view, defect and errors come from.

    Raises
    ------
    UsageError
        If there is no such defect, or no view shows enough of it.
    """
    if kind is None:
        view = draw_view(name, generator)
        return Specimen(scan(warped(mesh, suite.warp_mm, generator), view, points, generator))
    depth = suite.draw_depth(diameter(mesh.vertices), generator)
    for _ in range(_TRIES):
        view = draw_view(name, generator)
        made = add_defect(mesh, kind, depth, view, generator)
        # The warp comes after the defect: the deviation of each vertex stays what the defect alone did.
        instance = warped(made.mesh, suite.warp_mm, generator)
        seen = scan(instance, view, points, generator, marks=made.marks)
        if seen.labels.mean() > _LEAST_SHARE and np.abs(seen.deviation_mm).max() > depth / 2:
            return Specimen(seen, kind, depth, made.centre)
    raise UsageError(f"no view of the {name} shows a {kind} of {depth:.2f} mm.", hint="Choose another seed.")
