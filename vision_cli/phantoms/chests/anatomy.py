"""The soft parts of a chest: body, lungs with their domes, mediastinum, heart, hila, vessels, breasts, bowel gas.

Everything is drawn as attenuation that adds up along the ray, in the frame of the lungs. Film values follow from it in
`films`. ``d`` is the distance from the mid-line, 0 there and 1 at the outer limit of the lung, so that both sides are
drawn by the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.canvas import Canvas, soft_step
from vision_cli.phantoms.chests.values import LungBox, Side, View

_MEAN_CENTRE, _MEAN_SIZE = (0.5, 0.465), (0.80, 0.69)
_CENTRE_SD, _SIZE_SD = (0.03, 0.06), (0.09, 0.11)
_MARGIN = 0.02

_VESSEL_LEVELS = ((0.012, 0.12), (0.007, 0.10), (0.0042, 0.085))
"""Width and attenuation of vessels, from the hilum outwards."""

_VESSEL_LENGTH = 0.105
"""Between two forks."""

SIGNS: dict[Side, int] = {"right": -1, "left": 1}
"""Where the sides of the patient are from the mid-line of the film."""


@dataclass(frozen=True)
class Anatomy:
    """What differs from chest to chest.

    Attributes
    ----------
    box
        The frame of the lungs; mean and sd are those of 433 public lung masks.
    view
        From behind or in front: in front the heart is larger and the shoulder blades cover the lungs.
    build
        -1 thin to 1 heavy.
    is_female
        Has breast shadows.
    heart_scale
        1 for a normal heart.
    mediastinum_scale
        1 for a normal mediastinum.
    dome_tops
        v of the domes of the diaphragm, right and left.
    lung_power
        Exponent of the super-ellipses of the lungs.
    tilt
        Shift of the mid-line from the top to the bottom: a patient who does not stand straight.
    """

    box: LungBox
    view: View
    build: float
    is_female: bool
    heart_scale: float
    mediastinum_scale: float
    dome_tops: tuple[float, float]
    lung_power: float
    tilt: float


@dataclass(frozen=True)
class Chest:
    """A chest on its canvas.

    Attributes
    ----------
    canvas, anatomy
        What it is drawn on, and whose it is.
    attenuation
        ``(side, side)``, changed in place by what is drawn into the chest.
    lungs
        ``(side, side)`` 0 to 1, right and left together.
    distance
        ``(side, side)`` ``d`` of each pixel.
    """

    canvas: Canvas
    anatomy: Anatomy
    attenuation: Floats
    lungs: Floats
    distance: Floats = field(repr=False)

    def add(self, shadow: Floats) -> None:
        """Add to the attenuation in place."""
        np.add(self.attenuation, shadow, out=self.attenuation, casting="same_kind")


def draw_box(rng: np.random.Generator) -> LungBox:
    """Return a lung box as they are in public chest films, inside the film."""
    centre = rng.normal(_MEAN_CENTRE, _CENTRE_SD)
    half = np.clip(rng.normal(_MEAN_SIZE, _SIZE_SD), 0.4, 0.96) / 2
    low, high = np.clip(centre - half, _MARGIN, 0.4), np.clip(centre + half, 0.6, 1 - _MARGIN)
    return LungBox(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def draw_chest(
    rng: np.random.Generator, side: int, *, heart_scale: float = 1.0, mediastinum_scale: float = 1.0
) -> Chest:
    """Return the soft parts of a random chest.

    Parameters
    ----------
    rng
        Of the chest.
    side
        Of the picture, px.
    heart_scale, mediastinum_scale
        How much wider than normal they are.
    """
    view: View = "AP" if rng.random() < 0.4 else "PA"
    right_top = float(rng.normal(0.85, 0.025))
    anatomy = Anatomy(
        box=draw_box(rng),
        view=view,
        build=float(np.clip(rng.normal(0, 0.5), -1, 1)),
        is_female=bool(rng.random() < 0.45),
        heart_scale=heart_scale * float(rng.normal(1.0 if view == "PA" else 1.1, 0.06)),
        mediastinum_scale=mediastinum_scale * float(rng.normal(1.0 if view == "PA" else 1.12, 0.08)),
        dome_tops=(right_top, right_top + float(rng.normal(0.03, 0.015))),
        lung_power=float(rng.uniform(2.5, 3.2)),
        tilt=float(rng.normal(0, 0.012)),
    )
    canvas = Canvas(side, anatomy.box)
    body = _draw_body(rng, canvas, anatomy)
    middle = np.float32(0.5) + np.float32(anatomy.tilt) * (canvas.v - np.float32(0.5))
    offset = canvas.u - middle
    distance = np.abs(offset) * np.float32(2)
    lungs, depth = _draw_lungs(canvas, anatomy, offset, distance)
    attenuation = body * (np.float32(1) - np.float32(rng.uniform(0.76, 0.85)) * depth)
    chest = Chest(canvas, anatomy, attenuation, lungs, distance)
    _draw_heart_and_vessels(rng, chest, offset, body)
    _draw_lung_vessels(rng, chest)
    _draw_outside(rng, chest, body)
    return chest


def _draw_body(rng: np.random.Generator, canvas: Canvas, anatomy: Anatomy) -> Floats:
    """Return the thickness of trunk, neck and shoulders."""
    wide = 1 + 0.1 * anatomy.build + rng.normal(0, 0.02)
    shoulder = rng.normal(0.0, 0.03)
    arms_away = rng.uniform(0, 0.25)
    outline = np.array(
        [
            (0.15, -0.6),
            (0.15, -0.22),
            (0.20, -0.16 + shoulder),
            (0.36, -0.10 + shoulder),
            (0.58, -0.06 + shoulder),
            (0.74, 0.02 + shoulder),
            (0.84, 0.16),
            (0.86 + arms_away, 0.34),
            (0.72 + arms_away / 2, 0.44),
            (0.60, 0.52),
            (0.575, 0.68),
            (0.575, 0.95),
            (0.59, 1.2),
            (0.60, 1.7),
        ]
    )
    outline[:, 0] *= wide
    right = np.stack([0.5 - outline[:, 0], outline[:, 1]], 1)
    left = np.stack([0.5 + outline[:, 0] * rng.normal(1, 0.02), outline[:, 1]], 1)[::-1]
    filled = canvas.polygon(np.concatenate([right, left]))
    thickness = 0.35 * canvas.blur(filled, 0.008) + 0.65 * canvas.blur(filled, 0.05)
    # the belly is thicker than the shoulders, and both than the neck
    profile = np.interp(canvas.v, [-0.5, -0.2, 0.1, 0.8, 1.15], [0.75, 0.8, 0.95, 1.1, 1.45]).astype(np.float32)
    return np.asarray(thickness * profile * np.float32(1 + 0.2 * anatomy.build), np.float32)


def _draw_lungs(canvas: Canvas, anatomy: Anatomy, offset: Floats, distance: Floats) -> tuple[Floats, Floats]:
    """Return where the lungs are and how deep they are there, both 0 to 1."""
    v = canvas.v
    centre = np.float32(0.50) + np.float32(0.10) * v
    half = np.float32(0.38) + np.float32(0.07) * np.clip(v, 0, 1)
    is_left = offset > 0
    # the heart takes its room from the left lung; its shadow is drawn later, over the lung behind it
    power = anatomy.lung_power
    across = np.abs((distance - centre) / half) ** np.float32(power)
    radius = across + np.abs((v - np.float32(0.66)) / np.float32(0.67)) ** np.float32(power)
    inside = soft_step(np.float32(1) - radius, 4.0 / canvas.unit)
    tops = np.where(is_left, np.float32(anatomy.dome_tops[1]), np.float32(anatomy.dome_tops[0]))
    lateral = np.clip((distance - np.float32(0.42)) / np.float32(0.58), 0, None)
    medial = np.clip((np.float32(0.42) - distance) / np.float32(0.42), 0, None)
    dome = tops + (np.float32(1.07) - tops) * lateral**2.4 + np.float32(0.05) * medial**2
    above = soft_step(dome - v, 0.7 / canvas.unit)
    lungs = np.asarray(inside * above, np.float32)
    depth = lungs * np.sqrt(np.clip((np.float32(1.15) - radius) * np.float32(1.4), 0, 1))
    # lung behind and below the domes darkens the belly's upper edge
    behind = inside * (np.float32(1) - above) * np.clip(np.float32(1) - (v - dome) * np.float32(12), 0, 1)
    return lungs, np.asarray(depth + np.float32(0.18) * behind, np.float32)


def heart_shape(anatomy: Anatomy) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return centre and half axes of the main ellipse of the heart, frame of the lungs."""
    scale = anatomy.heart_scale
    return (0.5 + 0.085 * scale, 0.755 - 0.03 * (scale - 1)), (0.225 * scale, 0.155 * (0.4 + 0.6 * scale))


