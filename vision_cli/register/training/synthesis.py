"""Pairs to train on that no scanner made: labelled subjects, or random shapes, deformed and given intensities.

After SynthMorph (Hoffmann et al., IEEE TMI 2022): an image is a label map whose labels have intensities, with texture,
shading and noise. A pair shows one subject through two deformations, and then its displacement is known, or two
subjects of a group, and then only their labels tell how well they meet.
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
from vision_cli.register.training.subjects import Subject, shares
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
    """What pairs are like.

    Attributes
    ----------
    across
        Share of the pairs that show two subjects.
    shapes
        Share of the pairs that show random shapes.
    motion_mm
        Range of the standard deviation of the velocity that takes one image of a subject to the other.
    misalignment
        How much of the turns, scales and shifts that an affine registration may leave is there.
    offset_mm
        Standard deviation of how far the middle of the images is from that of the subject.
    """

    across: float = 0.0
    shapes: float = 0.25
    motion_mm: tuple[float, float] = (2.4, 6.0)
    misalignment: float = 1.0
    offset_mm: float = 6.0


class PairSource:
    """Draws pairs by seed: the same seed gives the same pair.

    Parameters
    ----------
    subjects
        Subjects to draw from; without any, all pairs show random shapes.
    shape
        Voxels of the images along each of two or three axes.
    spacing
        Voxel size in mm, the same along all axes.
    device
        Where it is computed.
    """

    def __init__(self, subjects: Sequence[Subject], shape: Sequence[int], spacing: float, device: torch.device) -> None:
        self.shape, self.spacing, self.device = tuple(shape), spacing, device
        self.maps = [shares(subject.labels, spacing, device) for subject in subjects]
        self.groups = [subject.group for subject in subjects]

    def draw(self, seed: int, recipe: Recipe, labels: int | None = None) -> Example:
        """Draw a pair.

        Parameters
        ----------
        seed
            Below 2^32: torch takes no more of it.
        recipe
            What it is like.
        labels
            How many labels, drawn by chance, the pair is given; None for all.
        """
        generator = torch.Generator().manual_seed(seed)
        (numbers, fixed), (_, moving), known = self._two_maps(recipe, generator)
        means = self._means(numbers, seed, generator)
        count = len(numbers) - 1
        chosen = 1 + torch.randperm(count, generator=generator)[:labels]
        # What is seen of a label moves with it, so that intensities are laid on before the deformation.
        sides = [
            torch.cat([_scan(torch.einsum("l,l...->...", own, part), generator)[None], part[chosen]])
            for own, part in zip(means, (fixed, moving), strict=True)
        ]
        warps, displacement = self._deformations(recipe, known, generator)
        place = self._placement(recipe.offset_mm, tuple(fixed.shape[1:]), generator)
        mirrored = bool(torch.rand(1, generator=generator) < 0.5)
        seen = [fields.sample(side, fields.mapped(place, points)) for side, points in zip(sides, warps, strict=True)]
        if mirrored:
            seen = [side.flip(1) for side in seen]
            if displacement is not None:
                displacement = displacement.flip(1)
                displacement[0] *= -1
        return Example(seen[0][0], seen[1][0], seen[0][1:], seen[1][1:], displacement)

    def _two_maps(
        self, recipe: Recipe, generator: torch.Generator
    ) -> tuple[tuple[tuple[int, ...], Tensor], tuple[tuple[int, ...], Tensor], bool]:
        """Label numbers and shares for the fixed and the moving image, and whether both show the same."""
        if not self.maps or float(torch.rand(1, generator=generator)) < recipe.shapes:
            shape = [round(n * _MARGIN) for n in self.shape]
            drawn = draw_blobs(shape, int(_between(_SHAPE_LABELS, generator)), generator, self.device)
            numbers = tuple(range(int(drawn.max()) + 1))
            # Numbers of shapes are not those of tissues.
            shown = tuple(-n for n in numbers), torch.stack([(drawn == n).float() for n in numbers])
            return shown, shown, True
        first = self._any(range(len(self.maps)), generator)
        second = first
        if float(torch.rand(1, generator=generator)) < recipe.across:
            second = self._any([n for n, g in enumerate(self.groups) if g == self.groups[first]], generator)
        (own, fixed), (other, moving) = self.maps[first], self.maps[second]
        shared = tuple(n for n in own if n in other)
        return (
            (shared, fixed[[own.index(n) for n in shared]].float()),
            (shared, moving[[other.index(n) for n in shared]].float()),
            first == second,
        )

    def _any(self, numbers: Sequence[int], generator: torch.Generator) -> int:
        return numbers[int(torch.randint(len(numbers), (1,), generator=generator))]

    def _means(self, numbers: Sequence[int], seed: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Intensities of the labels in the two images, which differ by a few hundredths; the background is dark."""
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
        """Points of the subjects that the voxels of the two images show, and the displacement where it is known."""
        size = _between(recipe.motion_mm, generator) * (1.0 if known else _ACROSS_MOTION)
        velocities = [self._velocity(size, generator) for _ in range(2)]
        turn = self._misalignment(recipe.misalignment, generator)
        points = fields.identity_points(self.shape, self.device)
        fixed_points = points + self._flow(velocities[0])
        # The moving image is seen through the affine after its own deformation.
        moving_points = fields.mapped(turn, points + self._flow(velocities[1]))
        if not known:
            return (fixed_points, moving_points), None
        back = fields.mapped(torch.linalg.inv(turn), fixed_points)
        inverse = self._flow(-velocities[1])
        displacement = back + fields.sample(inverse, back, padding="border") - points
        return (fixed_points, moving_points), displacement

    def _velocity(self, size_mm: float, generator: torch.Generator) -> Tensor:
        """Stationary velocity of two octaves on half the grid, ``(D, *ceil(shape / 2))`` in its voxels."""
        half = [-(-n // 2) for n in self.shape]
        step = _between(_CORRELATION_MM, generator) / (2 * self.spacing)
        dim = len(half)
        noise = smooth_noise(dim, half, step, generator, self.device)
        noise += 0.3 * smooth_noise(dim, half, step / 2, generator, self.device)
        # Each of two images moves by half of the difference that is wanted.
        return fields.gaussian_blur(noise, (step / 6,) * dim) * (size_mm / (2 * self.spacing) / math.sqrt(2))

    def _flow(self, velocity: Tensor) -> Tensor:
        """Displacement of ``exp(velocity)`` on the whole grid, ``(D, *shape)`` in its voxels."""
        return fields.rescale(fields.exponentiate(velocity, _SQUARINGS), self.shape)

    def _misalignment(self, amount: float, generator: torch.Generator) -> Tensor:
        """Draw what an affine registration leaves: small turns, scales and shifts about the middle."""
        dim = len(self.shape)
        draw = torch.randn(dim, dim, generator=generator)
        turn = (draw - draw.T) / 2 * math.radians(_TURN_DEG)
        scale = torch.diag(torch.randn(dim, generator=generator) * _SCALE)
        shift = torch.randn(dim, generator=generator) * (_SHIFT_MM / self.spacing)
        return fields.centred_matrix(
            self.shape, torch.linalg.matrix_exp(amount * (turn + scale)), self.shape, amount * shift
        )

    def _placement(self, offset_mm: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Where in a map of ``shape`` voxels the images are taken from, and how much they enlarge it."""
        dim = len(self.shape)
        zoom = torch.diag(torch.exp(_ZOOM * torch.randn(dim, generator=generator)))
        shift = torch.randn(dim, generator=generator) * (offset_mm / self.spacing)
        return fields.centred_matrix(self.shape, zoom, shape, shift)


def _scan(image: Tensor, generator: torch.Generator) -> Tensor:
    """Give intensities ``(*shape)`` texture, shading, noise and another gamma; the result lies in [0, 1]."""
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
