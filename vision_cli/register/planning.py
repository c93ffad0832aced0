"""Where a registration starts, and its resolution: as fine as the preset asks and the memory allows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.devices import available_memory
from vision_cli.core.errors import ResourceError, UsageError
from vision_cli.register import images, itk_files
from vision_cli.register.fields import Grid
from vision_cli.register.images import Image
from vision_cli.register.options.registration import Init
from vision_cli.register.transforms import AffineTransform

_MARGIN_PER_EXTENT = 0.02
_MAX_VOXELS = 12_000_000
_MAX_ALONG = 256
# Measured with pairs of 6 and 17 million voxels: libraries, full-resolution outputs, and the search.
_FIXED_BYTES = 750_000_000
_BYTES_PER_IMAGE_VOXEL = 110
_BYTES_PER_VOXEL = 90


def starting_point(init: str, option: str = "--init") -> Init | NDArray[np.float64]:
    """Return where the linear alignment starts: a word as it is, or the matrix of a file, fixed -> moving RAS mm.

    Parameters
    ----------
    init
        ``header``, ``moments``, ``search`` or the file of an affine transform.
    option
        Where it was asked for, for the message.

    Raises
    ------
    UsageError
        If it is none of these.
    InputError
        If the file is damaged.
    """
    words: tuple[Init, ...] = get_args(Init)
    for word in words:
        if word == init:
            return word
    chain = itk_files.read_transform(Path(init)) if Path(init).is_file() else []
    if len(chain) != 1 or not isinstance(chain[0], AffineTransform):
        raise UsageError(
            f"{option}: {init} found; header, moments, search or the file of an affine transform expected."
        )
    return chain[0].matrix


def work_grid(
    fixed: Image, *, spacing: float | None, halved: bool, max_memory: float | None
) -> tuple[Grid, tuple[str, ...]]:
    """Choose the grid on which the images are compared: the fixed foreground at a spacing that suits.

    Parameters
    ----------
    fixed
        The fixed image.
    spacing
        Wanted spacing in mm; None for the image's own, or what gives 256 voxels along the longest side.
    halved
        Work at twice that spacing.
    max_memory
        Bytes that the work may take; None for what the machine has.

    Returns
    -------
    tuple
        The grid, and a note where it is coarser than wanted.

    Raises
    ------
    ResourceError
        If not even a tiny grid fits.
    """
    extent = max(n * s for n, s in zip(fixed.grid.shape, fixed.grid.spacing, strict=True))
    box = images.crop_to_foreground(fixed, _MARGIN_PER_EXTENT * float(extent))
    size = np.asarray(box.shape) * box.spacing
    finest = float(box.spacing.min())
    wanted = spacing or max(finest, float(size.max()) / _MAX_ALONG) * (2 if halved else 1)
    limit = available_memory() if max_memory is None else max_memory
    least = _FIXED_BYTES + _BYTES_PER_IMAGE_VOXEL * fixed.values.numel()
    budget = min(_MAX_VOXELS, (limit - least) / _BYTES_PER_VOXEL)
    if budget < 1000:
        raise ResourceError(
            f"--max-memory: {limit / 1e9:.2f} GB found; about {least / 1e9 + 0.05:.2f} GB expected at least.",
            hint="Give more memory.",
        )
    chosen = wanted
    while math.prod(_shape_at(box, chosen)) > budget:
        chosen *= 1.05
    notes: tuple[str, ...] = ()
    if chosen > wanted:
        notes = (f"working at {chosen:.2f} mm instead of {wanted:.2f} mm to stay within memory",)
    return box.resized(_shape_at(box, chosen)), notes


def _shape_at(box: Grid, spacing: float) -> tuple[int, ...]:
    return tuple(
        n if own > 0.95 * spacing else max(2, round(n * own / spacing))
        for n, own in zip(box.shape, box.spacing, strict=True)
    )
