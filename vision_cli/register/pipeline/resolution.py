"""Choice of the working grid of a registration, limited by the preset and the memory."""

from __future__ import annotations

import math

import numpy as np

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import ResourceError
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.transforms.fields import Grid

_MARGIN_PER_EXTENT = 0.02
_MAX_VOXELS = 12_000_000
_MAX_ALONG = 256
# Measured with pairs of 6 and 17 million voxels: libraries, full-resolution outputs, and the optimisation.
_FIXED_BYTES = 750_000_000
_BYTES_PER_IMAGE_VOXEL = 110
_BYTES_PER_VOXEL = 90
_LEAST_VOXELS = 1000


def work_grid(
    fixed: Image, *, spacing: float | None, halved: bool, max_memory: float | None
) -> tuple[Grid, tuple[str, ...]]:
    """Return the grid on which the images are compared: a box around the fixed foreground.

    Parameters
    ----------
    fixed
        The fixed image.
    spacing
        Spacing in mm; None for that of the image, or the one that gives 256 voxels along the longest side.
    halved
        Work at half that resolution.
    max_memory
        Memory limit in bytes, which the resolution is chosen by; None for no limit. The memory that happens to be free
        has no influence on the grid, so that results do not depend on it.

    Returns
    -------
    tuple
        The grid, and a note if it is coarser than requested.

    Raises
    ------
    ResourceError
        If the limit does not suffice for any grid, or the free memory not for the chosen one.
    """
    extent = max(n * s for n, s in zip(fixed.grid.shape, fixed.grid.spacing, strict=True))
    box = images.crop_to_foreground(fixed, _MARGIN_PER_EXTENT * float(extent))
    size = np.asarray(box.shape) * box.spacing
    finest = float(box.spacing.min())
    wanted = spacing or max(finest, float(size.max()) / _MAX_ALONG) * (2 if halved else 1)
    least = _FIXED_BYTES + _BYTES_PER_IMAGE_VOXEL * fixed.values.numel()
    budget: float = _MAX_VOXELS
    if max_memory is not None:
        budget = min(budget, (max_memory - least) / _BYTES_PER_VOXEL)
    if budget < _LEAST_VOXELS and max_memory is not None:
        raise ResourceError(
            f"--max-memory: {max_memory / 1e9:.2f} GB found; about {least / 1e9 + 0.05:.2f} GB expected at least.",
            hint="Allow more memory.",
        )
    chosen = wanted
    while math.prod(_shape_at(box, chosen)) > budget:
        chosen *= 1.05
    needed, free = least + _BYTES_PER_VOXEL * math.prod(_shape_at(box, chosen)), available_memory()
    if needed > free:
        raise ResourceError(
            f"memory: {free / 1e9:.2f} GB free found; about {needed / 1e9:.2f} GB expected at {chosen:.2f} mm.",
            hint=f"Free memory, or work at a coarser resolution with --max-memory {math.floor(free / 1e7) / 100:.2f}."
            if free > least + _BYTES_PER_VOXEL * _LEAST_VOXELS
            else "Free memory.",
        )
    notes: tuple[str, ...] = ()
    if chosen > wanted:
        within = "memory" if max_memory is not None else f"{_MAX_VOXELS // 1_000_000} million voxels"
        notes = (f"working at {chosen:.2f} mm instead of {wanted:.2f} mm to stay within {within}",)
    return box.resized(_shape_at(box, chosen)), notes


def _shape_at(box: Grid, spacing: float) -> tuple[int, ...]:
    return tuple(
        n if own > 0.95 * spacing else max(2, round(n * own / spacing))
        for n, own in zip(box.shape, box.spacing, strict=True)
    )
