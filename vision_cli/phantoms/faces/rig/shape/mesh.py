"""Parts as one triangle mesh: corners, normals and triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from vision_cli.phantoms.faces.rig.shape.parts import Material, Part


@dataclass(frozen=True)
class Topology:
    """What meshes of all faces have in common.

    Attributes
    ----------
    triangles
        ``(T, 3)``.
    materials
        Of the triangles, ``(T,)``.
    two_sided
        ``(T,)``.
    """

    triangles: Tensor
    materials: Tensor
    two_sided: Tensor


@dataclass(frozen=True)
class Mesh:
    """Corners of B faces.

    Attributes
    ----------
    points, normals, places
        ``(B, V, 3)``; places are the coordinates that materials are painted in.
    follows
        Share of the head's turn, ``(V, 1)``.
    """

    points: Tensor
    normals: Tensor
    places: Tensor
    follows: Tensor
    topology: Topology


def assemble(parts: Sequence[Part]) -> Mesh:
    """Join parts; the strips of the face come first, in order from the top."""
    normals = [_normals(part.points) for part in parts]
    _weld(parts, normals)
    device = parts[0].points.device
    shapes = tuple((part.material, part.two_sided, *part.points.shape[1:3]) for part in parts)
    return Mesh(
        points=torch.cat([part.points.flatten(1, 2) for part in parts], 1),
        normals=torch.cat([normal.flatten(1, 2) for normal in normals], 1),
        places=torch.cat([part.places.flatten(1, 2) for part in parts], 1),
        follows=torch.cat([_follows(part) for part in parts]),
        topology=_topology(shapes, device),
    )


def _follows(part: Part) -> Tensor:
    rows, columns = part.points.shape[1:3]
    if isinstance(part.follows, float):
        return torch.full((rows * columns, 1), part.follows, device=part.points.device)
    return part.follows.expand(rows, columns).reshape(-1, 1)


def _normals(points: Tensor) -> Tensor:
    """Return unit normals of a grid ``(B, r, c, 3)`` by central differences."""
    down = torch.cat(
        [points[:, 1:2] - points[:, :1], points[:, 2:] - points[:, :-2], points[:, -1:] - points[:, -2:-1]], 1
    )
    across = torch.cat(
        [
            points[:, :, 1:2] - points[:, :, :1],
            points[:, :, 2:] - points[:, :, :-2],
            points[:, :, -1:] - points[:, :, -2:-1],
        ],
        2,
    )
    return _unit(torch.linalg.cross(down, across))


def _unit(vectors: Tensor) -> Tensor:
    return vectors * torch.rsqrt((vectors * vectors).sum(-1, keepdim=True) + 1e-12)


def _weld(parts: Sequence[Part], normals: list[Tensor]) -> None:
    """Give strips of the face common normals where their cut is closed, so that no crease shows."""
    for above in range(2):
        gap = (parts[above].points[:, -1] - parts[above + 1].points[:, 0]).square().sum(-1, keepdim=True)
        closed = torch.exp(-gap)
        mean = _unit(normals[above][:, -1] + normals[above + 1][:, 0])
        for part, row in ((above, -1), (above + 1, 0)):
            normals[part][:, row] = _unit(closed * mean + (1 - closed) * normals[part][:, row])


@cache
def _topology(shapes: tuple[tuple[Material, bool, int, int], ...], device: torch.device) -> Topology:
    triangles, materials, two_sided = [], [], []
    start = 0
    for material, both, rows, columns in shapes:
        index = torch.arange(rows * columns).reshape(rows, columns) + start
        here, right = index[:-1, :-1].flatten(), index[:-1, 1:].flatten()
        below, across = index[1:, :-1].flatten(), index[1:, 1:].flatten()
        # Alternating diagonals would be prettier for few triangles; these are about a millimetre.
        both_halves = torch.cat([torch.stack([here, below, right], 1), torch.stack([right, below, across], 1)])
        triangles.append(both_halves)
        materials.append(torch.full((len(both_halves),), int(material)))
        two_sided.append(torch.full((len(both_halves),), both))
        start += rows * columns
    return Topology(torch.cat(triangles).to(device), torch.cat(materials).to(device), torch.cat(two_sided).to(device))
