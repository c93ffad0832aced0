"""Light on the faces: a lamp with shadows, light from everywhere, and mirror-like reflections."""

from __future__ import annotations

import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.drawing.skin_paint import Painted
from vision_cli.phantoms.faces.rig.packing import Packed

_CELLS, _REACH = 64, 160.0
_BIAS, _SOFT = 7.0, 8.0
_SHARPNESS = 22
# Red light goes farther inside skin than blue.
_WRAP = (0.40, 0.34, 0.32)
_HAIR_WRAP = 0.2


def rotation(faces: Packed) -> Tensor:
    """Return matrices from the head to the camera, ``(B, 3, 3)``; y is up."""
    yaw, pitch, roll = faces.yaw[:, 0], faces.pitch[:, 0], faces.roll[:, 0]
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(rows: list[list[Tensor]]) -> Tensor:
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    cy, sy, cp, sp, cr, sr = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin(), roll.cos(), roll.sin()
    about_y = matrix([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    about_x = matrix([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]])
    # Clockwise in the picture.
    about_z = matrix([[cr, sr, zero], [-sr, cr, zero], [zero, zero, one]])
    return about_z @ about_x @ about_y


def shadow_map(points: Tensor, lamp: Tensor) -> tuple[Tensor, Tensor]:
    """Return how near the lamp surfaces come, ``(B, cells, cells)`` in mm, and the lamp's axes ``(B, 3, 3)``.

    Corners of the mesh are closer together than cells, so they need no triangles.
    """
    up = torch.tensor([0.0, 1.0, 0.0], device=points.device).expand_as(lamp)
    across = torch.linalg.cross(up, lamp)
    across = across / across.norm(dim=1, keepdim=True).clamp(min=1e-3)
    axes = torch.stack([across, torch.linalg.cross(lamp, across), lamp], 1)
    seen = points @ axes.transpose(1, 2)
    cells = ((seen[..., :2] / _REACH + 1) * (_CELLS / 2)).long().clamp(0, _CELLS - 1)
    place = cells[..., 1] * _CELLS + cells[..., 0]
    nearest = torch.full((len(points), _CELLS * _CELLS), -1e4, device=points.device)
    nearest.scatter_reduce_(1, place, seen[..., 2].contiguous(), "amax")
    return nearest.reshape(len(points), _CELLS, _CELLS), axes


def lit_share(points: Tensor, shadows: Tensor, axes: Tensor) -> Tensor:
    """Return how much of the lamp reaches the corners of meshes ``(B, V, 3)``, ``(B, V, 1)``.

    Between corners it is interpolated, which costs less than asking for every pixel and is smoother.
    """
    count = points.shape[0]
    seen = points @ axes.transpose(1, 2)
    place = (seen[..., :2] / _REACH + 1) * (_CELLS / 2) - 0.5
    first = torch.arange(count, device=points.device)[:, None] * (_CELLS * _CELLS)
    flat = shadows.flatten()
    total = torch.zeros_like(seen[..., 2])
    # Cubic B-splines over 4 x 4 cells: the penumbra is as wide as two cells.
    low = place.floor()
    share = place - low
    weights = _spline_weights(share)
    for down in range(4):
        row = (low[..., 1] + (down - 1)).clamp(0, _CELLS - 1).long() * _CELLS + first
        for right in range(4):
            column = (low[..., 0] + (right - 1)).clamp(0, _CELLS - 1).long()
            # How far something else is nearer to the lamp.
            hidden = flat[row + column] - seen[..., 2] - _BIAS
            weight = weights[down][..., 1] * weights[right][..., 0]
            total = total + weight * (1 - hidden / _SOFT).clamp(0, 1)
    return total[..., None]


def _spline_weights(share: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rest = 1 - share
    first, last = rest**3 / 6, share**3 / 6
    second = 2 / 3 - 0.5 * share**2 * (2 - share)
    return first, second, 1 - first - second - last, last


def shade(painted: Painted, normals: Tensor, axes: tuple[Tensor, Tensor], faces: Packed, lit: Tensor) -> Tensor:
    """Return linear radiance, ``(P, 3)``.

    Parameters
    ----------
    painted
        What the light meets.
    normals
        Unit normals of the camera, ``(P, 3)``.
    axes
        Where x and y of the head point in the camera, ``(P, 3)`` each, for slopes.
    faces
        Light of each pixel.
    lit
        Share of the lamp that is not in shadow, ``(P, 1)``.
    """
    for k, axis in enumerate(axes):
        along = axis - normals * (normals * axis).sum(1, keepdim=True)
        normals = normals - painted.slope[:, k : k + 1] * along
    normals = normals * torch.rsqrt((normals * normals).sum(1, keepdim=True) + 1e-9)
    lamp = faces.lamp
    facing = (normals * lamp).sum(1, keepdim=True)
    wrap = torch.tensor(_WRAP, device=normals.device) * painted.scattering + _HAIR_WRAP * (1 - painted.scattering)
    diffuse = (facing + wrap).clamp(min=0) / (1 + wrap)
    around = faces.ambient * (0.80 + 0.14 * normals[:, 1:2] + 0.16 * normals[:, 2:3])
    towards = 1.25 * (1 - faces.ambient) * diffuse * lit
    halfway = lamp + torch.tensor([0.0, 0.0, 1.0], device=normals.device)
    halfway = halfway * torch.rsqrt((halfway * halfway).sum(-1, keepdim=True))
    mirrored = (normals * halfway).sum(1, keepdim=True).clamp(min=0) ** _SHARPNESS
    light = (around * painted.open_to_light + towards * (0.4 + 0.6 * painted.open_to_light)) * faces.lamp_colour
    return painted.albedo * light + painted.gloss * mirrored * lit
