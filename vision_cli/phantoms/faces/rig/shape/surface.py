"""The surface of an average head at rest: a grid of super-elliptic cross-sections with a face formed on it.

Lengths are in mm. The origin lies between the centres of the eyeballs, x to the face's own left (right in a picture),
y up, z to the front; pupils are 63 mm apart. The grid is cut at the eyes and at the mouth into three strips, so that
lids and lips are free to part. Positions agree with the mean of 102 portraits and with depths of the ICT face model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

EYE = (31.5, -0.5, 0.0)
"""Centre of the left eyeball."""

EYE_RADIUS = 12.3
EYE_CANTHI = ((17.0, -4.0), (44.0, -2.0))
"""Inner and outer corner of the left eye."""

MOUTH_HALF_WIDTH = 25.0
STOMION_Y = -68.0
"""Where the closed lips meet in the middle."""

FOREHEAD, CHEEKS, CHIN = range(3)
"""The strips: above the eyes, between eyes and mouth, below the mouth."""

_EXPONENT = 2.35
_WIDEST_ANGLE = np.radians(120.0)

# Knots (y, value): half-width of the cross-section, its depth from front to centre, and where its front lies.
_HALF_WIDTHS = (
    (114, 4), (111.5, 20), (106, 36), (95, 54), (80, 66), (60, 73), (30, 75.5), (10, 74.5), (-7, 73), (-29, 70.5),
    (-54, 64), (-70, 58.5), (-86, 51), (-100, 39.5), (-109, 30), (-115, 20), (-119, 9),
)  # fmt: skip
_DEPTHS = (
    (114, 8), (111.5, 32), (106, 56), (95, 80), (80, 96), (60, 104), (30, 107), (0, 105), (-40, 98), (-70, 88),
    (-90, 74), (-105, 58), (-115, 38), (-119, 20),
)  # fmt: skip
_FRONTS = (
    (114, -70), (111.5, -47), (106, -25), (95, -4), (80, 12), (60, 23), (45, 28), (30, 31), (18, 31.5), (4, 26),
    (-20, 24), (-45, 25.5), (-60, 26.5), (-68, 26), (-80, 24.5), (-95, 23), (-106, 19), (-113, 10), (-119, -14),
)  # fmt: skip
_NOSE_HEIGHTS = (
    (114, 0), (18, 0), (8, 0.8), (2, 2), (-10, 8), (-22, 14.5), (-31, 19.5), (-36, 21), (-40.5, 18.5), (-45, 9.5),
    (-49, 2), (-54, 0), (-119, 0),
)  # fmt: skip
_NOSE_WIDTHS = ((114, 6), (6, 6), (-12, 6.2), (-26, 7.4), (-36, 9.6), (-45, 9.6), (-119, 10))


@dataclass(frozen=True)
class Surface:
    """The grid at rest; arrays ``(R, C)``.

    Attributes
    ----------
    x, y, z
        Positions.
    angle
        Angle around the head: 0 in front, positive on its left.
    strip
        Number of the strip, ``(R,)``.
    nose, upper_lip, lower_lip
        Shapes of these, 1 at their highest.
    """

    x: Values
    y: Values
    z: Values
    angle: Values
    strip: NDArray[np.int64]
    nose: Values
    upper_lip: Values
    lower_lip: Values

    @property
    def points(self) -> Values:
        """Positions ``(R, C, 3)``."""
        return np.stack([self.x, self.y, self.z], axis=-1)

    def rows(self, strip: int) -> slice:
        """Return the rows of a strip."""
        found = np.flatnonzero(self.strip == strip)
        return slice(int(found[0]), int(found[-1]) + 1)

    def nearest(self, x: float, y: float, *, strip: int | None = None) -> tuple[int, int]:
        """Return row and column of the vertex on the front that is nearest to a place."""
        distance = (self.x - x) ** 2 + (self.y - y) ** 2 + np.where(np.abs(self.angle) > 1.7, 1e6, 0)
        if strip is not None:
            distance = np.where((self.strip == strip)[:, None], distance, np.inf)
        row, column = np.unravel_index(int(distance.argmin()), distance.shape)
        return int(row), int(column)


def bell(x: Values, y: Values, at: tuple[float, float], spread: tuple[float, float]) -> Values:
    """Return a Gaussian of unit height."""
    return np.asarray(np.exp(-0.5 * ((x - at[0]) / spread[0]) ** 2 - 0.5 * ((y - at[1]) / spread[1]) ** 2))


def bells(x: Values, y: Values, at: tuple[float, float], spread: tuple[float, float]) -> Values:
    """Return the same Gaussian on both sides of the face."""
    return bell(x, y, at, spread) + bell(x, y, (-at[0], at[1]), spread)


def rise(low: float, high: float, values: Values) -> Values:
    """Return a smooth step from 0 at ``low`` to 1 at ``high``."""
    share = np.clip((np.asarray(values) - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def lid_profile(x: Values) -> Values:
    """Return how far the lids part along the eyes: 1 in the middle, 0 at the corners and beyond."""
    across = (np.abs(x) - 30.5) / 13.5
    return np.asarray((1 - np.clip(np.abs(across), 0, 1) ** 2.1) ** 0.85)


def lid_line(x: Values) -> Values:
    """Return y of the line from the inner to the outer corner of the eyes."""
    return np.asarray(-4 + 2 * np.clip((np.abs(x) - 17) / 27, 0, 1))


def lid_margins(x: Values) -> tuple[Values, Values]:
    """Return y of the upper and lower margin of the lids at rest; they meet beyond the corners of the eyes."""
    lean = 0.12 * (np.abs(x) - 30.5) / 13.5
    profile = lid_profile(x)
    return lid_line(x) + 7.1 * profile * (1 - lean), lid_line(x) - 3.2 * profile * (1 + lean)


def lip_line(x: Values) -> Values:
    """Return y at which the closed lips meet."""
    return np.asarray(
        STOMION_Y - 1.2 * np.clip(np.abs(x) / MOUTH_HALF_WIDTH, 0, 1) ** 2 - 1.0 * np.exp(-((x / 5) ** 2))
    )


@cache
def head_surface() -> Surface:
    """Build the head at rest."""
    angles = _columns()
    across = np.sign(angles) * 74 * np.abs(np.sin(angles)) ** (2 / _EXPONENT)
    # Beside the face the sine falls again, but neither lids nor lips reach there.
    upper, lower = lid_margins(across)
    lips = lip_line(across)
    top = np.full_like(angles, 114.0)
    bottom = np.full_like(angles, -119.0)
    strips = [
        _between(top, upper, _graded(42, (0.5, 2.2, 2.2, 0.9, 0.6))),
        _between(lower, lips, _graded(38, (0.7, 1.0, 1.0, 1.0, 0.8))),
        _between(lips, bottom, _graded(28, (0.7, 0.9, 1.2, 1.2, 0.8))),
    ]
    y = np.concatenate(strips)
    strip = np.repeat(np.arange(3), [len(rows) for rows in strips])
    angle = np.broadcast_to(angles, y.shape)
    half_width, depth, front = (_spline(knots, y) for knots in (_HALF_WIDTHS, _DEPTHS, _FRONTS))
    cosine, sine = np.cos(angle), np.sin(angle)
    x = half_width * np.sign(sine) * np.abs(sine) ** (2 / _EXPONENT)
    z = front - depth + depth * np.sign(cosine) * np.abs(cosine) ** (2 / _EXPONENT)
    height, width = _spline(_NOSE_HEIGHTS, y), _spline(_NOSE_WIDTHS, y)
    nose = height * np.exp(-0.9 * (np.abs(x) / (1.25 * width)) ** 2.2)
    cupid = 1 - 0.12 * np.exp(-0.5 * (x / 3) ** 2)
    upper_lip = np.exp(-(np.abs((y + 63.6) / 4.4) ** 2.4) - np.abs(x / 23) ** 3) * cupid
    lower_lip = np.exp(-(np.abs((y + 73.4) / 4.8) ** 2.2) - np.abs(x / 20) ** 3)
    formed = z + nose + 5.2 * upper_lip + 5.2 * lower_lip + _relief(x, y)
    return Surface(x, y, formed, np.array(angle), strip, nose / 21, upper_lip, lower_lip)


def _relief(x: Values, y: Values) -> Values:
    """Return what else stands out of the face, in mm."""
    return (
        6.8 * bells(x, y, (14.2, -39), (4.4, 5.2))
        - 6.0 * bells(x, y, (7.5, -46.8), (3.4, 2.2))
        - 7.5 * bells(x, y, (30, 1), (14, 9))
        - 4.0 * bells(x, y, (16, -1), (5, 8))
        + 2.0 * bells(x, y, (28, 16), (16, 5.5))
        + 4.5 * bells(x, y, (47, -24), (15, 12))
        - 1.5 * bells(x, y, (42, -56), (14, 14))
        + 1.3 * bells(x, y, (28, 46), (22, 18))
        - 1.2 * bell(x, y, (0, -55), (2.6, 5))
        + 0.7 * bells(x, y, (5, -55), (2.2, 5))
        - 3.0 * bell(x, y, (0, -86), (16, 4.2))
        + 4.5 * bell(x, y, (0, -101), (14, 9))
        - 1.2 * bells(x, y, (26.5, -70), (3.5, 4.5))
    )


def _columns() -> Values:
    """Return the angles of the columns: 1.7 mm apart on the front of the face, 6 mm beside the ears."""
    dense = np.linspace(0, _WIDEST_ANGLE, 8000)
    x = 74 * np.sin(dense) ** (2 / _EXPONENT)
    z = 105 * np.sign(np.cos(dense)) * np.abs(np.cos(dense)) ** (2 / _EXPONENT)
    steps = np.hypot(np.diff(x), np.diff(z))
    spacing = np.interp(np.cumsum(steps), [0, 36, 60, 90, 130], [1.7, 1.8, 3.0, 5.0, 6.5])
    place = np.concatenate([[0], np.cumsum(steps / spacing)])
    half = np.interp(np.linspace(0, place[-1], 46), place, dense)
    return np.concatenate([-half[:0:-1], half])


def _graded(count: int, steps: tuple[float, ...]) -> Values:
    """Return places from 0 to 1 whose distances are in these ratios from the first to the last."""
    sizes = np.interp(np.linspace(0, 1, count - 1), np.linspace(0, 1, len(steps)), steps)
    return np.concatenate([[0], np.cumsum(sizes) / sizes.sum()])


def _between(upper: Values, lower: Values, places: Values) -> Values:
    return upper + (lower - upper) * places[:, None]


def _spline(knots: tuple[tuple[float, float], ...], y: Values) -> Values:
    from scipy.interpolate import PchipInterpolator

    places, values = np.array(knots, dtype=np.float64)[::-1].T
    return np.asarray(PchipInterpolator(places, values, extrapolate=True)(y))
