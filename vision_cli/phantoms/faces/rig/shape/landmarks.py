"""Where the 68 landmarks of the iBUG scheme lie on the surface at rest."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.faces.rig.shape.surface import CHEEKS, CHIN, FOREHEAD, head_surface

# Halves of symmetric groups, given for the left of the picture (the face's right) from outside to inside.
_JAW = ((-72, -8), (-71.5, -24), (-69, -40), (-64, -56), (-57, -72), (-48, -86), (-36, -99), (-19, -111), (0, -115.5))
_BROW = ((-57, 9), (-50, 15.5), (-40, 19), (-27, 18.5), (-14, 13.5))
_NOSE = ((0, 2), (0, -12), (0, -24), (0, -36))
_NOSTRILS = ((-14, -44), (-7.5, -46.5), (0, -47.5))
_EYE = ((-44, -2), (-36, 4), (-26, 3.5), (-17, -4), (-26, -6.2), (-36, -5.6))
_OUTER_LIPS = ((-25, -70), (-15, -63), (-5, -60.2), (0, -61.5))
_LOWER_LIPS = ((-14, -77), (-6, -79), (0, -79.3))
_INNER_LIPS = ((-21, -69.5), (-8, -68.2), (0, -68.7))


@cache
def landmark_corners() -> NDArray[np.int64]:
    """Return numbers of the mesh's corners, ``(68,)``, in the order of the scheme."""
    surface = head_surface()
    columns = surface.x.shape[1]

    def corner(x: float, y: float, strip: int | None = None) -> int:
        row, column = surface.nearest(x, y, strip=strip)
        return int(row * columns + column)

    def mirrored(half: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
        return [*half, *((-x, y) for x, y in half[-2::-1])]

    points = [corner(x, y) for x, y in mirrored(_JAW)]
    points += [corner(x, y) for x, y in (*_BROW, *((-x, y) for x, y in _BROW[::-1]))]
    points += [corner(x, y) for x, y in _NOSE]
    points += [corner(x, y) for x, y in mirrored(_NOSTRILS)]
    strips = (None, FOREHEAD, FOREHEAD, None, CHEEKS, CHEEKS)
    right_eye = [(x, y, strip) for (x, y), strip in zip(_EYE, strips, strict=True)]
    left_eye = [(-right_eye[k][0], *right_eye[k][1:]) for k in (3, 2, 1, 0, 5, 4)]
    points += [corner(*place) for place in (*right_eye, *left_eye)]
    points += [corner(x, y, CHEEKS) for x, y in mirrored(_OUTER_LIPS)]
    points += [corner(x, y, CHIN) for x, y in [(-x, y) for x, y in _LOWER_LIPS] + list(_LOWER_LIPS[-2::-1])]
    points += [corner(x, y, CHEEKS) for x, y in mirrored(_INNER_LIPS)]
    points += [corner(x, y, CHIN) for x, y in ((8, -68.2), (0, -68.7), (-8, -68.2))]
    return np.array(points, dtype=np.int64)
