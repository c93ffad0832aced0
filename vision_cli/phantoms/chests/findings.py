"""The findings that are drawn into a chest, each with its side, zone and size, and the places where it is.

Heart and mediastinum are widened while the chest itself is drawn; everything else is added to its attenuation here.
Places are in the frame of the lungs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.anatomy import SIGNS, Chest, heart_shape
from vision_cli.phantoms.chests.canvas import soft_step
from vision_cli.phantoms.chests.devices import draw_devices
from vision_cli.phantoms.chests.skeleton import RIB_PAIRS, clavicle, posterior_ribs
from vision_cli.phantoms.chests.values import FINDINGS, Finding, Place, Side, Size, Zone

_SIZES: tuple[Size, ...] = ("small", "moderate", "large")
_INVISIBLE = 0.08
"""Share of findings that the film does not show: a sentence names more than can be seen."""

_COUNTS = (0.12, 0.36, 0.28, 0.16, 0.08)
"""Shares of films with 0 to 4 findings."""

_WIDENED = {"cardiomegaly": (1.12, 1.4), "enlarged cardiomediastinum": (1.3, 1.9)}

_ZONE_V: dict[Zone, tuple[float, float]] = {"upper": (0.14, 0.32), "mid": (0.37, 0.56), "lower": (0.62, 0.84)}
_ZONE_D: dict[Zone, tuple[float, float]] = {"upper": (0.32, 0.68), "mid": (0.36, 0.80), "lower": (0.38, 0.88)}


def draw_names(rng: np.random.Generator) -> tuple[str, ...]:
    """Return the names of 0 to 4 findings of a film."""
    count = int(rng.choice(len(_COUNTS), p=_COUNTS))
    return tuple(str(name) for name in rng.choice(FINDINGS, count, replace=False))


def draw_contrast(rng: np.random.Generator) -> float:
    """Return the contrast of a finding: mostly plain to see, sometimes faint, sometimes 0."""
    return 0.0 if rng.random() < _INVISIBLE else float(rng.uniform(0.45, 1.1))


def widening(rng: np.random.Generator, name: str, names: Sequence[str], contrast: float) -> float:
    """Return how much wider than normal the heart or the mediastinum is; 1 where it is not among the findings."""
    if name not in names or contrast == 0:
        return 1.0
    low, high = _WIDENED[name]
    return float(rng.uniform(low, high))


def add_finding(rng: np.random.Generator, chest: Chest, name: str, contrast: float) -> Finding:
    """Draw a finding into a chest and return it.

    Parameters
    ----------
    rng
        Of the finding.
    chest
        Its attenuation is changed in place.
    name
        One of `FINDINGS`.
    contrast
        Share of its full attenuation.
    """
    size = _SIZES[int(rng.choice(3, p=(0.4, 0.4, 0.2)))]
    scale = {"small": 0.7, "moderate": 1.0, "large": 1.45}[size] * rng.uniform(0.9, 1.1)
    form, places = _DRAWERS[name](rng, chest, scale, contrast)
    return Finding(name, form, tuple(places), size, contrast)


Drawn = tuple[str, list[Place]]


def _sides(rng: np.random.Generator, both: float) -> list[Side]:
    """Return one side, or with this probability both."""
    sides: list[Side] = ["right", "left"] if rng.random() < 0.5 else ["left", "right"]
    return sides if rng.random() < both else sides[:1]


def _lung_place(rng: np.random.Generator, side: Side, half: float, zone: Zone | None = None) -> Place:
    chosen: Zone = zone if zone is not None else (("upper", "mid", "lower")[int(rng.choice(3, p=(0.27, 0.3, 0.43)))])
    d, v = rng.uniform(*_ZONE_D[chosen]), rng.uniform(*_ZONE_V[chosen])
    return Place(side, chosen, (0.5 + SIGNS[side] * float(d) / 2, float(v)), (half, half))


def _ragged(rng: np.random.Generator, chest: Chest, place: Place, sharpness: float, turn: float = 3.0) -> Floats:
    """Return a cloud with an irregular edge around a place, 0 to 1; the sharper, the more solid."""
    canvas = chest.canvas
    radius = np.sqrt(canvas.ellipse_radius(place.centre, place.extent, float(rng.uniform(0, turn))))
    radius += np.float32(0.22) * canvas.clouds(rng, 11)
    return soft_step(np.float32(0.95) - radius, 0.75 / sharpness)


def _add(chest: Chest, shadow: Floats, amount: float) -> None:
    chest.add(np.float32(amount) * shadow * chest.lungs)


def _opacity(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    places = [_lung_place(rng, side, 0.085 * scale) for side in _sides(rng, 0.2)]
    for place in places:
        _add(chest, _ragged(rng, chest, place, 1.0), 0.42 * contrast)
    return "lung opacity", places


def _consolidation(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    places = [_lung_place(rng, side, 0.09 * scale) for side in _sides(rng, 0.15)]
    for place in places:
        solid = _ragged(rng, chest, place, 2.2)
        centre = np.array(place.centre)
        hilum = np.array([0.5 + (0.09 if centre[0] > 0.5 else -0.09), 0.45])
        ends = centre + rng.normal(0, 0.03, (3, 2))
        airways = [np.stack([centre + (hilum - centre) * 0.5, end]) for end in ends]
        air = chest.canvas.blur(chest.canvas.lines(airways, 0.009), 0.003)
        _add(chest, solid * (np.float32(1) - np.float32(0.45) * air), 0.62 * contrast)
    return "consolidation", places


def _pneumonia(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    places = [_lung_place(rng, side, 0.10 * scale) for side in _sides(rng, 0.25)]
    for place in places:
        patches = np.zeros_like(chest.attenuation)
        for _ in range(int(rng.integers(3, 6))):
            shift = rng.normal(0, 0.05 * scale, 2)
            half = 0.045 * scale * float(rng.uniform(0.7, 1.3))
            patches += chest.canvas.spot((place.centre[0] + shift[0], place.centre[1] + shift[1]), (half, half))
        mottled = np.clip(patches * (np.float32(1) + np.float32(0.4) * chest.canvas.clouds(rng, 24)), 0, 1.3)
        _add(chest, mottled, 0.42 * contrast)
    return "pneumonia", places


def _atelectasis(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    sides, canvas = _sides(rng, 0.3), chest.canvas
    places = []
    is_linear = rng.random() < 0.65
    for side in sides:
        zone: Zone = "lower" if rng.random() < 0.75 else "mid"
        place = _lung_place(rng, side, 0.09 * scale, zone)
        (u, v), half = place.centre, place.extent[0]
        if is_linear:
            bands = []
            for _ in range(int(rng.integers(1, 4))):
                middle, slope = v + rng.normal(0, 0.025), rng.normal(0, 0.18)
                t = np.linspace(-1, 1, 6)
                bands.append(np.stack([u + half * t, middle + slope * half * t + 0.01 * t**2], 1))
            _add(chest, canvas.blur(canvas.lines(bands, 0.013), 0.004), 0.5 * contrast)
            places.append(Place(side, zone, (u, v), (half, 0.04)))
            continue
        # a wedge of collapsed lung between the heart and the dome
        sign = SIGNS[side]
        corners = np.array(
            [(0.5 + sign * 0.08, 0.55), (0.5 + sign * 0.08, 0.95), (0.5 + sign * (0.08 + 0.2 * scale), 0.93)]
        )
        _add(chest, canvas.blur(canvas.polygon(corners), 0.008), 0.5 * contrast)
        middle = corners.mean(0)
        places.append(Place(side, "lower", (float(middle[0]), float(middle[1])), (0.09 * scale, 0.13)))
    return ("linear atelectasis" if is_linear else "collapse"), places


def _edema(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    canvas = chest.canvas
    haze = np.zeros_like(chest.attenuation)
    places = []
    for side, sign in SIGNS.items():
        centre = (0.5 + sign * 0.17, 0.50 + float(rng.normal(0, 0.02)))
        haze += canvas.spot(centre, (0.09 * scale, 0.15 * scale))
        places.append(Place(side, "mid", centre, (0.09 * scale, 0.15 * scale)))
    lines = []
    for _ in range(int(rng.integers(6, 14))):
        side_sign = rng.choice((-1, 1))
        v = rng.uniform(0.62, 0.92)
        lines.append(np.array([(0.5 + side_sign * 0.48, v), (0.5 + side_sign * rng.uniform(0.43, 0.46), v + 0.004)]))
    septa = canvas.lines(lines, 0.004)
    mottled = np.float32(1) + np.float32(0.25) * canvas.clouds(rng, 26)
    _add(chest, haze * mottled + np.float32(0.5) * septa, 0.34 * contrast)
    return "edema", places


def _lesion(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    is_mass, count = rng.random() < 0.3, int(rng.choice((1, 1, 1, 2, 3)))
    places: list[Place] = []
    half = (0.05 if is_mass else 0.021) * scale
    for number in range(1 if is_mass else count):
        side = _sides(rng, 0)[0] if number == 0 or rng.random() < 0.5 else places[0].side
        place = _lung_place(rng, side or "right", half)
        radius = chest.canvas.ellipse_radius(place.centre, (half, half * float(rng.uniform(0.8, 1.2))))
        if is_mass:
            radius = radius + np.float32(0.12) * chest.canvas.clouds(rng, 18)
        body = soft_step(np.float32(1) - radius, 0.35) * np.float32(rng.uniform(0.8, 1.2))
        if is_mass and rng.random() < 0.25:
            body -= np.float32(0.7) * soft_step(np.float32(0.35) - radius, 0.2)
        _add(chest, body, 0.42 * contrast)
        places.append(place)
    return ("mass" if is_mass else "nodule" if len(places) == 1 else "nodules"), places


def _effusion(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    places = []
    d, v = chest.distance, chest.canvas.v
    for side in _sides(rng, 0.35):
        top = 1.0 - 0.13 * scale * float(rng.uniform(0.8, 1.2)) ** 1.5
        # the fluid climbs along the wall: a meniscus
        surface = (
            np.float32(top) + np.float32(0.07) - np.float32(0.16) * np.clip((d - np.float32(0.4)) / 0.6, 0, 1) ** 3
        )
        fluid = soft_step(v - surface, 0.025) * _on_side(chest, side)
        _add(chest, fluid, 0.85 * contrast)
        places.append(
            Place(side, "lower", (0.5 + SIGNS[side] * 0.39, (top + 0.98) / 2), (0.12, (1.02 - top) / 2 + 0.02))
        )
    return "pleural effusion", places


def _pleural_other(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    places = []
    canvas = chest.canvas
    form = ("pleural thickening", "apical cap", "pleural plaque")[int(rng.integers(3))]
    for side in _sides(rng, 0.25):
        sign = SIGNS[side]
        if form == "apical cap":
            centre, half = (0.5 + sign * 0.24, 0.055), (0.12, 0.045 * scale)
            shadow = soft_step(np.float32(1) - canvas.ellipse_radius(centre, half), 0.3)
            places.append(Place(side, "upper", centre, half))
        else:
            zone: Zone = ("mid", "lower")[int(rng.integers(2))]
            v = float(rng.uniform(*_ZONE_V[zone]))
            d = 0.9 if form == "pleural thickening" else float(rng.uniform(0.55, 0.9))
            centre, half = (0.5 + sign * d / 2, v), (0.03 * scale, 0.09 * scale)
            shadow = _ragged(rng, chest, Place(side, zone, centre, half), 3.0, turn=0.1)
            places.append(Place(side, zone, centre, half))
        _add(chest, shadow, (0.7 if form == "pleural plaque" else 0.4) * contrast)
    return form, places


def _pneumothorax(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    side = _sides(rng, 0)[0]
    canvas = chest.canvas
    # collapsed lung: its outline drawn in from the wall, most at the top
    gap = 0.09 * scale
    radius = canvas.ellipse_radius(
        (0.5 + SIGNS[side] * (0.235 - gap * 0.3), 0.62 + gap * 0.8), (0.225 - gap * 0.45, 0.60 - gap * 0.2)
    )
    here = chest.lungs * _on_side(chest, side) * soft_step(np.float32(0.75) - canvas.v, 0.1)
    free = soft_step(radius - np.float32(1), 0.03) * here
    edge = np.exp(np.float32(-0.5) * ((radius - np.float32(1)) / np.float32(0.035)) ** 2) * here
    floor = np.float32(0.62) * canvas.blur(chest.attenuation, 0.02)
    chest.add(np.float32(contrast) * np.float32(0.8) * free * (floor - chest.attenuation))
    chest.add(np.float32(0.13 * contrast) * edge)
    return "pneumothorax", [Place(side, "upper", (0.5 + SIGNS[side] * 0.27, 0.06 + gap), (0.13, 0.04 + gap))]


def _fracture(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    side = _sides(rng, 0)[0]
    canvas = chest.canvas
    if rng.random() < 0.2:
        curve, form = clavicle(chest.anatomy, side), "clavicle fracture"
    else:
        curve, form = posterior_ribs(chest.anatomy, side)[int(rng.integers(1, RIB_PAIRS - 1))], "rib fracture"
    index = int(rng.integers(len(curve) // 2, len(curve) - 2))
    point = curve[index]
    centre = (float(point[0]), float(point[1]))
    callus = canvas.spot(centre, (0.02 * scale, 0.02 * scale))
    along = curve[index + 1] - curve[index - 1]
    across = 0.035 * np.array([-along[1], along[0]]) / np.hypot(*along)
    gap = canvas.blur(canvas.lines([np.stack([point - across, point + across])], 0.012), 0.003)
    chest.add(np.float32(contrast) * (np.float32(0.24) * callus - np.float32(0.22) * gap))
    zone: Zone = "upper" if point[1] < 0.35 else "mid" if point[1] < 0.6 else "lower"
    return form, [Place(side, zone, centre, (0.03, 0.03))]


def _cardiomegaly(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    del rng, scale, contrast
    centre, half = heart_shape(chest.anatomy)
    return "cardiomegaly", [Place(None, "central", centre, half)]


def _mediastinum(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> Drawn:
    del rng, scale, contrast
    half = 0.09 * chest.anatomy.mediastinum_scale
    return "enlarged cardiomediastinum", [Place(None, "central", (0.5, 0.27), (half, 0.2))]


def _on_side(chest: Chest, side: Side) -> Floats:
    return np.asarray((chest.canvas.u - np.float32(0.5)) * SIGNS[side] > 0, np.float32)


_DRAWERS: dict[str, Callable[[np.random.Generator, Chest, float, float], Drawn]] = {
    "atelectasis": _atelectasis,
    "cardiomegaly": _cardiomegaly,
    "consolidation": _consolidation,
    "edema": _edema,
    "enlarged cardiomediastinum": _mediastinum,
    "fracture": _fracture,
    "lung lesion": _lesion,
    "lung opacity": _opacity,
    "pleural effusion": _effusion,
    "pleural other": _pleural_other,
    "pneumonia": _pneumonia,
    "pneumothorax": _pneumothorax,
    "support devices": draw_devices,
}
