"""Displacements of the head's surface by action units, left and right, as linear fields.

An action unit at its most intense moves landmarks as the scanned shapes of the ICT face model do (their table is
`MEASURED`); between 0 and 5 the displacement grows in proportion. What is not linear (lids, lips that touch, the teeth)
is in `deformation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.faces.rig.shape.surface import CHIN, Surface, Values, bell, head_surface, lip_line, rise

BILATERAL = tuple(str(n) for n in (1, 2, 4, 5, 6, 7, *range(9, 21), 22, 23, 24, 25, 26, 27, 32, 38, 39, 43))
"""Action units of both sides: those that recognisers name, and 43, closed eyes."""

SIDED = ("1", "2", "4", "6", "10", "12", "14")
"""Action units that are also known as those of one side, with L or R before the number."""

NAMES = (*BILATERAL, *(f"{side}{number}" for number in SIDED for side in "LR"))
STRONGEST = 5.0

Region = Literal["all", "brow", "below eye", "above mouth", "below mouth"]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Pull:
    """A Gaussian displacement of the left half of the face; the right half mirrors it.

    Attributes
    ----------
    at
        Its centre ``(x, y)``.
    move
        Displacement at the centre when the action unit is at its most intense.
    spread
        Standard deviations along x and y.
    region
        Part of the face that it leaves alone or not.
    """

    at: tuple[float, float]
    move: Vector
    spread: tuple[float, float]
    region: Region = "all"


PULLS: Mapping[str, tuple[Pull, ...]] = {
    "1": (Pull((13, 17), (0.5, 4.9, 0.6), (9, 15), "brow"), Pull((16, 12), (0, 0.8, 0), (8, 6), "brow")),
    "2": (Pull((47, 19), (0.8, 8.1, 0), (13.5, 15), "brow"),),
    "4": (
        Pull((25, 17), (-1.6, -6.1, 0.6), (10, 10), "brow"),
        Pull((11, 15), (-1.5, 0.9, 1.6), (9, 9), "brow"),
        Pull((2, 17), (-0.6, -1.2, -1.0), (4, 9), "brow"),
    ),
    "6": (
        Pull((38, -25), (0.8, 6.6, 3.4), (16, 9.5), "below eye"),
        Pull((53, -6), (1.2, 1.2, 0.6), (9, 9)),
    ),
    "9": (
        Pull((16, -39), (1.2, 9.3, 0.5), (7.5, 8)),
        Pull((10, -20), (0.4, 4.2, 1.6), (7, 9)),
        Pull((9, -62), (0.3, 7.8, 1.2), (13, 8), "above mouth"),
        Pull((13, 13), (-1.6, -4.2, 1.2), (10, 8), "brow"),
        Pull((25, -27), (0, 3.0, 2.4), (10, 8), "below eye"),
    ),
    "10": (
        Pull((9, -64), (0.3, 9.4, 1.2), (14, 9), "above mouth"),
        Pull((17, -42), (0.8, 2.2, 0.4), (7, 7)),
        Pull((28, -42), (0, 2.6, 3.0), (9, 10)),
    ),
    "11": (
        Pull((24, -47), (0, 3.4, 2.6), (8, 9)),
        Pull((18, -61), (0.3, 2.0, 0.4), (8, 7), "above mouth"),
    ),
    "12": (
        Pull((25, -70), (6.6, 9.6, -8.3), (11, 11)),
        Pull((38, -42), (0.8, 5.4, 5.6), (13, 11)),
        Pull((12, -80), (0.8, 1.5, -1.0), (14, 10), "below mouth"),
        Pull((12, -64), (0.8, 0.8, -1.5), (11, 6), "above mouth"),
    ),
    "13": (
        Pull((25, -70), (0.8, 7.5, -2.2), (8, 10)),
        Pull((36, -48), (0, 3.0, 5.0), (11, 10)),
    ),
    "14": (
        Pull((26, -70), (0.8, 2.6, -6.5), (6.5, 8)),
        Pull((37, -66), (0.6, 1.0, 2.4), (7, 10)),
    ),
    "15": (
        Pull((25, -70), (1.9, -4.3, -2.0), (9, 9)),
        Pull((29, -83), (0, -1.0, 1.8), (8, 7)),
    ),
    "16": (
        Pull((9, -75), (0.2, -6.8, 1.2), (13, 8), "below mouth"),
        Pull((24, -80), (0.5, -1.6, 0), (8, 8), "below mouth"),
    ),
    "17": (
        Pull((7, -98), (0, 11.4, 0.8), (14, 11), "below mouth"),
        Pull((9, -78), (0, 2.4, 3.2), (13, 7), "below mouth"),
        Pull((9, -65), (0, 1.6, 1.0), (13, 6), "above mouth"),
        Pull((24, -72), (0, -0.8, 0), (6, 6)),
    ),
    "18": (
        Pull((24, -70), (-4.4, 2.1, 9.0), (9, 11)),
        Pull((8, -68), (-1.4, 0, 4.6), (10, 11)),
    ),
    "19": (Pull((8, -75), (0, -6.0, 0.5), (13, 8), "below mouth"),),
    "20": (
        Pull((25, -70), (5.6, -2.3, -6.8), (11, 12)),
        Pull((38, -78), (2.2, -1.6, -0.5), (12, 12)),
    ),
    "22": (
        Pull((9, -63), (-0.6, 7.7, 7.1), (12, 7), "above mouth"),
        Pull((9, -75), (-0.6, -7.9, 7.2), (12, 8), "below mouth"),
        Pull((24, -70), (-3.6, 0, 4.6), (8, 10)),
    ),
    "23": (
        Pull((25, -70), (-2.2, 0.4, 0.6), (8, 9)),
        Pull((9, -68), (0, 0, 0.9), (13, 7)),
    ),
    "24": (
        Pull((9, -75), (0, 2.6, -0.8), (14, 7), "below mouth"),
        Pull((8, -95), (0, 1.6, 0.6), (13, 9), "below mouth"),
        Pull((25, -70), (-0.8, 0.2, -0.8), (8, 8)),
    ),
    "26": (Pull((25, -70), (-1.2, 0, 0), (9, 11)),),
    "27": (Pull((25, -70), (-3.2, 0, 0), (9, 11)),),
    "32": (Pull((9, -74), (0, 3.6, -6.5), (13, 6), "below mouth"),),
    "38": (Pull((16.5, -40), (2.4, 0.5, 0), (5.5, 6)),),
    "39": (Pull((16.5, -40), (-2.2, -0.4, 0), (5.5, 6)),),
}
"""Fields by action unit; 26 and 27 move the jaw besides; those of 5, 7, 25 and 43 are not linear."""

JAW_DROP: Vector = (0.0, -35.0, -21.0)
"""Displacement of the lower lip by 27; 26 reaches `JAW_SHARE` of it."""

JAW_SHARE = 0.40
_CORNER_SHARE = 0.37

Landmark = Literal[
    "inner brow", "outer brow", "middle brow", "cheek", "ala", "upper lip", "lower lip", "corner", "chin", "upper lid"
]
LANDMARKS: Mapping[Landmark, tuple[float, float]] = {
    "inner brow": (14, 14),
    "middle brow": (25, 17),
    "outer brow": (48, 18),
    "cheek": (38, -25),
    "ala": (17, -40),
    "upper lip": (5, -63.5),
    "lower lip": (5, -75),
    "corner": (25, -70),
    "chin": (4, -98),
    "upper lid": (31, 4.2),
}

MEASURED: tuple[tuple[str, Landmark, tuple[float | None, float | None, float | None]], ...] = (
    ("1", "inner brow", (0.5, 5.5, None)),
    ("2", "outer brow", (None, 8.0, None)),
    ("4", "inner brow", (-2.1, -2.2, None)),
    ("5", "upper lid", (None, 3.3, None)),
    ("6", "cheek", (None, 6.8, None)),
    ("9", "ala", (None, 10.0, None)),
    ("9", "upper lip", (None, 7.6, None)),
    ("10", "upper lip", (None, 8.9, None)),
    ("12", "corner", (7.0, 10.4, -8.9)),
    ("14", "corner", (0.8, 2.7, -5.9)),
    ("15", "corner", (1.9, -4.5, -1.8)),
    ("16", "lower lip", (None, -6.5, None)),
    ("17", "chin", (None, 11.0, None)),
    ("18", "corner", (-4.6, 2.1, 9.7)),
    ("20", "corner", (6.5, -3.0, -6.9)),
    ("22", "upper lip", (None, 7.5, 7.0)),
    ("22", "lower lip", (None, -7.5, 7.0)),
    ("24", "lower lip", (None, 3.0, None)),
    ("27", "lower lip", (None, -35.0, -21.0)),
    ("27", "corner", (None, -13.0, None)),
    ("43", "upper lid", (None, -9.5, None)),
)
"""Displacements in mm at the most intense: action unit, landmark, and x, y, z where they were measured."""


@dataclass(frozen=True)
class Basis:
    """Displacements of the surface.

    Attributes
    ----------
    fields
        ``(N, 2, R, C, 3)`` in mm at the most intense; left, then right.
    """

    fields: NDArray[np.float32]


def side_shares(x: Values) -> tuple[Values, Values]:
    """Return how much of a place belongs to the left and to the right half of the face."""
    left = rise(-6, 6, x)
    return left, 1 - left


@cache
def displacement_basis() -> Basis:
    """Build the fields of all action units of `BILATERAL`."""
    surface = head_surface()
    fields = np.zeros((len(BILATERAL), 2, *surface.x.shape, 3), np.float32)
    for place, number in enumerate(BILATERAL):
        for side, sign in enumerate((1.0, -1.0)):
            for pull in PULLS.get(number, ()):
                footprint = _footprint(surface, pull, sign)
                fields[place, side] += footprint[..., None] * np.array([sign * pull.move[0], *pull.move[1:]])
    jaw = _jaw(surface)
    for side, share in enumerate(side_shares(surface.x)):
        drop = (jaw * share)[..., None] * np.array(JAW_DROP)
        fields[BILATERAL.index("26"), side] += JAW_SHARE * drop
        fields[BILATERAL.index("27"), side] += drop
    # Tails of Gaussians that nobody sees are denormal numbers, which cost a processor a hundred times as much.
    fields[np.abs(fields) < 1e-3] = 0
    return Basis(fields)


def _footprint(surface: Surface, pull: Pull, sign: float) -> Values:
    x, y = sign * surface.x, surface.y
    # Near the middle both halves add up to the displacement of one: a centre on the midline is not counted twice.
    footprint = bell(x, y, pull.at, pull.spread) * rise(-6, 6, x)
    lower = (surface.strip == CHIN)[:, None]
    # Across the corners of the mouth a field of one lip fades into the skin of the other: nothing tears.
    across = rise(18, 24.5, x) * np.exp(-(((y - lip_line(x)) / 8) ** 2))
    match pull.region:
        case "brow":
            footprint = footprint * rise(5, 10.5, y)
        case "below eye":
            footprint = footprint * (1 - rise(-11, -7, y))
        case "above mouth":
            footprint = footprint * np.where(lower, across, 1.0)
        case "below mouth":
            footprint = footprint * np.where(lower, 1.0, across)
        case "all":
            pass
    return footprint


def _jaw(surface: Surface) -> Values:
    """Return the share of the jaw's displacement: 1 at lower lip and chin, continuous at the corners of the mouth."""
    x, y = np.abs(surface.x), surface.y
    inside = 1 - rise(12, 27, x)
    chin = 1 - rise(-97, -70, y)
    below = inside + (1 - inside) * (_CORNER_SHARE + (1 - _CORNER_SHARE) * chin)
    above = _CORNER_SHARE * (1 - inside) * rise(-20, -69, y)
    share = np.where((surface.strip == CHIN)[:, None], below, above)
    # The hinge is before the ears: the skin there stays.
    return np.asarray(share * (1 - rise(0.75, 1.45, np.abs(surface.angle))))


def side_intensities(aus: Mapping[str, float]) -> NDArray[np.float32]:
    """Return the intensities of each side, ``(N, 2)`` from 0 to 1, in the order of `BILATERAL`.

    Parameters
    ----------
    aus
        Intensities from 0 to 5 by names of `NAMES`; a side has the larger of its own and that of both sides.

    Raises
    ------
    ValueError
        If a name is unknown or an intensity is outside 0 to 5.
    """
    found = np.zeros((len(BILATERAL), 2), np.float32)
    for name, intensity in aus.items():
        if name not in NAMES:
            raise ValueError(f"{name}: unknown action unit; one of {', '.join(NAMES)} expected")
        if not 0 <= intensity <= STRONGEST:
            raise ValueError(f"AU {name}: intensity {intensity:g}; 0 to 5 expected")
        sides = {"L": [0], "R": [1]}.get(name[0], [0, 1])
        row = BILATERAL.index(name.lstrip("LR"))
        found[row, sides] = np.maximum(found[row, sides], intensity / STRONGEST)
    return found