def _draw_heart_and_vessels(rng: np.random.Generator, chest: Chest, offset: Floats, body: Floats) -> None:
    canvas, anatomy = chest.canvas, chest.anatomy
    edge = 5.0 / canvas.unit
    wide = anatomy.mediastinum_scale
    centre, half = heart_shape(anatomy)
    tissue = np.zeros_like(body)
    above_belly = soft_step(np.float32(1.02) - canvas.v, 0.12)
    parts = (
        (centre, half, 0.5, 0.58),
        ((0.5 - 0.025 * anatomy.heart_scale, 0.73), (0.08 * anatomy.heart_scale, 0.19), 0.0, 0.52),
        ((0.55, 0.55), (0.085 * wide, 0.21), -0.32, 0.52),
        ((0.5 + 0.065 * wide, 0.285), (0.05 * wide, 0.058), 0.0, 0.5),
        ((0.5, 0.2), (0.08 * wide, 0.6), 0.0, 0.30),
        ((0.455, 0.36), (0.04 * wide, 0.2), 0.0, 0.25),
    )
    for middle, axes, tilt, amount in parts:
        jitter = rng.normal(0, 0.008, 2)
        radius = canvas.ellipse_radius((middle[0] + jitter[0], middle[1] + jitter[1]), axes, tilt)
        inside = soft_step(np.float32(1) - radius, edge / axes[0] * 0.5)
        shadow = np.float32(amount) * inside * (np.float32(1.15) - np.float32(0.45) * radius)
        np.maximum(tissue, shadow, out=tissue)
    # what stands before the spine instead of before a lung adds less to what is white already
    over_lungs = np.float32(0.35) + np.float32(0.65) * chest.lungs
    chest.add(canvas.blur(tissue, 0.004) * above_belly * over_lungs * np.minimum(body, np.float32(1.2)))
    middle_shadow = np.exp(np.float32(-0.5) * (offset / np.float32(0.055)) ** 2)
    chest.add(np.float32(0.10) * middle_shadow * body)
    _draw_airways(rng, chest)


