"""Skin of the face, painted per pixel in coordinates at rest: lips, brows, lashes, folds, beard, hair of the scalp.

All maps are functions of the place in mm, so they are sharp at any magnification, and they move with the surface.
Wrinkles are a height whose slope bends the normal; action units and age deepen them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.curves import fall, smoothstep
from vision_cli.phantoms.faces.rig.drawing.noise import Noise
from vision_cli.phantoms.faces.rig.packing import Packed
from vision_cli.phantoms.faces.rig.shape.hair import hair_cover

Units = Callable[..., Tensor]
"""Sum of the intensities of action units, by their numbers, at each pixel, ``(P, 1)``."""


@dataclass(frozen=True)
class Painted:
    """What light meets at P pixels.

    Attributes
    ----------
    albedo
        Linear, ``(P, 3)``.
    slope
        Of the height along x and y of the face at rest, ``(P, 2)``.
    gloss
        Strength of mirror-like reflection, ``(P, 1)``.
    open_to_light
        Share of light that is not kept off by folds, ``(P, 1)``.
    scattering
        Share of light that goes through skin, ``(P, 1)``; 0 is hair.
    """

    albedo: Tensor
    slope: Tensor
    gloss: Tensor
    open_to_light: Tensor
    scattering: Tensor


def bump(x: Tensor, y: Tensor, at: tuple[float, float], spread: tuple[float, float]) -> Tensor:
    """Return a Gaussian of unit height."""
    across, down = (x - at[0]) * (1 / spread[0]), (y - at[1]) * (1 / spread[1])
    return fall(0.5 * (across * across + down * down))


def paint_face(faces: Packed, places: Tensor, noise: Noise, footprint: Tensor) -> Painted:
    """Paint the face.

    Parameters
    ----------
    faces
        The person of each pixel.
    places
        x and y at rest in mm, and the angle around the head, ``(P, 3)``.
    noise
        Irregularities.
    footprint
        Size of a pixel in mm, ``(P, 1)`` or for all of them ``(1, 1)``.
    """
    x, y = places[:, :1], places[:, 1:2]
    ax = x.abs()
    left = smoothstep(-6, 6, x)

    def au(*numbers: str) -> Tensor:
        found = torch.stack([faces.au(n) for n in numbers]).sum(0).clamp(max=1)
        return found[:, :1] * left + found[:, 1:] * (1 - left)

    blotch, grain = noise.blotches(faces, places), noise.grain(faces, places, footprint)
    albedo = faces.skin * (1 + (0.03 + 0.05 * faces.spots) * blotch + (0.02 + 0.05 * faces.spots) * grain)
    red = bump(ax, y, (41, -33), (14, 13)) + 0.8 * bump(ax, y, (0, -37), (12, 8)) + 0.3 * bump(ax, y, (0, -98), (14, 9))
    red = red * (0.05 + 0.17 * faces.blush) * (1 - 0.55 * faces.melanin)
    tint = torch.tensor([0.12, 1.0, 0.9], device=places.device)
    albedo = albedo * (1 - red * tint)
    bags = (
        0.5 * bump(ax, y, (30, -11), (12, 4))
        + 0.55 * bump(ax, y, (18, 0), (6, 8))
        + 0.3 * bump(ax, y, (31, 9), (14, 4))
    )
    dark = (
        bags * (0.16 + 0.25 * faces.age + 0.12 * faces.eyeliner) * torch.tensor([0.8, 1.0, 0.95], device=places.device)
    )
    albedo = albedo * (1 - dark)
    albedo, lips = _lips(faces, x, y, albedo, grain)
    light, slope = _folds(faces, x, y, au)
    albedo = _eyelids(faces, x, y, albedo)
    holes = bump(ax, y, (7.4, -47.0), (3.8, 1.9)) * (0.9 + 0.5 * au("38") - 0.4 * au("39"))
    albedo = albedo * (1 - 0.8 * holes.clamp(0, 1))
    albedo, hairy = _hair(faces, places, albedo, noise, lips)
    gloss = faces.gloss * (0.8 + 0.6 * bump(ax, y, (0, -30), (9, 14)) + 0.3 * bump(ax, y, (0, 45), (30, 15)))
    gloss = gloss * (1 - hairy) + (0.05 + 0.12 * faces.lipstick) * lips
    return Painted(albedo, slope * (1 - hairy), gloss, light, 1 - hairy)


def _lips(faces: Packed, x: Tensor, y: Tensor, albedo: Tensor, grain: Tensor) -> tuple[Tensor, Tensor]:
    across = (x.abs() / 25.6).clamp(max=1)
    seam = -68 - 1.2 * across**2 - 1.0 * fall((x / 5) ** 2)
    bow = 1 - 0.24 * fall(0.5 * (x / 3.4) ** 2)
    above = 8.0 * (1 - across**1.9) ** 0.85 * bow
    below = 10.0 * (1 - across**2.3) ** 0.75
    height = y - seam
    lips = smoothstep(-0.6, 1.2, above - height) * smoothstep(-0.6, 1.6, below + height) * (across < 1)
    natural = albedo * torch.tensor([0.80, 0.50, 0.50], device=x.device)
    painted = torch.tensor([0.38, 0.03, 0.05], device=x.device) * (0.35 + 0.65 * (1 - faces.melanin))
    colour = natural * (1 - 0.6 * faces.lipstick) + painted * 0.6 * faces.lipstick
    colour = colour * (1 + 0.06 * grain)
    albedo = albedo * (1 - 0.9 * lips) + colour * 0.9 * lips
    # The dark line where closed lips meet.
    line = fall((height / 0.75) ** 2) * smoothstep(1.04, 0.9, x.abs() / 25.6)
    return albedo * (1 - 0.62 * line), lips


def _eyelids(faces: Packed, x: Tensor, y: Tensor, albedo: Tensor) -> Tensor:
    across = (x.abs() - 30.5) / 13.5
    profile = (1 - across.abs().clamp(max=1) ** 2.1) ** 0.85
    line = -4 + 2 * ((x.abs() - 17) / 27).clamp(0, 1)
    upper = y - (line + 7.1 * profile * (1 - 0.12 * across))
    lower = (line - 3.2 * profile * (1 + 0.12 * across)) - y
    inside = smoothstep(1.12, 0.95, across.abs())
    is_above = y > line
    lashes = fall((upper / (0.95 + 0.5 * faces.eyeliner)) ** 2) * is_above * (0.75 + 0.25 * faces.eyeliner)
    rim = fall((lower / 0.6) ** 2) * ~is_above * (0.35 + 0.45 * faces.eyeliner)
    # The crease of the upper lid.
    crease = fall(((upper - 3.2 - 0.6 * profile) / 0.8) ** 2) * is_above * smoothstep(1.2, 0.8, across.abs()) * 0.42
    albedo = albedo * (1 - 0.92 * (lashes + rim).clamp(max=1) * inside)
    return albedo * (1 - crease)


def _folds(faces: Packed, x: Tensor, y: Tensor, on: Units) -> tuple[Tensor, Tensor]:
    """Return the share of light that folds let through, and the slope of wrinkles."""
    ax, age = x.abs(), faces.age
    fore = (0.75 * on("1", "2") + 0.10 * age) * (0.6 + 0.7 * age)
    frown = (on("4") + 0.35 * on("9") + 0.08 * age) * (0.7 + 0.5 * age)
    crow = (on("6") + 0.10 * age) * (0.45 + 0.8 * age)
    root = on("9") * (0.9 + 0.3 * age)
    fold = 0.12 + 0.42 * age + 0.85 * on("12") + 0.75 * on("10") + 0.7 * on("9") + 0.5 * on("11") + 0.25 * on("20")
    bag = 0.10 + 0.35 * age + 0.5 * on("6") + 0.35 * on("7") + 0.2 * on("9")
    chin = on("17") * 0.8
    dimple = 0.9 * on("14") + 0.3 * on("12") * (1 - on("14"))

    def shapes(px: Tensor, py: Tensor) -> tuple[Tensor, ...]:
        ap = px.abs()
        brow = fall(0.5 * ((py - 44) / 14) ** 2 + (ap / 42) ** 4)
        waves = brow * torch.sin(0.66 * py + 0.5 * torch.cos(ap / 12) + 0.4 * torch.sin(px / 9))
        lines = fall((((ap - 6 - 0.10 * (py - 18)) / 1.5) ** 2) + 0.5 * ((py - 19) / 8) ** 2)
        feet = fall(0.5 * ((ap - 53) / 6) ** 2 + 0.5 * ((py + 2) / 9) ** 2) * torch.sin(1.1 * (py + 0.3 * (ap - 50)))
        wrinkled = fall(0.5 * (ap / 9) ** 2 + 0.5 * ((py + 2) / 8) ** 2) * torch.sin(1.15 * py + 0.25 * ap)
        line = ap - (18.5 + 0.42 * (-42 - py))
        smile = fall((line / 2.2) ** 2) * smoothstep(-77, -66, py) * smoothstep(-37, -46, py)
        pouch = fall((((py + 12.5 - 0.012 * (ap - 30) ** 2) / 1.7) ** 2) + ((ap - 29) / 12) ** 4)
        crumpled = fall(0.5 * (px / 11) ** 2 + 0.5 * ((py + 97) / 7) ** 2) * torch.sin(px) * torch.sin(0.9 * py)
        return waves, lines, feet, wrinkled, smile, pouch, crumpled

    def height(px: Tensor, py: Tensor) -> Tensor:
        waves, lines, feet, wrinkled, smile, pouch, crumpled = shapes(px, py)
        return (
            0.75 * fore * waves - 1.0 * frown * lines + 0.6 * crow * feet + 0.7 * root * wrinkled
            - 1.0 * fold * smile - 0.6 * bag * pouch + 0.6 * chin * crumpled
        )  # fmt: skip

    step = 0.5
    here = height(x, y)
    slope = torch.cat([height(x + step, y) - here, height(x, y + step) - here], 1) / step
    waves, lines, feet, wrinkled, smile, pouch, _ = shapes(x, y)
    pits = fall((((ax - 30) / 2.4) ** 2) + ((y + 69.5) / 4.5) ** 2)
    dark = (
        0.30 * fore * (-waves).clamp(min=0) + 0.5 * frown * lines + 0.25 * crow * (-feet).clamp(min=0)
        + 0.35 * root * (-wrinkled).clamp(min=0) + 0.36 * fold * smile + 0.30 * bag * pouch + 0.42 * dimple * pits
    )  # fmt: skip
    dark = (
        dark + 0.20 * bump(ax, y, (26.5, -69.0), (2.0, 2.0)) + 0.22 * bump(ax, y, (0, -85), (13, 3.2)) * (1 + on("17"))
    )
    dark = dark + 0.15 * bump(ax, y, (0, -53), (9, 3.5)) + 0.18 * bump(ax, y, (18.5, -42), (2.2, 4.5))
    hollow = 0.34 * bump(ax, y, (29, 3), (13, 6.5)) + 0.30 * bump(ax, y, (16, 2), (4.5, 7))
    hollow = (
        hollow
        + 0.16 * bump(ax, y, (13, -24), (3.5, 12))
        + 0.12 * bump(ax, y, (0, -50), (10, 3))
        - 0.06 * bump(ax, y, (0, -12), (4, 18))
    )
    return (1 - dark).clamp(0.25, 1) * (1 - hollow), slope


def brow_cover(faces: Packed, x: Tensor, y: Tensor) -> Tensor:
    """Return how much the brows cover places of the face, 0 to 1, without the gaps between their hairs."""
    along = (x.abs() - 12.5) / 45
    arch = 13.2 + 26 * along - 26.5 * along**2 - 6 * along.clamp(min=0) ** 5
    thick = faces.brows * 4.1 * (1 - 0.62 * along.clamp(0, 1) ** 1.6)
    across = ((y - arch) / thick).abs()
    return fall(across**3) * smoothstep(-0.05, 0.1, along) * (1 - smoothstep(0.85, 1.02, along))


def _hair(faces: Packed, places: Tensor, albedo: Tensor, noise: Noise, lips: Tensor) -> tuple[Tensor, Tensor]:
    x, y, angle = (places[:, k : k + 1] for k in range(3))
    strands = noise.strands(faces, angle * 60, y)
    lightness = faces.hair.mean(-1, keepdim=True)
    # Light hair has darker brows.
    brow_colour = faces.hair * torch.where(lightness > 0.06, 0.35, 0.9)
    hairs = noise.strands(faces, x * 0.8, (y - 0.5 * x.abs()) * 4)
    brows = brow_cover(faces, x, y) * (0.74 + 0.16 * hairs).clamp(0, 1)
    albedo = albedo * (1 - brows) + brow_colour * brows
    cheeks = smoothstep(-44, -62, y - 9 * smoothstep(34, 64, x.abs())) * smoothstep(
        20, 30, x.abs() - (y + 62).clamp(max=0) * 0.8
    )
    sides = smoothstep(46, 60, x.abs()) * smoothstep(-8, -26, y)
    jaw = torch.maximum(cheeks, sides) * smoothstep(1.75, 1.5, angle.abs())
    chin = smoothstep(-80.5, -84, y) * smoothstep(40, 30, x.abs())
    lip = bump(x.abs(), y, (9, -56.5), (11, 3.0)).clamp(max=1) * 1.25
    beard = (torch.maximum(jaw, chin) * faces.beard).clamp(0, 1)
    whiskers = torch.maximum(beard, lip.clamp(max=1) * faces.moustache) * (1 - lips)
    whiskers = (whiskers * (0.84 + 0.10 * hairs)).clamp(0, 0.93)
    albedo = albedo * (1 - whiskers) + faces.hair * 0.8 * whiskers
    cover = hair_cover(faces, angle, y, 1.1 * strands)
    # Shorn heads show skin through the hair.
    cover = cover * (1 - 0.25 * faces.styled("cropped"))
    albedo = albedo * (1 - cover) + (faces.hair * (1 + 0.35 * strands)).clamp(min=0.003) * cover
    return albedo, torch.maximum(cover, 0.6 * torch.maximum(brows, whiskers))
