"""Pictures of faces with their exact truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.faces.rig.drawing.camera import develop
from vision_cli.phantoms.faces.rig.drawing.lighting import lit_share, rotation, shade, shadow_map
from vision_cli.phantoms.faces.rig.drawing.materials import paint
from vision_cli.phantoms.faces.rig.drawing.noise import noise_textures
from vision_cli.phantoms.faces.rig.drawing.rasteriser import Fragments, interpolate, rasterise
from vision_cli.phantoms.faces.rig.packing import Packed, pack
from vision_cli.phantoms.faces.rig.parameters import FaceParameters
from vision_cli.phantoms.faces.rig.shape.deformation import head_tensors, move_head
from vision_cli.phantoms.faces.rig.shape.landmarks import landmark_corners
from vision_cli.phantoms.faces.rig.shape.mesh import Mesh, assemble
from vision_cli.phantoms.faces.rig.shape.parts import Material, build_parts
from vision_cli.phantoms.faces.surroundings import room

SUPERSAMPLING = 2
SHOWN_MM = 225.0
"""Height of what a picture shows at the distance of the eyes, at zoom 1."""

# Pixels that are shaded together on a GPU; each takes about half a kilobyte.
_MOST_PIXELS = 1 << 22
# Normals that point away by more than rounding does at an outline are seen from inside the head, where it is dark.
_INSIDE, _DARK_INSIDE = -0.25, 0.05
_PIVOT = (0.0, -35.0, -62.0)
_CENTRE_Y = -18.0


@dataclass(frozen=True)
class Rendered:
    """Pictures of B faces.

    Attributes
    ----------
    pictures
        ``(B, size, size, 3)`` RGB.
    landmarks
        The 68 points of the iBUG scheme, column and row in pixels, ``(B, 68, 2)``; the first pixel's centre is at 0.
    masks
        Share of a pixel that shows skin of the face, times 255, ``(B, size, size)``.
    poses
        Yaw, pitch and roll in radians, ``(B, 3)``.
    """

    pictures: Labels
    landmarks: Floats
    masks: Labels
    poses: Floats


def render(faces: Sequence[FaceParameters], size: int, *, device: str = "cpu") -> Rendered:
    """Draw faces.

    A face depends on its own parameters alone. On the CPU faces are drawn one by one: vector units of processors round
    the last elements of an array differently, so a common array would make pixels depend on the batch.

    Parameters
    ----------
    faces
        At least one.
    size
        Rows and columns of a picture.
    device
        Where to draw, as torch names it.
    """
    place = torch.device(device)
    count = 1 if place.type == "cpu" else max(1, _MOST_PIXELS // (size * SUPERSAMPLING) ** 2)
    with torch.inference_mode(), _one_thread(place):
        done = [_render(faces[start : start + count], size, place) for start in range(0, len(faces), count)]
    return Rendered(
        np.concatenate([d.pictures for d in done]),
        np.concatenate([d.landmarks for d in done]),
        np.concatenate([d.masks for d in done]),
        np.concatenate([d.poses for d in done]),
    )


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """Keep torch to one thread on the CPU: arrays of one face are too small to share, and shares change bytes."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _render(faces: Sequence[FaceParameters], size: int, device: torch.device) -> Rendered:
    packed = pack(faces, device)
    tensors = head_tensors(device)
    head = move_head(packed, tensors)
    mesh = assemble(build_parts(packed, head, tensors))
    side = size * SUPERSAMPLING
    turned, normals, turn = _posed(mesh, packed)
    projected = _projected(turned, packed, side)
    fragments = rasterise(projected, mesh.topology.triangles, mesh.topology.two_sided, side)
    radiance = _backgrounds(faces, packed, side, device)
    values = torch.cat([lit_share(turned, *shadow_map(turned, packed.lamp)), normals, mesh.places], 2)
    buffer = interpolate(values, mesh.topology.triangles, fragments)
    skin = torch.zeros(len(faces) * side * side, device=device)
    _fill(radiance, skin, buffer, fragments, mesh, packed, turn, SHOWN_MM / side)
    radiance = radiance.reshape(len(faces), side, side, 3).permute(0, 3, 1, 2)
    pictures = develop(functional.avg_pool2d(radiance, SUPERSAMPLING), faces)
    masks = functional.avg_pool2d(skin.reshape(len(faces), 1, side, side), SUPERSAMPLING)[:, 0]
    corners = torch.as_tensor(landmark_corners(), device=device)
    landmarks = projected[:, corners, :2] / SUPERSAMPLING - 0.5
    poses = torch.cat([packed.yaw, packed.pitch, packed.roll], 1)
    return Rendered(
        pictures,
        landmarks.cpu().numpy(),
        (255 * masks).round().to(torch.uint8).cpu().numpy(),
        poses.cpu().numpy(),
    )