def _draw_airways(rng: np.random.Generator, chest: Chest) -> None:
    canvas = chest.canvas
    carina = (0.5 + rng.normal(0, 0.008), 0.36 + rng.normal(0, 0.015))
    trachea = np.array([(0.5, -0.5), (0.497, 0.1), carina])
    right = np.array([carina, (0.44, 0.43), (0.41, 0.47)])
    left = np.array([carina, (0.55, 0.43), (0.59, 0.46)])
    air = canvas.lines([trachea], 0.045) + 0.6 * canvas.lines([right, left], 0.03)
    chest.add(-np.float32(0.2) * canvas.blur(air, 0.006))


def _draw_lung_vessels(rng: np.random.Generator, chest: Chest) -> None:
    """Draw the hila, and vessels that branch from them, thinner with every fork."""
    canvas = chest.canvas
    starts, angles, signs = [], [], []
    for sign in SIGNS.values():
        hilum = np.array([0.5 + sign * 0.115, 0.44 - 0.02 * sign]) + rng.normal(0, 0.01, 2)
        shadow = canvas.spot((float(hilum[0]), float(hilum[1])), (0.035, 0.065))
        chest.add(np.float32(rng.uniform(0.14, 0.26)) * shadow)
        # angles from straight up (-pi/2) over outwards (0) to straight down (pi/2)
        angles.append(np.linspace(-1.35, 1.45, 8) + rng.normal(0, 0.15, 8))
        starts.append(np.tile(hilum, (8, 1)))
        signs.append(np.full(8, sign))
    start, angle, sign_of = np.concatenate(starts), np.concatenate(angles), np.concatenate(signs)
    drawn = np.zeros_like(chest.attenuation)
    for width, amount in _VESSEL_LEVELS:
        bends = angle[:, None] + np.cumsum(rng.normal(0, 0.2, (len(angle), 4)), 1)
        steps = _VESSEL_LENGTH / 4 * np.stack([sign_of[:, None] * np.cos(bends), 1.1 * np.sin(bends)], 2)
        curves = start[:, None] + np.concatenate([np.zeros_like(steps[:, :1]), np.cumsum(steps, 1)], 1)
        drawn += np.float32(amount) * canvas.lines(curves, width)
        forks = np.stack([bends[:, -1] - 0.33, bends[:, -1] + 0.33], 1) + rng.normal(0, 0.15, (len(angle), 2))
        start, angle, sign_of = np.repeat(curves[:, -1], 2, axis=0), forks.ravel(), np.repeat(sign_of, 2)
    chest.add(np.float32(rng.uniform(0.7, 1.3)) * canvas.blur(drawn, 0.003) * chest.lungs)


