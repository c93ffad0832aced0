"""Relation of the intensities of two linearly aligned images, and an image mapped to the contrast of the other one.

Squared local correlation has no sign, but it assumes a relation that is linear in every window. Between two contrasts
it is not, least of all at the outline of a subject whose background is black in both. There the moving intensities are
replaced by the fixed ones that are expected for them, the conditional expectation of the correlation ratio (Roche et
al., MICCAI 1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from vision_cli.register.optimisation.images import Image, coarsened, foreground, resample
from vision_cli.register.transforms.fields import Grid

Mask = NDArray[np.bool_]

_BINS = 64
_RANGE = 1.2
_BLUR_BINS = 1.5
_SAMPLES_ALONG_LONGEST = 88
_INCREASING = 0.75
"""Share of the explained variance that an increasing relation explains, from which on the contrasts are the same."""
_LEAST_EXPLAINED = 0.05
"""Explained share of the variance below which the images are too far apart for a relation to be known."""


@dataclass(frozen=True)
class IntensityRelation:
    """Fixed intensities as a function of the moving ones, under a linear alignment.

    Attributes
    ----------
    explained
        Share of the variance of the fixed intensities that a function of the moving ones explains (the correlation
        ratio), in [0, 1], over the voxels that show the subject in both images.
    increasing
        Share that an increasing function explains; at most ``explained``.
    expected
        ``(64,)`` expected fixed intensity for moving intensities from 0 to 1.2 in the subject.
    background
        Expected fixed intensity outside of the moving subject.
    """

    explained: float
    increasing: float
    expected: NDArray[np.float64]
    background: float

    @property
    def is_increasing(self) -> bool:
        """Whether the images have the same contrast up to a gain, or are too far apart for another to be known."""
        return self.explained < _LEAST_EXPLAINED or self.increasing >= _INCREASING * self.explained

    def mapped(self, moving: Image) -> Image:
        """Return the moving image with the fixed intensities that are expected for its own."""
        position = moving.values.clamp(0, _RANGE) * (_BINS / _RANGE) - 0.5
        curve = torch.as_tensor(self.expected, dtype=moving.values.dtype, device=moving.values.device)
        low = position.floor().clamp(0, _BINS - 2)
        share = (position - low).clamp_(0, 1)
        index = low.long()
        values = torch.lerp(curve[index], curve[index + 1], share)
        return Image(torch.where(subject(moving), values, self.background), moving.grid, moving.mask)


def relate_intensities(fixed: Image, moving: Image, grid: Grid, matrix: NDArray[np.float64]) -> IntensityRelation:
    """Return the relation of two images on the voxels of a grid.

    Parameters
    ----------
    fixed, moving
        Images with intensities near [0, 1]; masked voxels do not count.
    grid
        Grid of the compared voxels; at most 88 along its longest side are used.
    matrix
        The linear alignment, fixed RAS mm -> moving RAS mm.
    """
    from scipy.optimize import isotonic_regression

    longest = float((np.asarray(grid.shape) * grid.spacing).max())
    coarse = coarsened(grid, max(longest / _SAMPLES_ALONG_LONGEST, float(grid.spacing.min())))

    def seen(image: Image, transform: NDArray[np.float64]) -> tuple[NDArray[np.float64], Mask, Mask]:
        inside = foreground(Image(image.values, image.grid)).float()
        counted = torch.ones_like(image.values) if image.mask is None else image.mask.float()
        values, within, count = (
            resample(Image(plane, image.grid), coarse, transform).cpu().numpy()
            for plane in (image.values, inside, counted)
        )
        return values.ravel().astype(np.float64), _filled(within > 0.5).ravel(), count.ravel() > 0.5

    target, in_fixed, counts_fixed = seen(fixed, np.eye(grid.ndim + 1))
    source, in_moving, counts_moving = seen(moving, matrix)
    counted = counts_fixed & counts_moving
    both = counted & in_fixed & in_moving
    outside = counted & ~in_moving
    background = float(target[outside].mean()) if outside.any() else 0.0
    bins = np.clip(source * (_BINS / _RANGE), 0, _BINS - 1).astype(np.int64)

    def smoothed(chosen: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        counts = np.bincount(bins[chosen], minlength=_BINS).astype(np.float64)
        sums = np.bincount(bins[chosen], weights=target[chosen], minlength=_BINS)
        wide, high = (ndimage.gaussian_filter1d(part, _BLUR_BINS, mode="constant") for part in (counts, sums))
        met = wide > 1e-3
        if not met.any():
            return counts, np.zeros(_BINS)
        at = np.arange(_BINS)
        return counts, np.interp(at, at[met], high[met] / wide[met])

    # The curve also covers what is subject in one image alone; the shares are of tissue against tissue.
    _, expected = smoothed(counted & in_moving)
    counts, tissue = smoothed(both)
    variance = float(np.var(target[both])) * counts.sum() if both.any() else 0.0
    if variance <= 0:
        return IntensityRelation(0.0, 0.0, expected, background)
    used = counts > 0
    mean = float(np.average(tissue[used], weights=counts[used]))
    rising = isotonic_regression(tissue[used], weights=counts[used]).x
    explained, increasing = (
        float((counts[used] * (curve - mean) ** 2).sum() / variance) for curve in (tissue[used], rising)
    )
    return IntensityRelation(min(explained, 1.0), min(increasing, explained, 1.0), expected, background)


def subject(image: Image) -> Tensor:
    """Return the foreground with the dark tissue that it encloses in a slice of any direction, ``(*grid)`` bool."""
    inside = foreground(Image(image.values, image.grid))
    return torch.from_numpy(_filled(inside.cpu().numpy())).to(inside.device)


def _filled(inside: Mask) -> Mask:
    """Return a mask with its holes filled, slice by slice along each axis."""
    if inside.ndim == 2:
        return np.asarray(ndimage.binary_fill_holes(inside))
    filled = inside.copy()
    for axis in range(inside.ndim):
        for part, whole in zip(np.moveaxis(inside, axis, 0), np.moveaxis(filled, axis, 0), strict=True):
            if min(part.shape) > 1 and part.any():
                whole[...] |= ndimage.binary_fill_holes(part)
    return filled
