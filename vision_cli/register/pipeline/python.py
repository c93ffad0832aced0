"""Registration from Python: files or arrays in, a `Registration` out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import InputError
from vision_cli.io.volumes.values import finite_values, image_values, mask_values
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.register.options.registration import RegistrationOptions
from vision_cli.register.pipeline import pipeline
from vision_cli.register.pipeline.inputs import Pair
from vision_cli.register.pipeline.result import Registration
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import resample

Array = NDArray[Any]
ImageLike = str | Path | Volume | Array | tuple[Array, Array]
"""A file, a volume, an array with voxels of 1 mm along RAS, or an array with its matrix from voxel index to RAS mm."""


def register(
    fixed: ImageLike,
    moving: ImageLike,
    options: RegistrationOptions | None = None,
    *,
    fixed_mask: ImageLike | None = None,
    moving_mask: ImageLike | None = None,
    start: NDArray[np.float64] | None = None,
    device: str = "auto",
    threads: str | int = "auto",
) -> Registration:
    """Register a moving image onto a fixed one.

    Parameters
    ----------
    fixed, moving
        The images, 2D or 3D. Slices of files are registered in their planes.
    options
        Settings; the defaults are those of the command.
    fixed_mask, moving_mask
        Regions that are compared, not 0 inside; None for all.
    start
        Affine matrix to start from, fixed RAS mm -> moving RAS mm.
    device, threads
        See `vision_cli.core.compute.devices.configure`.

    Raises
    ------
    InputError
        If an image cannot be used, or the numbers of axes differ.
    NumericalError
        If the optimisation diverges, or the affine turns further than ``max_rotation_deg`` allows.

    Examples
    --------
    >>> from vision_cli.register import RegistrationOptions, register, warp
    >>> found = register("fixed.nii.gz", "moving.nii.gz", RegistrationOptions(preset="fast"))  # doctest: +SKIP
    >>> warped = warp(found, "moving.nii.gz", "fixed.nii.gz")  # doctest: +SKIP
    """
    images = as_volume(fixed, "fixed"), as_volume(moving, "moving")
    if images[0].ndim != images[1].ndim:
        raise InputError(f"moving: {images[1].ndim}D found; {images[0].ndim}D, as the fixed image, expected.")
    mask_f, mask_m = (None if mask is None else as_volume(mask, "mask") for mask in (fixed_mask, moving_mask))
    compute = configure(device, threads)
    return pipeline.register(
        Pair(*images, fixed_mask=mask_f, moving_mask=mask_m), options or RegistrationOptions(), compute, start=start
    )


def warp(
    found: Registration, moving: ImageLike, fixed: ImageLike, interpolation: str = "linear", fill: float = 0.0
) -> Array:
    """Return an image of the moving subject on the grid of the fixed image.

    Parameters
    ----------
    found
        The registration.
    moving, fixed
        The image to warp, and one on the grid to warp it onto.
    interpolation, fill
        See `vision_cli.register.transforms.transforms.resample`.
    """
    kind = "labels" if interpolation == "label" else "values"
    source, onto = as_volume(moving, kind), as_volume(fixed, "values")
    grids = Grid(source.shape, source.vox2ras), Grid(onto.shape, onto.vox2ras)
    return resample(source.data, *grids, found.chain, interpolation, fill)


def as_volume(image: ImageLike, role: str) -> Volume:
    """Return an image as a volume; ``role`` is its name in messages, and ``mask``, ``labels`` or ``values`` its kind.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    if isinstance(image, Volume):
        return image
    kind: Any = role if role in {"mask", "labels", "values"} else "image"
    if isinstance(image, str | Path):
        return read_volume(image, kind=kind)
    values, vox2ras = image if isinstance(image, tuple) else (image, np.eye(np.ndim(image) + 1))
    data, matrix, name = np.asarray(values), np.asarray(vox2ras, dtype=np.float64), Path(role)
    if data.ndim not in {2, 3} or matrix.shape != (data.ndim + 1, data.ndim + 1):
        raise InputError(
            f"{role}: an array {data.shape} with a matrix {matrix.shape} found; two or three axes, and a matrix of one "
            "row more, expected."
        )
    finite, notes = finite_values(name, data, is_image=kind == "image")
    if kind == "image":
        finite = image_values(name, finite)
    elif kind == "mask":
        finite = mask_values(name, finite)
    return Volume(np.ascontiguousarray(finite), matrix, data.dtype, name, tuple(notes))
