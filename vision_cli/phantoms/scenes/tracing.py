"""Sphere tracing of one solid in an orthographic patch (Hart 1996, section 3): what its pixels see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.scenes.solids import RADIUS, Solid

WINDOW = 1.25
"""Half the width of what a patch shows, in the solid's units."""

_STEPS = 24
_NEAR = 4e-3
_TOUCH = 2e-2
_PROBE = 2e-3
# The four corners of a tetrahedron: their differences give a gradient with four evaluations instead of six.
_CORNERS = np.array([(1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)], dtype=np.float32)


@dataclass(frozen=True)
class Patch:
    """Where a solid is seen in a square patch of ``S`` pixels.

    Attributes
    ----------
    rows, columns
        ``(P,)``, the pixels that see it.
    normals
        ``(P, 3)``, unit length, of the viewer's axes: x right, y up, z towards the viewer.
    places
        ``(P, 3)``, points of the surface, of the solid's own axes.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    normals: NDArray[np.float32]
    places: NDArray[np.float32]


def trace(solid: Solid, rotation: NDArray[np.float64], size: int) -> Patch:
    """Return what the pixels of a patch see of a solid.

    Parameters
    ----------
    solid
        Its signed distance.
    rotation
        ``(3, 3)``, from the solid's axes to the viewer's.
    size
        Rows and columns of the patch.
    """
    turn = rotation.astype(np.float32)
    ticks = (((np.arange(size, dtype=np.float32) + 0.5) / size) * 2 - 1) * np.float32(WINDOW)
    across, up = np.meshgrid(ticks, -ticks)
    depth = RADIUS**2 - across**2 - up**2
    rows, columns = np.nonzero(depth > 0)
    reach = np.sqrt(depth[rows, columns])
    seen_from = np.stack([across[rows, columns], up[rows, columns], reach])
    # Points and directions as the solid sees them; all rays leave the ball around it after twice their reach.
    start = turn.T @ seen_from
    ahead = turn.T @ np.array([0, 0, -1], dtype=np.float32)
    travelled, last = np.zeros_like(reach), np.full_like(reach, np.inf)
    active = np.arange(len(reach))
    for _ in range(_STEPS):
        x, y, z = start[:, active] + ahead[:, None] * travelled[active]
        distance = solid(x, y, z)
        travelled[active] += distance
        last[active] = distance
        active = active[(distance > _NEAR) & (travelled[active] < 2 * reach[active])]
        if not len(active):
            break
    hit = (last < _TOUCH) & (travelled < 2 * reach + _TOUCH)
    places = start[:, hit] + ahead[:, None] * travelled[hit]
    normals = np.zeros_like(places)
    for corner in _CORNERS:
        normals += corner[:, None] * solid(*(places + np.float32(_PROBE) * corner[:, None]))
    normals = turn @ normals
    normals /= np.linalg.norm(normals, axis=0) + np.float32(1e-9)
    return Patch(rows[hit], columns[hit], np.ascontiguousarray(normals.T), np.ascontiguousarray(places.T))
