"""The head of one person with one expression: modes, action units, and what of them is not linear."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.action_units import JAW_SHARE, displacement_basis, side_shares
from vision_cli.phantoms.faces.rig.identities import mode_basis
from vision_cli.phantoms.faces.rig.packing import Packed
from vision_cli.phantoms.faces.rig.shape.surface import (
    CHEEKS,
    CHIN,
    EYE,
    EYE_RADIUS,
    FOREHEAD,
    MOUTH_HALF_WIDTH,
    head_surface,
    lid_margins,
    lid_profile,
    lip_line,
)

_LID_THICKNESS = 0.9


@dataclass(frozen=True)
class HeadTensors:
    """What all heads have in common, on a device; grids are ``(R, C)``.

    Attributes
    ----------
    rest
        ``(R, C, 3)`` in mm.
    modes, units
        Flat bases, ``(M, R C 3)`` and ``(2 N, R C 3)``.
    strips
        Rows of each strip.
    left
        Share of a place that belongs to the left half.
    lids, above_lid, below_lid
        How far lids part; how much of a lid's motion a place above or below follows.
    lips, upper_lip, lower_lip, seam
        How far lips part; how much of their motion a place follows; closeness to the seam.
    near_eye
        Whether the eyeball may push a place to the front.
    eye_modes, mouth_modes
        Displacement of the eyeballs and of the teeth by each mode, ``(M, 2, 3)`` and ``(M, 3)``.
    angle
        Around the head.
    """

    rest: Tensor
    modes: Tensor
    units: Tensor
    strips: tuple[slice, slice, slice]
    left: Tensor
    lids: Tensor
    above_lid: Tensor
    below_lid: Tensor
    lips: Tensor
    upper_lip: Tensor
    lower_lip: Tensor
    seam: Tensor
    near_eye: Tensor
    eye_modes: Tensor
    mouth_modes: Tensor
    angle: Tensor


@cache
def head_tensors(device: torch.device) -> HeadTensors:
    """Return the shared tensors."""
    surface = head_surface()
    x, y = surface.x, surface.y
    strip = surface.strip[:, None]
    upper, lower = lid_margins(x)
    seam = lip_line(x)
    inside = (1 - np.clip(np.abs(x) / MOUTH_HALF_WIDTH, 0, 1) ** 2.2) * (np.abs(surface.angle) < 1.2)
    modes = mode_basis()
    eyes = []
    for sign in (1, -1):
        around = np.hypot((sign * x - EYE[0]) / 13, (y + 1) / 7) < 1
        moved = modes[:, around].mean(axis=1)
        # Eyeballs go with their sockets, but they stay level and keep their distance but for the head's width.
        moved[:, 1] *= 0.5
        eyes.append(moved)
    basis = displacement_basis().fields

    def put(values: object) -> Tensor:
        return torch.as_tensor(np.array(values, dtype=np.float32), device=device)

    return HeadTensors(
        rest=put(surface.points),
        modes=put(modes.reshape(len(modes), -1)),
        units=put(basis.reshape(basis.shape[0] * 2, -1)),
        strips=(surface.rows(FOREHEAD), surface.rows(CHEEKS), surface.rows(CHIN)),
        left=put(side_shares(x)[0]),
        lids=put(lid_profile(x) * (np.abs(surface.angle) < 1.2)),
        above_lid=put((strip == FOREHEAD) * np.clip(1 - (y - upper) / 12, 0, 1)),
        below_lid=put((strip == CHEEKS) * np.clip(1 - (lower - y) / 11, 0, 1)),
        lips=put(inside),
        upper_lip=put((strip == CHEEKS) * np.clip(1 - (y - seam) / 17, 0, 1)),
        lower_lip=put((strip == CHIN) * np.clip(1 - (seam - y) / 20, 0, 1)),
        seam=put(np.exp(-(((y - seam) / 7.5) ** 2)) * inside),
        near_eye=put(np.hypot((np.abs(x) - 30.5) / 17, (y + 1) / 12) < 1),
        eye_modes=put(np.stack(eyes, axis=1)),
        mouth_modes=put(modes[:, np.hypot(x / 12, (y + 66) / 6) < 1].mean(axis=1)),
        angle=put(surface.angle),
    )


@dataclass(frozen=True)
class Head:
    """A moved head.

    Attributes
    ----------
    points
        ``(B, R, C, 3)`` in mm.
    eyes
        Centres of the eyeballs, left and right, ``(B, 2, 3)``.
    lid_lift
        How far the upper lids are above where they rest, in mm, ``(B, 2)``.
    opening
        Greatest distance between the lips in mm, ``(B, 1)``.
    jaw
        Share of the jaw's greatest drop, ``(B, 1)``.
    """

    points: Tensor
    eyes: Tensor
    lid_lift: Tensor
    opening: Tensor
    jaw: Tensor


def move_head(faces: Packed, tensors: HeadTensors) -> Head:
    """Give the average head the shape of persons and their expressions."""
    count = len(faces.modes)
    t = tensors
    shape = (count, *t.rest.shape)
    points = t.rest + (faces.modes @ t.modes).reshape(shape) + (_linear(faces) @ t.units).reshape(shape)
    left = t.left

    def on_side(values: Tensor) -> Tensor:
        return values[:, 0, None, None] * left + values[:, 1, None, None] * (1 - left)

    lift, fall = _lids(faces)
    x, y, z = points.unbind(-1)
    y = y + t.lids * (t.above_lid * on_side(lift) - t.below_lid * on_side(fall))
    y, z, opening = _lips(faces, t, y, z)
    eyes = _eyes(faces, t)
    z = _push_lids(t, x, y, z, eyes)
    jaw = (JAW_SHARE * faces.both("26") + faces.both("27")).clamp(max=1)
    return Head(torch.stack([x, y, z], -1), eyes, lift, opening, jaw)


def _linear(faces: Packed) -> Tensor:
    """Return the weights of the fields, ``(B, 2 N)``: where two units pull the same way their sum saturates."""
    from vision_cli.phantoms.faces.rig.action_units import BILATERAL

    weights = faces.sides.clone()

    def row(number: str) -> int:
        return BILATERAL.index(number)

    # Both lift the upper lip: together not more than 1.25 times the stronger one.
    weights[:, row("10")] = weights[:, row("10")] * (1 - 0.7 * weights[:, row("9")])
    weights[:, row("13")] = weights[:, row("13")] * (1 - 0.7 * weights[:, row("12")])
    weights[:, row("26")] = weights[:, row("26")] * (1 - weights[:, row("27")])
    weights[:, row("2")] = weights[:, row("2")] * (1 - 0.35 * weights[:, row("4")])
    weights[:, row("24")] = weights[:, row("24")] * (1 - faces.both("25"))
    return weights.flatten(1)


def _lids(faces: Packed) -> tuple[Tensor, Tensor]:
    """Return how far upper lids rise and lower lids fall, in mm, ``(B, 2)`` each."""
    au = faces.au
    # Skin that old age has made heavy hangs over the lid.
    lift = (
        3.3 * au("5")
        - 1.6 * au("7")
        - 0.8 * au("6")
        - 0.9 * au("9")
        - 0.9 * au("12") * au("6")
        - 0.7 * au("4") * (1 - au("5"))
        - 0.7 * faces.age
    )
    fall = 0.5 * au("5") - 2.2 * au("7") - 1.9 * au("6") - 1.2 * au("9") - 0.5 * au("12")
    closed = au("43")
    fall = fall.clamp(min=-3.4) * (1 - closed) - 0.6 * closed
    lift = lift.clamp(min=-5.2) * (1 - closed) - 9.5 * closed
    return lift, fall


def _lips(faces: Packed, t: HeadTensors, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Part, press or close the lips."""

    def one(number: str) -> Tensor:
        sides = faces.au(number)[..., None, None]
        return sides[:, 0] * t.left + sides[:, 1] * (1 - t.left)

    part = one("25")
    y = y + t.lips * (t.upper_lip * part * (2.6 + 1.6 * one("12")) - t.lower_lip * part * (3.4 + 2.0 * one("12")))
    press = 0.85 * one("24") * (1 - part) + 0.6 * one("23") + 0.35 * one("32")
    rest_y = t.rest[..., 1]
    middle = torch.as_tensor(lip_line(np.zeros(1))[0], dtype=y.dtype, device=y.device)
    # Pressed and stretched lips are thin: the red rolls inwards.
    thinner = press * 0.62 + 0.22 * one("12") * (1 - 0.6 * part) + 0.12 * one("20")
    y = y - t.seam * thinner * (rest_y - middle) * (1 - 0.5 * part)
    z = z - t.seam * (2.4 * press + 1.2 * one("12"))
    above, below = t.strips[CHEEKS].stop - 1, t.strips[CHIN].start
    gap = y[:, above] - y[:, below]
    opened = torch.cat([faces.both(number) for number in ("19", "25", "26", "27")], 1).amax(1, keepdim=True)
    free = (4 * opened).clamp(max=1)
    inside = (t.lips[above] > 0).to(y.dtype)
    excess = (gap - gap.clamp(min=0) * free) * inside
    y = y - (0.35 * excess)[:, None] * t.upper_lip + (0.65 * excess)[:, None] * t.lower_lip
    step = (z[:, above] - z[:, below]) * inside * (1 - free)
    z = z - (0.5 * step)[:, None] * t.upper_lip + (0.5 * step)[:, None] * t.lower_lip
    return y, z, (gap - excess).clamp(min=0).amax(1, keepdim=True)


def _eyes(faces: Packed, t: HeadTensors) -> Tensor:
    rest = torch.tensor([[EYE[0], EYE[1], EYE[2]], [-EYE[0], EYE[1], EYE[2]]], device=t.rest.device)
    return rest + torch.einsum("bm,msk->bsk", faces.modes, t.eye_modes)


def _push_lids(t: HeadTensors, x: Tensor, y: Tensor, z: Tensor, eyes: Tensor) -> Tensor:
    for side in range(2):
        dx, dy = x - eyes[:, side, 0, None, None], y - eyes[:, side, 1, None, None]
        square = EYE_RADIUS**2 - dx * dx - dy * dy
        ball = eyes[:, side, 2, None, None] + square.clamp(min=0).sqrt() + _LID_THICKNESS
        here = t.near_eye * (square > 0) * (t.rest[..., 0] > 0 if side == 0 else t.rest[..., 0] < 0)
        z = torch.where(here > 0, torch.maximum(z, ball), z)
    return z
