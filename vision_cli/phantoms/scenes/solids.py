"""The ten solids, as signed distances.

Each takes the coordinates of points, ``(N,)`` each, and gives ``(N,)``: how far the surface is at least, negative
inside. All fit into a ball of radius `RADIUS` around the origin; y is up. The forms are those of Hart, "Sphere
tracing", The Visual Computer 12, 1996, appendix A, and unions and intersections of them (section 2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]
Solid = Callable[[Values, Values, Values], Values]

RADIUS = 1.2


def _box(x: Values, y: Values, z: Values, sides: tuple[float, float, float]) -> Values:
    dx, dy, dz = (np.abs(value) - side for value, side in zip((x, y, z), sides, strict=True))
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2 + np.maximum(dz, 0) ** 2)
    distance: Values = outside + np.minimum(np.maximum(np.maximum(dx, dy), dz), 0)
    return distance


def _cylinder(x: Values, y: Values, z: Values, radius: float, half_height: float) -> Values:
    across, along = np.hypot(x, z) - radius, np.abs(y) - half_height
    outside: Values = np.hypot(np.maximum(across, 0), np.maximum(along, 0))
    return outside + np.minimum(np.maximum(across, along), 0)


def sphere(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to a ball."""
    distance: Values = np.sqrt(x * x + y * y + z * z) - 0.9
    return distance


def box(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to a cube."""
    return _box(x, y, z, (0.65, 0.65, 0.65))


def cylinder(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to an upright cylinder."""
    return _cylinder(x, y, z, 0.5, 0.8)


def cone(x: Values, y: Values, z: Values) -> Values:
    """Give a lower bound of the distance to a cone that stands on its base."""
    apex, base, radius = 0.9, -0.7, 0.75
    slant = float(np.hypot(apex - base, radius))
    side = np.hypot(x, z) * ((apex - base) / slant) + (y - apex) * (radius / slant)
    distance: Values = np.maximum(side, base - y)
    return distance


def torus(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to a lying ring."""
    distance: Values = np.hypot(np.hypot(x, z) - 0.62, y) - 0.26
    return distance


def capsule(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to an upright rod with round ends."""
    above = y - np.clip(y, -0.55, 0.55)
    distance: Values = np.sqrt(x * x + above * above + z * z) - 0.36
    return distance


def octahedron(x: Values, y: Values, z: Values) -> Values:
    """Give a lower bound of the distance to a regular octahedron."""
    distance: Values = (np.abs(x) + np.abs(y) + np.abs(z) - 0.95) * np.float32(3**-0.5)
    return distance


def mug(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to a hollow cylinder with a floor and a handle."""
    wall = np.maximum(np.abs(np.hypot(x, z) - 0.48) - 0.07, np.abs(y) - 0.65)
    floor = _cylinder(x, y + 0.58, z, 0.5, 0.07)
    handle = np.hypot(np.hypot(x - 0.6, y) - 0.3, z) - 0.09
    distance: Values = np.minimum(np.minimum(wall, floor), handle)
    return distance


def bottle(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to a body and a neck, blended by a cubic polynomial where they meet."""
    body, neck, width = _cylinder(x, y + 0.25, z, 0.38, 0.55), _cylinder(x, y - 0.55, z, 0.14, 0.38), 0.12
    share = np.clip(0.5 + 0.5 * (neck - body) / width, 0, 1)
    blended: Values = neck + share * (body - neck) - width * share * (1 - share)
    return blended


def cross(x: Values, y: Values, z: Values) -> Values:
    """Give the distance to two bars across each other."""
    return np.minimum(_box(x, y, z, (0.9, 0.24, 0.24)), _box(x, y, z, (0.24, 0.9, 0.24)))


SOLIDS: Mapping[str, Solid] = {
    "sphere": sphere,
    "box": box,
    "cylinder": cylinder,
    "cone": cone,
    "torus": torus,
    "capsule": capsule,
    "octahedron": octahedron,
    "mug": mug,
    "bottle": bottle,
    "cross": cross,
}
"""The solids by the name of their class."""

CLASSES = tuple(SOLIDS)
"""Names of the classes; a label is a position in them."""
