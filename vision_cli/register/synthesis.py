"""Pairs to train on that no scanner made: random shapes, two deformations, any contrast (SynthMorph, IEEE TMI 2022).

A base label map is seen through two maps, one for each image. Both are known, so the displacement from the fixed to the
moving image is as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vision_cli.phantoms.blobs import draw_blobs, smooth_noise
from vision_cli.register import fields

_LABELS = (16, 26)
_MOTION_MM = (4.0, 10.0)
_CORRELATION_MM = (24.0, 64.0)
_TURN_DEG, _SCALE, _SHIFT_MM = 3.0, 0.03, 3.0
_SQUARINGS = 5


@dataclass(frozen=True)
class SyntheticPair:
    """A generated pair.

    Attributes
    ----------
    fixed, moving
        ``(*shape)`` intensities in [0, 1].
    fixed_labels, moving_labels
        ``(*shape)`` int64.
    displacement
        ``(D, *shape)`` voxels, from fixed to moving points.
    """

    fixed: Tensor
    moving: Tensor
    fixed_labels: Tensor
    moving_labels: Tensor
    displacement: Tensor


def draw_pair(
    seed: int,
    shape: Sequence[int],
    spacing: float,
    device: torch.device,
    maps: Sequence[Tensor] = (),
) -> SyntheticPair:
    """Draw a pair; the same seed gives the same pair.

    Parameters
    ----------
    seed
        Seed of the pair, below 2^32: torch takes no more of it.
    shape
        Voxels along each of two or three axes.
    spacing
        Voxel size in mm, the same along all axes.
    device
        Where it is computed.
    maps
        Label maps ``(*shape)`` to draw from; without them random shapes.
    """
    generator = torch.Generator().manual_seed(seed)
    if maps:
        base = maps[int(torch.randint(len(maps), (1,), generator=generator))].to(device)
    else:
        base = draw_blobs(shape, int(_between(_LABELS, generator)), generator, device)
    velocities = [_velocity(shape, spacing, generator, device) for _ in range(2)]
    to_base = [_flow(velocity, shape) for velocity in velocities]
    turn = _residual_affine(shape, spacing, generator)
    points = fields.identity_points(tuple(shape), device)
    fixed_points = points + to_base[0]
    # The moving image is seen through the affine after its own deformation.
    moving_points = _mapped(turn, points + to_base[1])
    fixed_labels, moving_labels = (_nearest(base, where) for where in (fixed_points, moving_points))
    back = _mapped(torch.linalg.inv(turn), fixed_points)
    inverse = _flow(-velocities[1], shape)
    displacement = back + fields.sample(inverse, back, padding="border") - points

    count = int(base.max()) + 1
    means = torch.rand(2, count, generator=generator)
    if torch.rand(1, generator=generator) < 0.5:
        # One contrast, as within a study; the other half of the pairs has two.
        means[1] = means[0]
    if torch.rand(1, generator=generator) < 0.5:
        means[:, 0] = 0.0
    images = [
        _scan(labels, own.to(device), generator)
        for labels, own in zip((fixed_labels, moving_labels), means, strict=True)
    ]
    return SyntheticPair(images[0], images[1], fixed_labels, moving_labels, displacement)


def _velocity(shape: Sequence[int], spacing: float, generator: torch.Generator, device: torch.device) -> Tensor:
    """Stationary velocity of two octaves on half the grid, ``(D, *ceil(shape / 2))`` in its voxels."""
    half = [-(-n // 2) for n in shape]
    size = _between(_MOTION_MM, generator) / (2 * spacing)
    step = _between(_CORRELATION_MM, generator) / (2 * spacing)
    dim = len(shape)
    noise = smooth_noise(dim, half, step, generator, device)
    noise += 0.3 * smooth_noise(dim, half, step / 2, generator, device)
    # Each of two images moves by half of the difference that is wanted.
    return fields.gaussian_blur(noise, (step / 6,) * dim) * (size / math.sqrt(2))


def _flow(velocity: Tensor, shape: Sequence[int]) -> Tensor:
    """Displacement of ``exp(velocity)`` on the whole grid, ``(D, *shape)`` in its voxels."""
    return fields.rescale(fields.exponentiate(velocity, _SQUARINGS), tuple(shape))


def _residual_affine(shape: Sequence[int], spacing: float, generator: torch.Generator) -> Tensor:
    """Draw what an affine registration leaves: small turns, scales and shifts about the middle, voxel to voxel."""
    dim = len(shape)
    draw = torch.randn(dim, dim, generator=generator)
    turn = (draw - draw.T) / 2 * math.radians(_TURN_DEG)
    scale = torch.diag(torch.randn(dim, generator=generator) * _SCALE)
    linear = torch.linalg.matrix_exp(turn + scale)
    middle = (torch.tensor(list(shape), dtype=torch.float32) - 1) / 2
    matrix = torch.eye(dim + 1)
    matrix[:dim, :dim] = linear
    shift = torch.randn(dim, generator=generator) * (_SHIFT_MM / spacing)
    matrix[:dim, dim] = middle - linear @ middle + shift
    return matrix


def _mapped(matrix: Tensor, points: Tensor) -> Tensor:
    dim = points.shape[0]
    matrix = matrix.to(points)
    return torch.einsum("ij,j...->i...", matrix[:dim, :dim], points) + matrix[:dim, dim].view(-1, *[1] * dim)


def _nearest(labels: Tensor, points: Tensor) -> Tensor:
    """Labels of the nearest voxels, those at the border going on beyond it."""
    index = [p.round().long().clamp(0, n - 1) for p, n in zip(points, labels.shape, strict=True)]
    return labels[tuple(index)]


def _scan(labels: Tensor, means: Tensor, generator: torch.Generator) -> Tensor:
    """Turn labels into intensities: means, texture, blur, bias field, noise and gamma, ``(*shape)`` in [0, 1]."""
    shape, device = tuple(labels.shape), labels.device
    texture = smooth_noise(1, shape, _between((2.0, 8.0), generator), generator, device)[0]
    image = means[labels] * (1 + _between((0.0, 0.2), generator) * texture)
    image = fields.gaussian_blur(image[None], (_between((0.2, 1.0), generator),) * len(shape))[0]
    bias = smooth_noise(1, shape, max(shape) / 3, generator, device)[0]
    image = image * torch.exp(_between((0.0, 0.3), generator) * bias)
    grain = torch.randn(shape, generator=generator).to(device)
    image = (image + _between((0.0, 0.04), generator) * grain * image.max()).clamp(min=0)
    image = image / image.max().clamp(min=1e-6)
    return image ** math.exp(float(torch.randn(1, generator=generator)) * 0.25)


def _between(limits: tuple[float, float], generator: torch.Generator) -> float:
    low, high = limits
    return low + (high - low) * float(torch.rand(1, generator=generator))
