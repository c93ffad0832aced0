"""Who a face belongs to: shape of the head, age, hair, skin, and how they are drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.faces.rig.shape.surface import Surface, Values, bell, bells, head_surface, rise
from vision_cli.phantoms.faces.surroundings import Skin

Colour = tuple[float, float, float]
"""Linear red, green and blue."""

HairStyle = Literal["bald", "cropped", "short", "tied", "long", "afro"]

Field = Callable[[Surface], tuple[Values | float, Values | float, Values | float]]

MODES: Mapping[str, Field] = {
    "face width": lambda s: (0.050 * s.x, 0, 0),
    "face length": lambda s: (0, np.where(s.y < 0, 0.050 * s.y, 0.03 * s.y), 0),
    "jaw width": lambda s: (0.06 * s.x * (1 - rise(-95, -45, s.y)), 0, 0),
    "chin length": lambda s: (0, -4.5 * (1 - rise(-112, -82, s.y)), 0),
    "chin projection": lambda s: (0, 0, 3.5 * bell(s.x, s.y, (0, -102), (16, 12))),
    "nose length": lambda s: (0, -2.8 * bell(s.x, s.y, (0, -42), (12, 11)), 0),
    "nose projection": lambda s: (0, 0, 3.0 * s.nose),
    "nose width": lambda s: (2.0 * np.sign(s.x) * bells(s.x, s.y, (14, -39), (7, 9)), 0, 0),
    "nose bridge": lambda s: (0, 0, 2.0 * bell(s.x, s.y, (0, -14), (5, 9))),
    "nose tip": lambda s: (0, 2.0 * bell(s.x, s.y, (0, -40), (10, 7)), 1.5 * bell(s.x, s.y, (0, -38), (7, 6))),
    "nose root": lambda s: (0, 0, 2.0 * bell(s.x, s.y, (0, 4), (8, 9))),
    "lip fullness": lambda s: (
        0,
        0.8 * (s.upper_lip * rise(-69, -64, s.y) - s.lower_lip * rise(-69, -74, s.y)),
        1.5 * (s.upper_lip + s.lower_lip),
    ),
    "mouth width": lambda s: (2.2 * np.sign(s.x) * bells(s.x, s.y, (23, -69), (9, 10)), 0, 0),
    "mouth height": lambda s: (0, 2.2 * bell(s.x, s.y, (0, -68), (32, 13)), 0),
    "philtrum": lambda s: (0, -1.5 * bell(s.x, s.y, (0, -61), (20, 8)), 0),
    "brow height": lambda s: (0, 1.8 * bells(s.x, s.y, (32, 18), (20, 9)) * rise(5, 10.5, s.y), 0),
    "brow ridge": lambda s: (0, 0, 2.2 * bells(s.x, s.y, (25, 16), (19, 6))),
    "brow tilt": lambda s: (
        0,
        1.0 * (bells(s.x, s.y, (47, 17), (13, 9)) - bells(s.x, s.y, (14, 15), (9, 9))) * rise(5, 10.5, s.y),
        0,
    ),
    "brow distance": lambda s: (1.3 * np.sign(s.x) * bells(s.x, s.y, (15, 15), (8, 8)) * rise(5, 10.5, s.y), 0, 0),
    "eye depth": lambda s: (0, 0, -2.2 * bells(s.x, s.y, (30, 2), (16, 12))),
    "cheekbones": lambda s: (0, 0, 3.0 * bells(s.x, s.y, (46, -24), (16, 13))),
    "cheeks": lambda s: (0, 0, 4.0 * bells(s.x, s.y, (40, -55), (20, 20))),
    "forehead": lambda s: (0, np.where(s.y > 22, 0.06 * (s.y - 22), 0), -0.05 * np.maximum(s.y - 22, 0)),
    "nose asymmetry": lambda s: (1.1 * bell(s.x, s.y, (0, -38), (14, 16)), 0, 0),
    "mouth asymmetry": lambda s: (0, 0.9 * np.tanh(s.x / 15) * bell(s.x, s.y, (0, -68), (40, 13)), 0),
    "brow asymmetry": lambda s: (0, 0.7 * np.tanh(s.x / 15) * bell(s.x, s.y, (0, 18), (70, 9)) * rise(5, 10.5, s.y), 0),
}
"""Displacements by one standard deviation of each mode, in mm."""

# How far the mean of men lies from the mean of both sexes, in standard deviations; women lie as far the other way.
_MALE_OFFSETS: Mapping[str, float] = {
    "face width": 0.3,
    "face length": 0.35,
    "jaw width": 0.9,
    "chin length": 0.4,
    "chin projection": 0.4,
    "nose width": 0.6,
    "nose projection": 0.4,
    "nose bridge": 0.3,
    "lip fullness": -0.7,
    "brow height": -0.6,
    "brow ridge": 1.0,
    "brow tilt": -0.2,
    "cheeks": -0.1,
    "forehead": 0.1,
}
_LARGEST = 2.2

HAIR_COLOURS = ((0.006, 0.005, 0.005), (0.016, 0.009, 0.006), (0.05, 0.026, 0.013), (0.20, 0.12, 0.05),
                 (0.24, 0.23, 0.22), (0.13, 0.035, 0.012))  # fmt: skip
"""Black, dark, brown, blond, grey and red."""

_BLACK, _DARK, _BROWN, _BLOND, _GREY, _RED = range(6)
_IRISES = ((0.035, 0.016, 0.008), (0.075, 0.036, 0.014), (0.07, 0.12, 0.19), (0.07, 0.095, 0.05))


@dataclass(frozen=True)
class Hair:
    """Hair of the head.

    Attributes
    ----------
    style
        How it is worn.
    colour
        Of hair and beard.
    volume
        How far it stands off the scalp, in mm.
    line
        How much higher than usual the hairline is, in mm.
    fringe
        Share of the forehead that it covers, 0 to 1.
    parting
        Where it is parted: -1 (right) to 1 (left).
    length
        y of the tips of long hair, in mm.
    """

    style: HairStyle = "short"
    colour: Colour = HAIR_COLOURS[_DARK]
    volume: float = 8.0
    line: float = 0.0
    fringe: float = 0.0
    parting: float = 0.4
    length: float = -120.0


@dataclass(frozen=True)
class Identity:
    """A person.

    Attributes
    ----------
    modes
        Standard deviations along `MODES`, in their order.
    is_male
        Sex.
    age
        In years, 18 to 80.
    skin, hair
        Their colours and shape.
    blush
        How red cheeks and nose are, 0 to 1.
    spots
        Strength of pores, freckles and blotches, 0 to 1.
    iris
        Linear colour.
    brows
        Thickness of the brows, 1 is usual.
    lipstick, eyeliner
        0 to 1.
    beard, moustache
        Density, 0 to 1.
    glasses
        Thickness of the frame in mm; 0 is none.
    seed
        Of all that is irregular in skin and hair.
    """

    modes: tuple[float, ...] = (0.0,) * len(MODES)
    is_male: bool = False
    age: float = 35.0
    skin: Skin = field(default_factory=Skin)
    hair: Hair = field(default_factory=Hair)
    blush: float = 0.4
    spots: float = 0.4
    iris: Colour = _IRISES[0]
    brows: float = 1.0
    lipstick: float = 0.0
    eyeliner: float = 0.0
    beard: float = 0.0
    moustache: float = 0.0
    glasses: float = 0.0
    seed: int = 0


@cache
def mode_basis() -> NDArray[np.float32]:
    """Return the displacements by one standard deviation of each mode, ``(M, R, C, 3)`` in mm."""
    surface = head_surface()
    fields = [np.stack(np.broadcast_arrays(*field(surface), surface.x)[:3], axis=-1) for field in MODES.values()]
    stacked = np.stack(fields).astype(np.float32)
    stacked[np.abs(stacked) < 1e-3] = 0
    return stacked


def draw_identity(rng: np.random.Generator) -> Identity:
    """Draw a person: sexes are equally likely, and all shades of skin."""
    is_male = bool(rng.random() < 0.5)
    side = 1 if is_male else -1
    modes = [
        float(np.clip(0.95 * rng.standard_normal(), -_LARGEST, _LARGEST) + side * _MALE_OFFSETS.get(name, 0.0))
        for name in MODES
    ]
    age = float(18 + 60 * rng.beta(1.5, 2.2))
    skin = Skin.random(rng)
    hair = _draw_hair(rng, is_male, age, skin.melanin)
    bearded = float(rng.choice([0.0, 0.3, 0.85], p=[0.5, 0.25, 0.25])) if is_male else 0.0
    dark = skin.melanin > 0.5
    iris = _IRISES[0 if dark else int(rng.choice(4, p=[0.35, 0.25, 0.25, 0.15]))]
    return Identity(
        modes=tuple(modes),
        is_male=is_male,
        age=age,
        skin=skin,
        hair=hair,
        blush=float(rng.beta(1.5, 2.5)),
        spots=float(rng.beta(1.5, 2.0)),
        iris=_varied(rng, iris, 0.2),
        brows=float(np.clip(rng.normal(1.1 if is_male else 0.85, 0.15), 0.55, 1.5)),
        lipstick=0.0 if is_male else float(max(rng.uniform(-0.6, 1), 0)),
        eyeliner=float(rng.uniform(0, 0.25)) if is_male else float(rng.uniform(0, 1)),
        beard=bearded,
        moustache=max(bearded, float(rng.random() < 0.12) * 0.85 if is_male else 0.0),
        glasses=float(rng.uniform(1.2, 3.0)) if rng.random() < 0.14 else 0.0,
        seed=int(rng.integers(2**31)),
    )


def _draw_hair(rng: np.random.Generator, is_male: bool, age: float, melanin: float) -> Hair:
    light = 1 - melanin
    weights = np.array([0.3 + 2 * melanin, 0.6, 0.6 * light, 0.5 * light**2, 0.0, 0.12 * light])
    weights[_GREY] = weights.sum() * float(np.clip((age - 40) / 40, 0, 1.5))
    colour = HAIR_COLOURS[int(rng.choice(6, p=weights / weights.sum()))]
    styles: tuple[HairStyle, ...] = ("bald", "cropped", "short", "tied", "long", "afro")
    chances = [0.06 + 0.15 * (age > 45), 0.25, 0.55, 0.02, 0.08, 0.05] if is_male else [0, 0.04, 0.2, 0.26, 0.5, 0.05]
    chances[5] += 0.25 * max(melanin - 0.55, 0)
    total = np.array(chances) / sum(chances)
    style = styles[int(rng.choice(6, p=total))]
    volumes = {"bald": (0, 0.1), "cropped": (1, 3), "short": (5, 14), "tied": (3, 8), "long": (6, 15), "afro": (20, 38)}
    receding = rng.uniform(0, 14) if is_male and age > 35 else 0.0
    has_fringe = style in ("short", "long") and rng.random() < (0.2 if is_male else 0.3)
    return Hair(
        style=style,
        colour=_varied(rng, colour, 0.2),
        volume=float(rng.uniform(*volumes[style])),
        line=float(rng.normal(0, 3.5) + receding),
        fringe=float(rng.uniform(0.35, 0.8)) if has_fringe else 0.0,
        parting=float(rng.uniform(-1, 1)),
        length=float(rng.uniform(-175, -60)),
    )


def _varied(rng: np.random.Generator, colour: Colour, by: float) -> Colour:
    red, green, blue = np.array(colour) * np.exp(by * rng.standard_normal()) * np.exp(0.05 * rng.standard_normal(3))
    return float(red), float(green), float(blue)
