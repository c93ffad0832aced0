"""Synthetic training pairs: label maps or random shapes, deformed and given random intensities.

After SynthMorph (Hoffmann et al., IEEE TMI 2022): an image is a label map with an intensity for each label, texture,
shading and noise. A pair shows either one subject with two deformations, so that the displacement is known, or two
subjects of a group, which are compared by their labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vision_cli.phantoms.brains.blobs import draw_blobs, smooth_noise
from vision_cli.phantoms.brains.brains import draw_means
from vision_cli.register.training.example import Example
from vision_cli.register.training.subjects import Subject, soft_labels
from vision_cli.register.transforms import fields

_SHAPE_LABELS = (16, 26)
_MARGIN = 1.15
_CORRELATION_MM = (24.0, 64.0)
_TURN_DEG, _SCALE, _SHIFT_MM = 3.0, 0.03, 3.0
_ZOOM = 0.08
_ACROSS_MOTION = 0.4
_SQUARINGS = 5
_T1_SHARE = 0.6


@dataclass(frozen=True)
class Recipe:
    """Distribution of the pairs.

    Attributes
    ----------
    across
        Fraction of the pairs that show two subjects.
    shapes
        Fraction of the pairs that show random shapes.
    motion_mm
        Range of the standard deviation of the velocity between the two images of a subject.
    misalignment
        Factor of the rotations, scalings and shifts that stand for the error of an affine registration.
    offset_mm
        Standard deviation of the distance between the centres of the images and of the subject.
    """

    across: float = 0.0
    shapes: float = 0.25
    motion_mm: tuple[float, float] = (2.4, 6.0)
    misalignment: float = 1.0
    offset_mm: float = 6.0


class PairSource:
    """Draws pairs by seed; the same seed gives the same pair.

    Parameters
    ----------
    subjects
        Subjects to draw from; if empty, all pairs show random shapes.
    shape
        Shape of the images in voxels, in 2D or 3D.
    spacing
        Voxel size in mm, the same along all axes.
    device
        Device of the computation.
    """

    def __init__(self, subjects: Sequence[Subject], shape: Sequence[int], spacing: float, device: torch.device) -> None:
        self.shape, self.spacing, self.device = tuple(shape), spacing, device
        self.maps = [soft_labels(subject.labels, spacing, device) for subject in subjects]
        self.groups = [subject.group for subject in subjects]

    def draw(self, seed: int, recipe: Recipe, labels: int | None = None) -> Example:
        """Draw a pair.

        Parameters
        ----------
        seed
            A number below 2^32.
        recipe
            Distribution of the pair.
        labels
            Number of labels, drawn at random, that the example contains; None for all.
        """
        generator = torch.Generator().manual_seed(seed)
        (numbers, fixed), (_, moving), known = self._draw_soft_labels(recipe, generator)
        means = self._draw_means(numbers, seed, generator)
        count = len(numbers) - 1
        chosen = 1 + torch.randperm(count, generator=generator)[:labels]
        # Intensities are assigned before the deformation, so that texture and shading move with the labels.
        sides = [
            torch.cat([_scan(torch.einsum("l,l...->...", own, part), generator)[None], part[chosen]])
            for own, part in zip(means, (fixed, moving), strict=True)
        ]
        warps, displacement_voxels = self._deformations(recipe, known, generator)
        place = self._placement(recipe.offset_mm, tuple(fixed.shape[1:]), generator)
        mirrored = bool(torch.rand(1, generator=generator) < 0.5)
        seen = [
            fields.sample(side, fields.transform_points(place, points))
            for side, points in zip(sides, warps, strict=True)
        ]
        if mirrored:
            seen = [side.flip(1) for side in seen]
            if displacement_voxels is not None:
                displacement_voxels = displacement_voxels.flip(1)
                displacement_voxels[0] *= -1
        return Example(seen[0][0], seen[1][0], seen[0][1:], seen[1][1:], displacement_voxels)

    def _draw_soft_labels(
        self, recipe: Recipe, generator: torch.Generator
    ) -> tuple[tuple[tuple[int, ...], Tensor], tuple[tuple[int, ...], Tensor], bool]:
        """Return label numbers and soft labels of the fixed and the moving image, and whether both show one subject."""
        if not self.maps or float(torch.rand(1, generator=generator)) < recipe.shapes:
            shape = [round(n * _MARGIN) for n in self.shape]
            drawn = draw_blobs(shape, int(_between(_SHAPE_LABELS, generator)), generator, self.device)
            numbers = tuple(range(int(drawn.max()) + 1))
            # Negative numbers, so that shapes do not get intensities of tissues.
            shown = tuple(-n for n in numbers), torch.stack([(drawn == n).float() for n in numbers])
            return shown, shown, True
        first = self._choose(range(len(self.maps)), generator)
        second = first
        if float(torch.rand(1, generator=generator)) < recipe.across:
            second = self._choose([n for n, g in enumerate(self.groups) if g == self.groups[first]], generator)
        (own, fixed), (other, moving) = self.maps[first], self.maps[second]
        shared = tuple(n for n in own if n in other)
        return (
            (shared, fixed[[own.index(n) for n in shared]].float()),
            (shared, moving[[other.index(n) for n in shared]].float()),
            first == second,
        )

    def _choose(self, numbers: Sequence[int], generator: torch.Generator) -> int:
        return numbers[int(torch.randint(len(numbers), (1,), generator=generator))]

    def _draw_means(self, numbers: Sequence[int], seed: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the intensities of the labels in the two images, which differ by a few hundredths; background is 0."""
        t1 = float(torch.rand(1, generator=generator)) < _T1_SHARE
        table = draw_means(np.random.default_rng(seed), "t1" if t1 else "random")
        random = torch.rand(len(numbers), generator=generator)
        means = torch.tensor([table.get(n, float(r)) for n, r in zip(numbers, random, strict=True)])
        inside = torch.tensor([n != 0 for n in numbers]).float()
        first = (means + 0.05 * torch.randn(len(numbers), generator=generator)) * inside
        second = (first + 0.02 * torch.randn(len(numbers), generator=generator)) * inside
        return first.to(self.device), second.to(self.device)

    def _deformations(
        self, recipe: Recipe, known: bool, generator: torch.Generator
    ) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        """Return the subject's points shown by the voxels of both images, and the displacement in voxels if known."""
        size = _between(recipe.motion_mm, generator) * (1.0 if known else _ACROSS_MOTION)
        velocities_voxels = [self._draw_velocity_voxels(size, generator) for _ in range(2)]
        turn = self._misalignment(recipe.misalignment, generator)
        points = fields.identity_points(self.shape, self.device)
        fixed_points = points + self._exponentiate_voxels(velocities_voxels[0])
        # The residual affine is applied to the moving image after its deformation.
        moving_points = fields.transform_points(turn, points + self._exponentiate_voxels(velocities_voxels[1]))
        if not known:
            return (fixed_points, moving_points), None
        back = fields.transform_points(torch.linalg.inv(turn), fixed_points)
        inverse_voxels = self._exponentiate_voxels(-velocities_voxels[1])
        displacement_voxels = back + fields.sample(inverse_voxels, back, padding="border") - points
        return (fixed_points, moving_points), displacement_voxels

    def _draw_velocity_voxels(self, size_mm: float, generator: torch.Generator) -> Tensor:
        """Draw a stationary velocity of two octaves on half the grid, ``(D, *ceil(shape / 2))`` in its voxels."""
        half = [-(-n // 2) for n in self.shape]
        step = _between(_CORRELATION_MM, generator) / (2 * self.spacing)
        dim = len(half)
        noise = smooth_noise(dim, half, step, generator, self.device)
        noise += 0.3 * smooth_noise(dim, half, step / 2, generator, self.device)
        # Each of the two images gets half of the variance of the difference.
        return fields.gaussian_blur(noise, (step / 6,) * dim) * (size_mm / (2 * self.spacing) / math.sqrt(2))

    def _exponentiate_voxels(self, velocity_voxels: Tensor) -> Tensor:
        """Return the displacement of ``exp(velocity)`` on the whole grid, ``(D, *shape)`` in its voxels."""
        return fields.rescale(fields.exponentiate(velocity_voxels, _SQUARINGS), self.shape)

    def _misalignment(self, amount: float, generator: torch.Generator) -> Tensor:
        """Draw the error of an affine registration: a small rotation, scaling and shift about the centre."""
        dim = len(self.shape)
        draw = torch.randn(dim, dim, generator=generator)
        turn = (draw - draw.T) / 2 * math.radians(_TURN_DEG)
        scale = torch.diag(torch.randn(dim, generator=generator) * _SCALE)
        shift = torch.randn(dim, generator=generator) * (_SHIFT_MM / self.spacing)
        return fields.centred_matrix(
            self.shape, torch.linalg.matrix_exp(amount * (turn + scale)), self.shape, amount * shift
        )

    def _placement(self, offset_mm: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw the position and magnification of the images in a map of ``shape`` voxels, as a matrix."""
        dim = len(self.shape)
        zoom = torch.diag(torch.exp(_ZOOM * torch.randn(dim, generator=generator)))
        shift = torch.randn(dim, generator=generator) * (offset_mm / self.spacing)
        return fields.centred_matrix(self.shape, zoom, shape, shift)


def _scan(image: Tensor, generator: torch.Generator) -> Tensor:
    """Return intensities ``(*shape)`` with texture, shading, noise and a random gamma, scaled to [0, 1]."""
    shape, device = tuple(image.shape), image.device
    texture = smooth_noise(1, shape, _between((2.0, 8.0), generator), generator, device)[0]
    image = image * (1 + _between((0.0, 0.1), generator) * texture)
    shading = smooth_noise(1, shape, max(shape) / 3, generator, device)[0]
    image = image * torch.exp(_between((0.0, 0.2), generator) * shading)
    grain = torch.randn(shape, generator=generator).to(device)
    image = (image + _between((0.0, 0.03), generator) * grain).clamp(min=0)
    image = image / image.max().clamp(min=1e-6)
    return image ** math.exp(float(torch.randn(1, generator=generator)) * 0.2)


def _between(limits: tuple[float, float], generator: torch.Generator) -> float:
    low, high = limits
    return low + (high - low) * float(torch.rand(1, generator=generator))