def _draw_outside(rng: np.random.Generator, chest: Chest, body: Floats) -> None:
    """Draw what lies before and below the lungs: breasts, and gas in stomach and bowel."""
    canvas, anatomy = chest.canvas, chest.anatomy
    amount = rng.uniform(0.1, 0.3) if anatomy.is_female else rng.uniform(0, 0.06)
    half = (0.2 + 0.03 * anatomy.build, 0.2 + 0.05 * anatomy.build)
    low = rng.uniform(0.68, 0.85)
    heavier_below = np.clip(np.float32(0.6) + (canvas.v - np.float32(low)) * 2, 0, 1)
    over_lungs = np.float32(0.15) + np.float32(0.85) * chest.lungs
    for sign in SIGNS.values():
        radius = canvas.ellipse_radius((0.5 + sign * rng.normal(0.29, 0.015), low + rng.normal(0, 0.012)), half)
        fold = soft_step(np.float32(1) - radius, 0.12) * heavier_below
        chest.add(np.float32(amount) * fold * np.minimum(body, 1) * over_lungs)
    if rng.random() < 0.6:
        bubble = canvas.ellipse_radius(
            (rng.normal(0.70, 0.03), anatomy.dome_tops[1] + rng.uniform(0.07, 0.13)), (rng.uniform(0.04, 0.1), 0.04)
        )
        chest.add(-np.float32(rng.uniform(0.2, 0.6)) * np.clip(np.float32(1.2) - bubble, 0, 1))
    for _ in range(int(rng.integers(0, 5))):
        place = (float(rng.uniform(0.2, 0.85)), float(rng.uniform(1.05, 1.4)))
        gas = canvas.ellipse_radius(place, (rng.uniform(0.02, 0.06), rng.uniform(0.02, 0.05)), rng.uniform(0, 3))
        chest.add(-np.float32(rng.uniform(0.1, 0.4)) * np.clip(np.float32(1.2) - gas, 0, 1))
