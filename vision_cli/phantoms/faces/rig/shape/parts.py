"""Everything but the face: eyeballs, teeth, tongue, ears, neck, clothes, loose hair and glasses, as grids of points."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.curves import smoothstep
from vision_cli.phantoms.faces.rig.packing import Packed
from vision_cli.phantoms.faces.rig.shape.deformation import Head, HeadTensors
from vision_cli.phantoms.faces.rig.shape.hair import hair_height
from vision_cli.phantoms.faces.rig.shape.surface import CHEEKS, EYE_RADIUS, FOREHEAD

CENTRE_Z = -70.0
"""Depth of the middle of the head."""


class Material(IntEnum):
    """What a triangle is made of."""

    FACE = 0
    EYEBALL = 1
    MOUTH = 2
    TEETH = 3
    TONGUE = 4
    EAR = 5
    NECK = 6
    HAIR = 7
    FRAME = 8


@dataclass(frozen=True)
class Part:
    """A grid of points.

    Attributes
    ----------
    material
        What it is made of.
    points
        ``(B, r, c, 3)`` in mm; rows go down, columns to the left side of the face, seen from outside.
    places
        Coordinates for its material, ``(B, r, c, 3)``: at rest in mm and radians for the face, else the part's own.
    two_sided
        Whether it is seen from behind too.
    follows
        How much of the head's turn a point follows, ``(r, 1)``, or 1 for all.
    """

    material: Material
    points: Tensor
    places: Tensor
    two_sided: bool = False
    follows: Tensor | float = 1.0


def build_parts(faces: Packed, head: Head, tensors: HeadTensors) -> list[Part]:
    """Return all parts of heads; what a person does not have lies collapsed in a point and is never seen."""
    parts = _strips(faces, head, tensors)
    parts += _eyeballs(head)
    parts += _mouth(faces, head, tensors)
    parts += _ears(faces)
    parts.append(_neck(faces))
    parts += _loose_hair(faces)
    parts += _glasses(faces, head)
    return parts


def _strips(faces: Packed, head: Head, t: HeadTensors) -> list[Part]:
    height = hair_height(faces.over_grids(), t.angle[None], t.rest[None, ..., 1])
    centre = torch.tensor([0.0, 10.0, CENTRE_Z], device=t.rest.device)
    outward = head.points - centre
    outward = outward * torch.rsqrt((outward * outward).sum(-1, keepdim=True))
    points = head.points + height[..., None] * outward
    places = torch.stack([t.rest[..., 0], t.rest[..., 1], t.angle], -1)
    places = places[None].expand(len(points), -1, -1, -1)
    # Cheeks are seen from inside through an open mouth.
    return [
        Part(Material.FACE, points[:, rows], places[:, rows], two_sided=strip != FOREHEAD)
        for strip, rows in enumerate(t.strips)
    ]


def _plane(
    rows: tuple[float, float, int], columns: tuple[float, float, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    down = torch.linspace(*rows, device=device)
    across = torch.linspace(*columns, device=device)
    v, u = torch.meshgrid(down, across, indexing="ij")
    return v, u


def _batched(values: Tensor, count: int) -> Tensor:
    return values[None].expand(count, *values.shape)


def _eyeballs(head: Head) -> list[Part]:
    device = head.points.device
    v, u = _plane((1.25, -1.25, 17), (-1.25, 1.25, 17), device)
    towards = torch.stack([torch.sin(u) * torch.cos(v), torch.sin(v), torch.cos(u) * torch.cos(v)], -1)
    places = _batched(towards, len(head.points))
    return [Part(Material.EYEBALL, head.eyes[:, side, None, None] + EYE_RADIUS * towards, places) for side in range(2)]


def _mouth(faces: Packed, head: Head, t: HeadTensors) -> list[Part]:
    device, count = t.rest.device, len(head.points)
    shift = (faces.modes @ t.mouth_modes)[:, None, None]
    jaw = head.jaw[..., None]
    row = t.strips[CHEEKS].stop - 1
    front = t.rest[row, t.rest.shape[1] // 2, 2]
    # A mouth that is shut has nothing inside.
    present = (head.opening > 0.05).float()[..., None, None]

    def part(material: Material, points: Tensor, places: Tensor) -> Part:
        inside = torch.tensor([0.0, -66.0, -60.0], device=device)
        return Part(material, inside + (points + shift - inside) * present, _batched(places, count))

    v, u = _plane((0, 1, 10), (-30, 30, 16), device)
    # Narrower below, where an open jaw is.
    across = u * (1 - 0.4 * v)
    bag = torch.stack(
        [across.expand(count, -1, -1), -46 - v * (38 + 30 * jaw), (front - 25 - 0.016 * u**2) - (4 + 10 * v) * jaw], -1
    )
    parts = [part(Material.MOUTH, bag, torch.stack([u, v, v], -1))]
    v, u = _plane((0, 1, 6), (-21, 21, 30), device)
    up = 0.8 * faces.both("12")[..., None]
    rounding = 0.004 * u**2
    upper = torch.stack(
        [u.expand(count, -1, -1), -57 - v * 13.2 + rounding + up, front - 5.5 - (0.022 + 0.016 * jaw) * u**2],
        -1,
    )
    parts.append(part(Material.TEETH, upper, torch.stack([u, v, torch.zeros_like(u)], -1)))
    v, u = _plane((0, 1, 5), (-16, 16, 24), device)
    lower = torch.stack([u.expand(count, -1, -1), -71 - v * 10 - 34 * jaw, (front - 8 - 0.028 * u**2) - 20 * jaw], -1)
    parts.append(part(Material.TEETH, lower, torch.stack([u, v, torch.ones_like(u)], -1)))
    v, u = _plane((-1, 1, 10), (-1, 1, 10), device)
    out = faces.both("19")[..., None]
    dome = 1 - 0.7 * u**2
    tongue = torch.stack(
        [
            (15 * u * (1 - 0.18 * (v + 1))).expand(count, -1, -1),
            -72 - 25 * jaw + 4 * dome - (4 - 1.5 * out) * (v + 1) - 2.2 * out * (v + 1) ** 2,
            front - 24 - 14 * jaw + 6 * (v + 1) * (1 + 2.4 * out) * (1 - 0.35 * u**2) - 2 * u**2,
        ],
        -1,
    )
    parts.append(part(Material.TONGUE, tongue, torch.stack([u, v, dome], -1)))
    return parts


def _ears(faces: Packed) -> list[Part]:
    device, count = faces.yaw.device, len(faces.yaw)
    v, u = _plane((1.5, -1.5, 14), (0, 3.1416, 12), device)
    # Hair that hides the ears takes them away.
    shown = 1 - faces.styled("long", "afro")[..., None]
    wide = 1 + 0.05 * faces.modes[:, :1, None]
    parts = []
    for sign in (1.0, -1.0):
        out = 71 + 13 * torch.sin(u) * torch.cos(v) ** 0.6
        z = -66 - 13 * torch.cos(u) * torch.cos(v) - 6 * torch.sin(u)
        y = -14 + 31 * torch.sin(v) + 2 * torch.cos(u)
        points = torch.stack([sign * out * wide * (0.7 + 0.3 * shown), *(q.expand(count, -1, -1) for q in (y, z))], -1)
        places = torch.stack([u, v, torch.sin(u)], -1)
        parts.append(Part(Material.EAR, points, _batched(places, count), two_sided=True))
    return parts


def _neck(faces: Packed) -> Part:
    device, count = faces.yaw.device, len(faces.yaw)
    v, u = _plane((-55, -235, 34), (-1.7, 1.7, 36), device)
    radius = 45 + 8 * faces.is_male[..., None] + 1.5 * faces.modes[:, :1, None]
    spread = smoothstep(-118.0, -200.0, v) * (92 + 14 * faces.is_male[..., None])
    slope = smoothstep(0.0, 105.0, spread) * 14 * torch.sin(u).abs()
    points = torch.stack(
        [
            (radius + spread) * torch.sin(u),
            v - slope,
            -68 + (0.88 * radius + 0.28 * spread) * torch.cos(u),
        ],
        -1,
    )
    places = torch.stack([torch.sin(u), v, torch.cos(u)], -1)
    return Part(Material.NECK, points, _batched(places, count), follows=smoothstep(-190.0, -95.0, v[:, :1]))


def _loose_hair(faces: Packed) -> list[Part]:
    device, count = faces.yaw.device, len(faces.yaw)
    is_long = faces.styled("long")[..., None]
    thick, ends = faces.hair_volume[..., None], faces.hair_length[..., None]
    inside = torch.tensor([0.0, 20.0, CENTRE_Z], device=device)
    parts = []
    v, u = _plane((0, 1, 28), (-2.0, 2.0, 16), device)
    fall = 78 + v * (ends - 78)
    for sign in (1.0, -1.0):
        wave = torch.sin(fall / 24 + 3 * faces.parting[..., None] + sign)
        above = smoothstep(20.0, 80.0, fall)
        radius = (12 + 0.7 * thick) * (1 - 0.25 * above) * (1 - 0.4 * smoothstep(0.85, 1.0, v))
        middle = 68 + 3.0 * wave - 26 * above + 6 * smoothstep(-60.0, -150.0, fall)
        z = -58 + 2.0 * radius * torch.cos(u) + 26 * smoothstep(-100.0, -150.0, fall)
        points = torch.stack([sign * middle + radius * torch.sin(u), fall.expand(count, -1, -1), z], -1)
        points = inside + (points - inside) * is_long[..., None]
        places = torch.stack([u.expand_as(fall) + 3 * sign, fall, v.expand_as(fall)], -1)
        parts.append(Part(Material.HAIR, points, places))
    v, u = _plane((0, 1, 16), (-1.5, 1.5, 16), device)
    fall = 40 + v * (ends - 40)
    points = torch.stack(
        [(78 + 0.5 * thick) * torch.sin(u) + 0 * fall, fall.expand(count, -1, -1), -100 + 22 * torch.cos(u) + 0 * fall],
        -1,
    )
    points = inside + (points - inside) * is_long[..., None]
    places = torch.stack([2 * u.expand_as(fall), fall, v.expand_as(fall)], -1)
    parts.append(Part(Material.HAIR, points, places))
    return parts


def _glasses(faces: Packed, head: Head) -> list[Part]:
    device, count = faces.yaw.device, len(faces.yaw)
    worn = (faces.glasses > 0).float()[..., None]
    thick = faces.glasses[..., None]
    square = 2.2 + 1.6 * faces.offsets[:, 7:8, None]
    inside = torch.tensor([0.0, 0.0, CENTRE_Z], device=device)
    parts = []

    def add(points: Tensor, flat: Tensor) -> None:
        places = torch.stack([flat, flat, flat], -1)
        parts.append(
            Part(Material.FRAME, inside + (points - inside) * worn[..., None], _batched(places, count), two_sided=True)
        )

    v, u = _plane((-0.5, 0.5, 3), (0, 6.28319, 40), device)
    for side, sign in enumerate((1.0, -1.0)):
        middle = head.eyes[:, side, None, None]
        c, s = torch.cos(u), torch.sin(u)
        x = middle[..., 0] + (22 + v * thick) * c.sign() * (c.abs() + 1e-6) ** (2 / square)
        y = middle[..., 1] - 2 + (17 + v * thick) * s.sign() * (s.abs() + 1e-6) ** (2 / square)
        add(torch.stack([x, y, 27 - 0.006 * x * x + 0 * y], -1), u)
        end = torch.linspace(0, 1, 6, device=device)[None, None]
        rise = torch.linspace(1, -1, 3, device=device)[None, :, None]
        x = sign * (53 + 21 * end + 0 * rise) * (1 + 0.05 * faces.modes[:, :1, None])
        y = 6 + 1.0 * rise * thick.clamp(max=2) + 0 * end + middle[..., 1]
        z = 10 - 80 * end + 0 * rise
        add(torch.stack([x, y.expand_as(x), z.expand_as(x)], -1), x[0] * 0)
    v, u = _plane((1, -1, 3), (-10.5, 10.5, 6), device)
    y = 3 + 0.5 * v * thick - 0.03 * u * u
    add(torch.stack([u.expand(count, -1, -1), y, (28 - 0.01 * u * u).expand(count, -1, -1)], -1), u)
    return parts
