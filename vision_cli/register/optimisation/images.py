"""Images on a device, prepared for registration: intensities near [0, 1], foreground, blurring and downsampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid

_QUANTILE_SAMPLE = 1_000_000
_COARSEST_IMAGE = 16
# With a stage at two thirds of the resolution, where images have a third of the voxels, half as many iterations on the
# finest images give the same overlap.
_FINE_SHRINKS = (1.5, 1.0)


@dataclass(frozen=True)
class Image:
    """A scalar image on a grid in RAS space.

    Attributes
    ----------
    values
        ``(*grid)`` float32.
    grid
        Grid of the voxels.
    mask
        ``(*grid)`` bool, the voxels that are compared; None for all.
    """

    values: Tensor
    grid: Grid
    mask: Tensor | None = None

    def blurred_to(self, spacing: float, blur: float = 0.5) -> Image:
        """Return the image blurred against aliasing for sampling at ``spacing`` mm.

        The standard deviation is ``blur`` coarse voxels along axes where ``spacing`` is coarser than the image.
        """
        ratio = spacing / self.grid.spacing
        sigma = tuple(float(blur * r) if r > 1.01 else 0.0 for r in ratio)
        return Image(fields.gaussian_blur(self.values[None], sigma)[0], self.grid, self.mask)

    def pooled_to(self, spacing: float) -> Image:
        """Return the image with blocks of voxels of at most ``spacing`` mm averaged, without the mask.

        Cheaper than a blur of the same width. The last block along an axis may have fewer voxels.
        """
        size = tuple(max(1, int(spacing / own + 1e-6)) for own in self.grid.spacing)
        if max(size) == 1:
            return Image(self.values, self.grid)
        pool = (functional.avg_pool2d, functional.avg_pool3d)[self.grid.ndim - 2]
        values = pool(self.values[None, None], size, ceil_mode=True, count_include_pad=False)[0, 0]
        blocks = np.diag([*size, 1.0])
        blocks[:-1, -1] = (np.asarray(size) - 1) / 2
        return Image(values, Grid(tuple(values.shape), self.grid.vox2ras @ blocks))

    def filled(self) -> Image:
        """Return the image with what the mask hides (a lesion) replaced by a smooth continuation of what it shows.

        Blurring and interpolation would mix hidden intensities into their neighbourhood, at coarse scales far into it.
        Pull-push: the shown voxels are averaged over ever larger blocks, and gaps are filled from the next coarser
        average (Gortler et al., SIGGRAPH 1996, section 3.3).
        """
        if self.mask is None or bool(self.mask.all()):
            return self
        share = self.mask.to(self.values)
        return Image(_pull_push(self.values * share, share), self.grid, self.mask)

    def reduced_to(self, spacing: float) -> Image:
        """Return the image blurred as by `blurred_to` and resampled to ``spacing`` mm; coarser axes stay unchanged."""
        shape = tuple(
            max(2, round(n * own / spacing)) if own < spacing and n > 1 else n
            for n, own in zip(self.grid.shape, self.grid.spacing, strict=True)
        )
        grid = self.grid.resized(shape)
        blurred = self.blurred_to(spacing)
        mask = None
        if self.mask is not None:
            mask = fields.resize(self.mask[None].float(), shape)[0] > 0.5
        return Image(fields.resize(blurred.values[None], shape)[0], grid, mask)


def _pull_push(total: Tensor, share: Tensor) -> Tensor:
    """Return ``total / share`` where the share is 1, filled from coarser averages elsewhere; all ``(*grid)``."""
    if max(share.shape) == 1 or bool((share > 0).all() and share.min() == 1):
        return total / share.clamp(min=1e-6)
    pool = (functional.avg_pool2d, functional.avg_pool3d)[share.ndim - 2]
    size = tuple(min(2, n) for n in share.shape)
    pair = torch.stack([total, share])[:, None]
    coarser, weight = pool(pair, size, ceil_mode=True, count_include_pad=False)[:, 0]
    mode = ("bilinear", "trilinear")[share.ndim - 2]
    above = _pull_push(coarser, weight)[None, None]
    gaps = functional.interpolate(above, size=tuple(share.shape), mode=mode, align_corners=False)[0, 0]
    return total + (1 - share) * gaps


def normalise(values: NDArray[np.float32], device: torch.device) -> Tensor:
    """Scale intensities linearly so that the background is near 0 and the brightest foreground near 1.

    0 is the 0.5 % quantile of the image, 1 the 99.5 % quantile of the voxels above Otsu's threshold; the result is
    clamped to [0, 1.2], so that a few outliers have no influence.
    """
    image = torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32, device=device)
    stride = max(1, image.numel() // _QUANTILE_SAMPLE)
    sample = image.reshape(-1)[::stride].cpu().numpy()
    low = float(np.quantile(sample, 0.005))
    bright = sample[sample > otsu_threshold(sample)]
    high = float(np.quantile(bright, 0.995)) if bright.size else float(sample.max())
    if high <= low:
        low, high = float(image.min()), float(image.max())
    return ((image - low) / max(high - low, 1e-12)).clamp_(0, 1.2)


def otsu_threshold(sample: NDArray[np.float32], bins: int = 256) -> float:
    """Return the threshold of greatest between-class variance (Otsu 1979) of a sample of intensities."""
    low, high = np.quantile(sample, (0.0, 0.999))
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        # Nearly all voxels have one value: all that exceeds it is foreground.
        return float(low + 1e-6 * abs(low))
    counts, edges = np.histogram(sample.astype(np.float64), bins=bins, range=(float(low), float(high)))
    centres = 0.5 * (edges[:-1] + edges[1:])
    below = np.cumsum(counts)
    above = below[-1] - below
    mass = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = mass / below - (mass[-1] - mass) / above
        between = np.where((below > 0) & (above > 0), below * above * gap**2, 0.0)
    return float(edges[1 + int(between.argmax())])


def foreground(image: Image) -> Tensor:
    """Return the voxels of the subject, ``(*grid)`` bool: the mask, or those above a quarter of Otsu's threshold."""
    if image.mask is not None:
        return image.mask
    stride = max(1, image.values.numel() // _QUANTILE_SAMPLE)
    threshold = otsu_threshold(image.values.reshape(-1)[::stride].cpu().numpy())
    return image.values > 0.25 * threshold


def crop_to_foreground(image: Image, margin: float) -> Grid:
    """Return the smallest sub-grid that contains the foreground with ``margin`` mm around it."""
    inside = foreground(image)
    start, stop = [], []
    for axis, size in enumerate(image.values.shape):
        others = tuple(a for a in range(inside.ndim) if a != axis)
        hit = torch.nonzero(inside.any(dim=others) if others else inside).reshape(-1)
        pad = int(np.ceil(margin / image.grid.spacing[axis]))
        first, last = (int(hit[0]), int(hit[-1])) if hit.numel() else (0, size - 1)
        start.append(max(0, first - pad))
        stop.append(min(size, last + pad + 1))
    return image.grid.cropped(tuple(start), tuple(b - a for a, b in zip(start, stop, strict=True)))


def resample(image: Image, onto: Grid, fixed_to_moving: NDArray[np.float64]) -> Tensor:
    """Resample an image linearly through an RAS matrix onto another grid, ``(*onto.shape)``; 0 outside."""
    matrix = np.linalg.inv(image.grid.vox2ras) @ fixed_to_moving @ onto.vox2ras
    points = fields.affine_points(matrix, onto.shape, image.values.device)
    return fields.sample(image.values[None], points)[0]


def centroid(image: Image, *, within_subject: bool = False) -> NDArray[np.float64]:
    """Return the centroid of the foreground in RAS mm, ``(D,)``.

    With ``within_subject`` that of the subject inside the mask: a mask that hides a lesion covers the background too.
    """
    inside = foreground(image)
    if within_subject and image.mask is not None:
        subject = foreground(Image(image.values, image.grid)) & image.mask
        inside = subject if bool(subject.any()) else inside
    index = torch.nonzero(inside)[:: max(1, image.values.numel() // _QUANTILE_SAMPLE)]
    centre = index.double().mean(0).cpu().numpy() if len(index) else (np.asarray(image.grid.shape) - 1) / 2
    result: NDArray[np.float64] = image.grid.vox2ras[:-1, :-1] @ centre + image.grid.vox2ras[:-1, -1]
    return result


def coarsened(grid: Grid, spacing: float) -> Grid:
    """Return a grid of about ``spacing`` mm over the same box; coarser axes stay unchanged."""
    return grid.resized(
        tuple(
            n if own > 0.7 * spacing or n < 4 else max(2, -(-round(n * own * 1000) // round(spacing * 1000)))
            for n, own in zip(grid.shape, grid.spacing, strict=True)
        )
    )


def shrink_factors(grid: Grid) -> tuple[float, ...]:
    """Return the downsampling factor of the images of each stage, coarsest first: powers of two, then 1.5 and 1."""
    longest = max(n * s for n, s in zip(grid.shape, grid.spacing, strict=True)) / float(grid.spacing.min())
    count = 1
    while longest / 2**count >= _COARSEST_IMAGE:
        count += 1
    return (*(2.0**k for k in range(count - 1, 0, -1)), *_FINE_SHRINKS)
