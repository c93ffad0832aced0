"""Support devices: pacemakers, ports, central lines, tubes of airway, stomach and chest, wires of the breast bone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.anatomy import SIGNS, Chest
from vision_cli.phantoms.chests.canvas import soft_step
from vision_cli.phantoms.chests.values import Place, Side

DrawnDevice = tuple[Floats, list[Place]]

_METAL, _PLASTIC = 0.9, 0.34
_CAVOATRIAL = (0.455, 0.50)


def draw_devices(rng: np.random.Generator, chest: Chest, scale: float, contrast: float) -> tuple[str, list[Place]]:
    """Draw one device into a chest and return its form and places.

    Parameters
    ----------
    rng
        Of the device.
    chest
        Its attenuation is changed in place.
    scale
        Of small parts.
    contrast
        Share of the full attenuation.
    """
    form = str(rng.choice(list(_DEVICES), p=_SHARES))
    shadow, places = _DEVICES[form](rng, chest, scale)
    chest.add(np.float32(contrast) * shadow)
    return form, places


def _smooth(points: list[tuple[float, float]], count: int = 24) -> Floats:
    """Return a smooth curve through points."""
    from scipy.interpolate import PchipInterpolator

    corners = np.array(points)
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    return np.asarray(PchipInterpolator(lengths, corners)(np.linspace(0, lengths[-1], count)), np.float32)


def _wire(chest: Chest, curves: list[Floats], width: float, amount: float) -> Floats:
    canvas = chest.canvas
    return np.asarray(np.float32(amount) * canvas.blur(canvas.lines(curves, width), 0.002), np.float32)


def _tube(chest: Chest, curve: Floats, width: float) -> Floats:
    """Return a hollow tube with a marker line."""
    canvas = chest.canvas
    wall = canvas.lines([curve], width) - 0.55 * canvas.lines([curve], width * 0.55)
    return np.asarray(np.float32(0.28) * canvas.blur(wall, 0.002) + _wire(chest, [curve], 0.006, 0.3), np.float32)


def _side(rng: np.random.Generator, right: float) -> Side:
    return "right" if rng.random() < right else "left"


def _spot(side: Side | None, zone: str, centre: tuple[float, float], half: float) -> Place:
    return Place(side, zone, centre, (half, half))  # type: ignore[arg-type]


def _pacemaker(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    side, canvas = _side(rng, 0.2), chest.canvas
    sign = SIGNS[side]
    box = (0.5 + sign * float(rng.normal(0.36, 0.03)), float(rng.normal(0.14, 0.04)))
    radius = canvas.ellipse_radius(box, (0.068, 0.062)) ** 2
    shadow = np.float32(_METAL) * soft_step(np.float32(1) - radius, 0.12)
    entry = (0.5 + sign * 0.2, 0.06)
    tips = [(0.63 + float(rng.normal(0, 0.02)), 0.86), (0.45, 0.66)][: int(rng.integers(1, 3))]
    leads = [_smooth([box, entry, (0.47, 0.17), (0.455, 0.45), (0.47, 0.66), tip]) for tip in tips]
    shadow = shadow + _wire(chest, leads, 0.006, 0.5)
    return shadow, [_spot(side, "upper", box, 0.07), _spot(None, "central", (0.46, 0.40), 0.08)]


def _port(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    side, canvas = _side(rng, 0.7), chest.canvas
    sign = SIGNS[side]
    box = (0.5 + sign * float(rng.normal(0.30, 0.03)), float(rng.normal(0.22, 0.04)))
    radius = canvas.ellipse_radius(box, (0.032 * scale**0.3, 0.032 * scale**0.3))
    shadow = np.float32(0.6) * soft_step(np.float32(1) - radius, 0.2) - np.float32(0.3) * soft_step(
        np.float32(0.3) - radius, 0.2
    )
    line = _smooth([box, (0.5 + sign * 0.20, 0.05), (0.47, 0.16), _CAVOATRIAL])
    return shadow + _wire(chest, [line], 0.008, _PLASTIC), [
        _spot(side, "upper", box, 0.04),
        _spot(None, "central", (0.46, 0.36), 0.08),
    ]


def _central_line(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    side = _side(rng, 0.7)
    sign = SIGNS[side]
    tip = (_CAVOATRIAL[0], float(rng.normal(0.44, 0.06)))
    line = _smooth([(0.5 + sign * 0.13, -0.30), (0.5 + sign * 0.085, -0.02), (0.465, 0.16), tip])
    return _wire(chest, [line], 0.009, _PLASTIC), [
        _spot(None, "central", tip, 0.04),
        _spot(side, "upper", (0.5 + sign * 0.09, 0.06), 0.08),
    ]


def _arm_line(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    side = _side(rng, 0.6)
    sign = SIGNS[side]
    tip = (_CAVOATRIAL[0], float(rng.normal(0.46, 0.05)))
    line = _smooth([(0.5 + sign * 0.8, 0.35), (0.5 + sign * 0.55, 0.06), (0.5 + sign * 0.25, 0.04), (0.47, 0.17), tip])
    return _wire(chest, [line], 0.007, _PLASTIC), [
        _spot(None, "central", tip, 0.04),
        _spot(side, "upper", (0.5 + sign * 0.3, 0.04), 0.08),
    ]


def _airway_tube(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    tip = (0.5 + float(rng.normal(0, 0.006)), float(rng.normal(0.24, 0.05)))
    tube = _smooth([(0.49, -0.6), (0.505, -0.1), tip])
    return _tube(chest, tube, 0.03), [_spot(None, "central", tip, 0.05)]


def _stomach_tube(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    bend = float(rng.normal(0.52, 0.01))
    tube = _smooth([(0.5, -0.6), (0.505, 0.0), (bend, 0.5), (0.53, 0.92), (0.62, 1.04), (0.70, 1.08)])
    shadow = _wire(chest, [tube], 0.011, _PLASTIC)
    return shadow, [_spot(None, "central", (bend, 0.5), 0.1), _spot(None, "central", (0.58, 0.98), 0.08)]


def _chest_tube(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    side = _side(rng, 0.5)
    sign = SIGNS[side]
    top = float(rng.uniform(0.15, 0.45))
    tip = (0.5 + sign * 0.22, top)
    tube = _smooth([(0.5 + sign * 0.62, 0.86), (0.5 + sign * 0.44, 0.7), (0.5 + sign * 0.36, (top + 0.7) / 2), tip])
    zone = "upper" if top < 0.33 else "mid"
    return _tube(chest, tube, 0.026), [
        _spot(side, zone, tip, 0.05),
        _spot(side, "mid", (0.5 + sign * 0.37, (top + 0.7) / 2), 0.09),
    ]


def _sternal_wires(rng: np.random.Generator, chest: Chest, scale: float) -> DrawnDevice:
    del scale
    loops = []
    t = np.linspace(0, 2 * np.pi, 10)
    for v in np.linspace(0.2, 0.72, int(rng.integers(5, 8))):
        middle = np.array([0.5 + rng.normal(0, 0.006), v])
        loops.append((middle + np.stack([0.026 * np.cos(t), 0.016 * np.sin(t)], 1)).astype(np.float32))
    shadow = _wire(chest, loops, 0.006, 0.7)
    if rng.random() < 0.4:
        valve = np.stack([0.56 + 0.035 * np.cos(t), 0.66 + 0.02 * np.sin(t)], 1).astype(np.float32)
        shadow = shadow + _wire(chest, [valve], 0.010, 0.6)
    return shadow, [_spot(None, "central", (0.5, 0.45), 0.1)]


_DEVICES: dict[str, Callable[[np.random.Generator, Chest, float], DrawnDevice]] = {
    "pacemaker": _pacemaker,
    "port": _port,
    "central venous catheter": _central_line,
    "PICC": _arm_line,
    "endotracheal tube": _airway_tube,
    "nasogastric tube": _stomach_tube,
    "chest tube": _chest_tube,
    "sternotomy wires": _sternal_wires,
}
_SHARES = (0.2, 0.12, 0.18, 0.1, 0.12, 0.1, 0.08, 0.1)
