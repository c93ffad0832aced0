"""What the other parts are painted with: eyeballs, mouth, teeth, tongue, ears, neck, clothes, loose hair, frames."""

from __future__ import annotations

import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.curves import fall, smoothstep
from vision_cli.phantoms.faces.rig.drawing.noise import Noise
from vision_cli.phantoms.faces.rig.drawing.skin_paint import Painted, paint_face
from vision_cli.phantoms.faces.rig.packing import Packed
from vision_cli.phantoms.faces.rig.shape.parts import Material
from vision_cli.phantoms.faces.rig.shape.surface import EYE_RADIUS

_IRIS, _PUPIL = 6.0, 2.2


def paint(material: Material, faces: Packed, places: Tensor, noise: Noise, footprint: Tensor) -> Painted:
    """Paint P pixels of one material.

    Parameters
    ----------
    material
        What they show.
    faces
        The person of each.
    places
        Coordinates of the material, ``(P, 3)``.
    noise
        Irregularities.
    footprint
        Size of a pixel in mm, ``(P, 1)`` or for all of them ``(1, 1)``.
    """
    if material is Material.FACE:
        return paint_face(faces, places, noise, footprint)
    u, v, w = (places[:, k : k + 1] for k in range(3))
    one = torch.ones_like(u)
    flat = torch.zeros(len(places), 2, device=places.device)
    match material:
        case Material.EYEBALL:
            return _eyeball(faces, places, flat)
        case Material.MOUTH:
            colour = torch.tensor([0.035, 0.010, 0.010], device=places.device).expand(len(places), 3)
            return Painted(colour, flat, 0 * one, 0.7 * one, 0 * one)
        case Material.TEETH:
            return _teeth(faces, u, v, w, flat)
        case Material.TONGUE:
            colour = torch.tensor([0.30, 0.085, 0.085], device=places.device) * (0.5 + 0.5 * smoothstep(-1.0, 0.4, v))
            return Painted(colour, flat, 0.06 * one, 0.85 * one, one)
        case Material.EAR:
            rim = 0.72 + 0.28 * smoothstep(0.35, 0.9, w) - 0.25 * fall(((w - 0.55) / 0.15) ** 2)
            tint = torch.tensor([1.0, 0.86, 0.84], device=places.device)
            return Painted(faces.skin * tint, flat, 0.5 * faces.gloss * one, rim, one)
        case Material.NECK:
            return _neck(faces, u, v, w, noise, flat)
        case Material.HAIR:
            strands = noise.strands(faces, 22 * u, v)
            colour = (faces.hair * (1 + 0.45 * strands)).clamp(min=0.003)
            return Painted(colour, flat, 0.03 * one, 0.62 + 0.3 * torch.cos(u - 3 * u.sign()).clamp(min=0), 0 * one)
        case Material.FRAME:
            return Painted((0.35 * faces.hair + 0.004) * one, flat, 0.10 * one, one, 0 * one)


def _eyeball(faces: Packed, places: Tensor, flat: Tensor) -> Painted:
    device = places.device
    gaze = torch.cat([torch.sin(faces.gaze_x), -torch.sin(faces.gaze_y), torch.cos(faces.gaze_x)], 1)
    gaze = gaze / gaze.norm(dim=1, keepdim=True)
    from_axis = EYE_RADIUS * torch.acos((places * gaze).sum(1, keepdim=True).clamp(-0.9999, 0.9999))
    white = torch.tensor([0.47, 0.43, 0.41], device=device) * (1 - 0.018 * from_axis) * (1 - 0.2 * faces.melanin)
    # Fibres and the dark ring around the iris.
    turn = torch.atan2(places[:, 1:2] - gaze[:, 1:2], places[:, :1] - gaze[:, :1])
    fibres = 0.85 + 0.18 * torch.sin(23 * turn) + 0.5 * (from_axis / _IRIS)
    iris = faces.iris * fibres * (1 - 0.65 * fall(((from_axis - _IRIS) / 0.7) ** 2))
    in_iris = smoothstep(_IRIS + 0.35, _IRIS - 0.35, from_axis)
    colour = white * (1 - in_iris) + iris * in_iris
    in_pupil = smoothstep(_PUPIL + 0.3, _PUPIL - 0.3, from_axis)
    colour = colour * (1 - in_pupil) + 0.004 * in_pupil
    # The corner of the eye near the nose is pink, and lids keep the light from the upper part.
    lids = 0.42 + 0.50 * smoothstep(5.0, -1.5, EYE_RADIUS * places[:, 1:2])
    lids = lids * (1 - 0.25 * smoothstep(7.5, 12.0, EYE_RADIUS * places[:, :1].abs()))
    return Painted(colour, flat, torch.zeros_like(lids), lids, torch.zeros_like(lids))


def _teeth(faces: Packed, u: Tensor, v: Tensor, lower: Tensor, flat: Tensor) -> Painted:
    pitch = torch.where(lower > 0.5, 5.4, 7.8)
    shift = torch.where(lower > 0.5, 2.7, 3.9)
    gaps = torch.cos(2 * torch.pi * (u + shift) / pitch)
    gap = smoothstep(0.90, 0.99, gaps)
    colour = torch.tensor([0.62, 0.56, 0.46], device=u.device) * (1 - 0.12 * faces.age)
    colour = colour * (1 - 0.45 * gap)
    edge = torch.where(lower > 0.5, v, 1 - v)
    gum = smoothstep(0.66, 0.82, edge)
    colour = colour * (1 - gum) + torch.tensor([0.35, 0.11, 0.11], device=u.device) * gum
    inner = (0.95 - 0.75 * (u.abs() / 23) ** 2) * torch.where(lower > 0.5, 0.72, 1.0)
    return Painted(colour, flat, 0.05 + 0 * u, inner.clamp(0.1, 1), 0 * u)


def _neck(faces: Packed, u: Tensor, v: Tensor, w: Tensor, noise: Noise, flat: Tensor) -> Painted:
    # A round collar; some are cut lower in front.
    collar = -146 + 8 * u.abs() - 30 * faces.offsets[:, 6:7] * w.clamp(min=0) ** 3
    cloth = smoothstep(1.5, -1.5, v - collar)
    folds = noise.strands(faces, 60 * u, 0.4 * v)
    colour = 0.94 * faces.skin * (1 - cloth) + faces.clothes * (1 + 0.10 * folds) * cloth
    shade = 1 - 0.30 * smoothstep(-150.0, -105.0, v)
    return Painted(colour, flat, 0.02 * (1 - cloth), shade, 1 - cloth)
