"""The bones of a chest film: spine, nine pairs of ribs, collar bones, shoulder blades and the heads of the arms."""

from __future__ import annotations

import numpy as np

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.anatomy import SIGNS, Anatomy, Chest
from vision_cli.phantoms.chests.values import Side

RIB_PAIRS = 9

_WALL_V = (-0.02, 0.06, 0.15, 0.3, 0.5, 0.75, 1.0)
_WALL_D = (0.35, 0.56, 0.70, 0.84, 0.95, 1.01, 1.0)
"""The outer limit of the ribs: ``d`` at each ``v``."""


def posterior_ribs(anatomy: Anatomy, side: Side) -> Floats:
    """Return the parts of the ribs that run from the spine to the wall of the chest.

    Parameters
    ----------
    anatomy
        Whose ribs they are.
    side
        Of the patient.

    Returns
    -------
    ``(RIB_PAIRS, N, 2)`` u and v from the spine outwards, the uppermost rib first.
    """
    pair = np.arange(RIB_PAIRS)[:, None]
    start = 0.015 + 0.097 * pair
    drop = (0.04 + 0.016 * pair) * (1.1 if anatomy.view == "PA" else 0.8)
    end = np.interp(start + drop, _WALL_V, _WALL_D)
    t = np.linspace(0, 1, 14)
    d = 0.09 + (end - 0.09) * np.sin(t * np.pi / 2) ** 0.9
    v = start - 0.035 * np.sin(np.pi * np.minimum(t * 1.2, 1)) + drop * t**2.2
    return np.stack([0.5 + SIGNS[side] * d / 2, v], 2).astype(np.float32)


def anterior_ribs(backs: Floats, side: Side) -> Floats:
    """Return the parts of the ribs that run from the wall of the chest forwards and down, ``(RIB_PAIRS - 2, N, 2)``.

    ``backs`` are the posterior parts of the same side.
    """
    outer = backs[: RIB_PAIRS - 2, -1:]
    pair = np.arange(RIB_PAIRS - 2)[:, None]
    d_outer = np.abs(outer[..., 0] - 0.5) * 2
    t = np.linspace(0, 1, 10)
    d = d_outer + (0.42 + 0.03 * pair - d_outer) * t**1.4
    v = outer[..., 1] + (0.05 + 0.10 * d_outer) * np.sin(t * np.pi / 2)
    return np.stack([0.5 + SIGNS[side] * d / 2, v], 2).astype(np.float32)


def clavicle(anatomy: Anatomy, side: Side) -> Floats:
    """Return a collar bone from the breast bone outwards, ``(N, 2)``."""
    raised = 0.05 if anatomy.view == "AP" else 0.0
    t = np.linspace(0, 1, 12)
    d = 0.10 + 0.98 * t
    v = 0.105 - raised - 0.15 * t**0.8 + 0.03 * np.sin(2 * np.pi * t) + anatomy.tilt * SIGNS[side]
    return np.stack([0.5 + SIGNS[side] * d / 2, v], 1).astype(np.float32)


def draw_skeleton(rng: np.random.Generator, chest: Chest) -> None:
    """Add the bones to the attenuation of a chest."""
    canvas, anatomy = chest.canvas, chest.anatomy
    strength = np.float32(rng.uniform(0.8, 1.25))
    bones = np.zeros_like(chest.attenuation)
    backs: list[Floats] = []
    fronts: list[Floats] = []
    for side in SIGNS:
        ribs = posterior_ribs(anatomy, side)
        backs += list(ribs)
        fronts += list(anterior_ribs(ribs, side))
    collars = [clavicle(anatomy, side) for side in SIGNS]
    width = float(rng.uniform(0.026, 0.032))
    for curves, amount, scale in ((backs, 0.19, 1.0), (fronts, 0.11, 1.05), (collars, 0.24, 1.2)):
        whole, marrow = canvas.lines(curves, width * scale), canvas.lines(curves, width * scale * 0.55)
        bones += np.float32(amount) * (whole - np.float32(0.45) * marrow)
    bones += _shoulders(rng, chest)
    bones = canvas.blur(bones, 0.0035)
    bones += _spine(rng, chest)
    chest.add(strength * bones * np.clip(chest.attenuation * 3, 0, 1))


def _spine(rng: np.random.Generator, chest: Chest) -> Floats:
    """Return vertebrae: a column that is denser in the bodies than between them."""
    canvas = chest.canvas
    bodies = 0.5 + 0.5 * np.cos(2 * np.pi * (canvas.v / rng.uniform(0.075, 0.095) + rng.random()))
    column = soft_step_column(canvas.u, chest.anatomy.tilt, canvas.v)
    return np.asarray(np.float32(0.16) * column * (np.float32(0.55) + np.float32(0.45) * np.sqrt(bodies)), np.float32)


def soft_step_column(u: Floats, tilt: float, v: Floats) -> Floats:
    """Return 1 in the spine, 0 beside it."""
    off = np.abs(u - np.float32(0.5) - np.float32(tilt) * (v - np.float32(0.5)))
    return np.asarray(np.clip((np.float32(0.058) - off) / np.float32(0.018), 0, 1), np.float32)


def _shoulders(rng: np.random.Generator, chest: Chest) -> Floats:
    """Return shoulder blades and the heads of the arm bones."""
    canvas, anatomy = chest.canvas, chest.anatomy
    inward = rng.uniform(0.10, 0.22) if anatomy.view == "AP" else rng.uniform(-0.04, 0.08)
    drawn = np.zeros_like(chest.attenuation)
    for sign in SIGNS.values():
        corners = np.array([(1.02, -0.02), (0.98, 0.10), (0.98, 0.30), (1.06, 0.48), (1.13, 0.30), (1.26, 0.06)])
        corners[:, 0] -= inward
        corners = np.stack([0.5 + sign * corners[:, 0] / 2, corners[:, 1] + rng.normal(0, 0.01)], 1)
        blade = canvas.polygon(corners)
        border = canvas.lines([corners[:4]], 0.012)
        drawn += np.float32(0.07) * blade + np.float32(0.10) * border
        head = canvas.ellipse_radius((0.5 + sign * (0.70 - inward / 4), 0.02), (0.07, 0.075))
        drawn += np.float32(0.22) * np.clip((np.float32(1) - head) * 4, 0, 1)
        shaft = np.array([(0.5 + sign * (0.71 - inward / 4), 0.04), (0.5 + sign * 0.82, 0.5)])
        drawn += np.float32(0.2) * canvas.lines([shaft], 0.055)
    return drawn