def _posed(mesh: Mesh, packed: Packed) -> tuple[Tensor, Tensor, Tensor]:
    """Return points and normals in the frame of the camera, and the turn of the head."""
    turn = rotation(packed)
    pivot = torch.tensor(_PIVOT, device=turn.device)
    points = (mesh.points - pivot) @ turn.transpose(1, 2) + pivot
    points = mesh.points + mesh.follows * (points - mesh.points)
    normals = mesh.normals @ turn.transpose(1, 2)
    return points, mesh.normals + mesh.follows * (normals - mesh.normals), turn


def _projected(points: Tensor, packed: Packed, side: int) -> Tensor:
    depth = packed.distance[..., None] - points[..., 2:]
    focal = (side / SHOWN_MM * packed.distance * packed.zoom)[..., None]
    column = side * (0.5 + packed.shift_x[..., None]) + focal * points[..., :1] / depth
    row = side * (0.5 + packed.shift_y[..., None]) - focal * (points[..., 1:2] - _CENTRE_Y) / depth
    return torch.cat([column, row, depth], -1)


def _backgrounds(faces: Sequence[FaceParameters], packed: Packed, side: int, device: torch.device) -> Tensor:
    rooms = torch.as_tensor(np.stack([room((side, side), face.seed) for face in faces]), device=device)
    return (rooms.reshape(len(faces), -1, 3) * packed.lamp_colour[:, None]).reshape(-1, 3)


def _fill(
    radiance: Tensor,
    skin: Tensor,
    buffer: Tensor,
    fragments: Fragments,
    mesh: Mesh,
    packed: Packed,
    turn: Tensor,
    pixel_mm: float,
) -> None:
    """Shade what each pixel shows, one material after the other, into pictures and masks."""
    noise = noise_textures(buffer.device)
    kinds = mesh.topology.materials[fragments.triangle]
    for material in Material:
        chosen = (kinds == int(material)).nonzero().squeeze(1)
        if not len(chosen):
            continue
        owner = fragments.face[chosen]
        own = packed.at(owner)
        lit, normals, place = buffer[chosen].split([1, 3, 3], 1)
        normals = normals * torch.rsqrt((normals * normals).sum(1, keepdim=True) + 1e-9)
        outside = (normals[:, 2:] > _INSIDE).to(normals.dtype) if material is Material.FACE else None
        # What is seen from behind has its normal towards the camera all the same.
        normals = torch.where(normals[:, 2:] < -0.05, -normals, normals)
        painted = paint(material, own, place, noise, pixel_mm / own.zoom)
        frame = turn[owner] if len(turn) > 1 else turn
        colour = shade(painted, normals, (frame[:, :, 0], frame[:, :, 1]), own, lit)
        if material is Material.EYEBALL:
            colour = colour + _glint(normals, own)
        if outside is not None:
            colour = colour * (_DARK_INSIDE + (1 - _DARK_INSIDE) * outside)
            skin[fragments.pixel[chosen]] = (painted.scattering * outside)[:, 0]
        radiance[fragments.pixel[chosen]] = colour


def _glint(normals: Tensor, faces: Packed) -> Tensor:
    """Return the image of the lamp on the cornea."""
    towards = 0.35 * faces.lamp + torch.tensor([0.0, 0.12, 1.0], device=normals.device)
    towards = towards * torch.rsqrt((towards * towards).sum(-1, keepdim=True))
    near = (normals * towards).sum(1, keepdim=True)
    return 0.7 * ((near - 0.990) / 0.005).clamp(0, 1)
