"""Where hair grows on the head, and how far it stands off."""

from __future__ import annotations

import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.curves import fall, smoothstep
from vision_cli.phantoms.faces.rig.packing import Packed

# Height of the hairline in mm over the angle around the head: forehead, temple, sideburn, ear, nape.
_LINE = (
    (0.0, 75), (0.24, 76), (0.52, 71), (0.72, 60), (0.85, 45), (0.95, 27), (1.05, 10), (1.18, 0), (1.28, -12),
    (1.40, -14), (1.48, 4), (1.60, 8), (1.70, -20), (1.90, -52), (2.10, -60),
)  # fmt: skip
_SIDE_OF_BALD = 1.12


def hair_cover(faces: Packed, angle: Tensor, y: Tensor, ragged: Tensor | float) -> Tensor:
    """Return how much hair covers places of the scalp, 0 to 1.

    Parameters
    ----------
    faces
        Persons; their values broadcast against the places.
    angle, y
        Places at rest: around the head in radians, and height in mm.
    ragged
        Irregularity of the line in mm.
    """
    turned = angle.abs()
    line = _interpolated(turned) + faces.hair_line * (1 - smoothstep(0.7, 1.1, turned))
    # Long hair hides the ears; so does an afro.
    covers_ears = faces.styled("long", "afro") * smoothstep(0.98, 1.15, turned)
    line = line * (1 - covers_ears) - 62 * covers_ears
    low = 78 - 62 * faces.fringe + 7 * faces.parting * angle
    fringe = (faces.fringe > 0) * (1 - smoothstep(0.8, 0.98, turned))
    line = torch.where(fringe > 0.5, torch.minimum(line, low), line)
    cover = smoothstep(-4.5, 4.5, y - line + ragged)
    bald = faces.styled("bald")
    return (
        cover * (1 - bald) + bald * cover * smoothstep(_SIDE_OF_BALD, 1.3, turned) * (1 - smoothstep(20, 42, y)) * 0.7
    )


def hair_height(faces: Packed, angle: Tensor, y: Tensor) -> Tensor:
    """Return how far hair stands off the scalp, in mm."""
    turned = angle.abs()
    cover = hair_cover(faces, angle, y, -3.0)
    deep = faces.hair_volume * (0.45 + 0.55 * smoothstep(25, 95, y))
    # A parting is a groove on the top of the head.
    groove = fall(((angle - 0.45 * faces.parting) / 0.07) ** 2) * smoothstep(70, 85, y)
    parted = 1 - faces.styled("afro", "cropped", "bald")
    afro = faces.styled("afro")
    # A ball of hair grows out of the forehead and the temples gradually, or its edge would stand off like a flap.
    ball = torch.maximum(smoothstep(62, 100, y), smoothstep(0.98, 1.5, turned)) * (1 - 0.25 * smoothstep(0, -60, y))
    deep = deep * (1 - 0.5 * groove * parted) * (1 - afro) + afro * faces.hair_volume * ball
    return cover * deep * (0.35 + 0.65 * (1 - smoothstep(0.0, 0.9, turned)) + 0.4 * smoothstep(0.6, 1.2, turned))


def _interpolated(turned: Tensor) -> Tensor:
    angles = torch.tensor([a for a, _ in _LINE], device=turned.device)
    heights = torch.tensor([float(h) for _, h in _LINE], device=turned.device)
    place = torch.bucketize(turned.clamp(0, 2.0999).contiguous(), angles, right=True).clamp(1, len(_LINE) - 1)
    low, high = angles[place - 1], angles[place]
    share = (turned.clamp(0, 2.1) - low) / (high - low)
    return heights[place - 1] * (1 - share) + heights[place] * share
