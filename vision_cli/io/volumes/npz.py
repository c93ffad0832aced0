"""Volumes in NumPy archives (.npz), as VoxelMorph keeps them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.io.limits import require_memory
from vision_cli.io.reading import reading
from vision_cli.io.volumes.raw import Matrix, RawImage, pick_volume, without_trailing_ones
from vision_cli.io.volumes.slices import one_slice

_GRID_KEY = "vox2ras"
_IMAGE_KEYS, _LABEL_KEYS = ("vol", "vol_data"), ("seg",)

_LARGEST_GRID = 16
"""Numbers of a matrix from voxels to mm."""


def read_npz(path: Path, volume: int | None, *, labels: bool) -> RawImage:
    """Read the image or the label map of an archive; pickled objects are never loaded.

    Raises
    ------
    InputError
        If the archive is damaged, holds several arrays under other names, or an array that is no image.
    """
    with reading(path):
        headers = npz_headers(path)
    key = _pick_key(path, list(headers), labels)
    shape, dtype = headers[key].shape, headers[key].dtype
    if dtype.kind not in "biuf":
        raise InputError(
            f"{path}: array {key} of type {dtype}; real numbers expected.", hint="Store numbers, not objects."
        )
    picked, notes = pick_volume(path, shape, volume)
    require_memory(path, shape, dtype.itemsize, most=headers[key].most)
    grid_header = headers.get(_GRID_KEY)
    if grid_header is not None and math.prod(grid_header.shape) > _LARGEST_GRID:
        raise InputError(
            f"{path}: {_GRID_KEY} of shape {grid_header.shape}; {(4, 4)} expected.", hint="Store a matrix."
        )
    with reading(path):
        arrays = read_arrays(path, {name: headers[name] for name in (key, _GRID_KEY) if name in headers})
    stored, stored_grid = arrays[key], arrays.get(_GRID_KEY)
    chosen = stored if picked is None else stored[:, :, :, picked]
    if stored_grid is not None and stored_grid.shape == (4, 4) and stored_grid.dtype.kind in "iuf":
        data, grid, plane, slice_notes = one_slice(chosen, stored_grid.astype(np.float64))
        return RawImage(data, grid, data.dtype, (*notes, *slice_notes), plane)
    data = without_trailing_ones(chosen)
    size = data.ndim + 1
    if stored_grid is None:
        note = "no vox2ras in the archive; 1 mm voxels along RAS were assumed"
        return RawImage(data, np.eye(size), data.dtype, (*notes, note))
    if stored_grid.shape != (size, size) or stored_grid.dtype.kind not in "iuf":
        raise InputError(
            f"{path}: vox2ras of shape {stored_grid.shape}; {(size, size)} expected.",
            hint="Store a matrix of one row and column more than the image has axes.",
        )
    return RawImage(data, stored_grid.astype(np.float64), data.dtype, notes)


def write_npz(path: Path, data: NDArray[np.generic], vox2ras: Matrix) -> None:
    """Write real numbers as ``vol`` and integers as ``seg``, with their ``vox2ras``."""
    # `savez_compressed` of a stream keeps the path as it is, whatever its suffix.
    with path.open("wb") as stream:
        if data.dtype.kind == "f":
            np.savez_compressed(stream, vol=data, vox2ras=vox2ras)
        else:
            np.savez_compressed(stream, seg=data, vox2ras=vox2ras)


def _pick_key(path: Path, keys: list[str], labels: bool) -> str:
    for key in _LABEL_KEYS if labels else _IMAGE_KEYS:
        if key in keys:
            return key
    arrays = [key for key in keys if key != _GRID_KEY]
    if len(arrays) != 1:
        wanted = " or ".join(_LABEL_KEYS if labels else _IMAGE_KEYS)
        raise InputError(
            f"{path}: arrays {', '.join(arrays) or 'none'}; {wanted}, or one array alone, expected.",
            hint="Rename the array.",
        )
    return arrays[0]
