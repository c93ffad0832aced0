"""NumPy archives (.npz) of volumes, as learning-based registration stores them."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.raw import (
    Matrix,
    RawImage,
    pick_volume,
    reading,
    require_bytes,
    require_memory,
    slice_grid,
    without_trailing_ones,
)

_GRID_KEY = "vox2ras"
_IMAGE_KEYS, _LABEL_KEYS = ("vol", "vol_data"), ("seg",)


def read_npz(path: Path, volume: int | None, *, labels: bool) -> RawImage:
    """Read the image or the label map of an archive; pickled objects are never loaded.

    Raises
    ------
    InputError
        If the archive is damaged, holds several arrays under other names, or an array that is no image.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        key = _pick_key(path, keys, labels)
        shape, dtype = npz_header(archive, f"{key}.npy")
        held = archive.getinfo(f"{key}.npy").file_size
    if dtype.kind not in "biuf":
        raise InputError(
            f"{path}: array {key} of type {dtype}; real numbers expected.", hint="Store numbers, not objects."
        )
    picked, notes = pick_volume(path, shape, volume)
    require_memory(path, shape, dtype.itemsize)
    require_bytes(path, math.prod(shape) * dtype.itemsize, held)
    with reading(path), np.load(path, allow_pickle=False) as archive:
        stored = archive[key]
        stored_grid = np.asarray(archive[_GRID_KEY]) if _GRID_KEY in keys else None
    data = without_trailing_ones(stored if picked is None else stored[:, :, :, picked])
    size = data.ndim + 1
    if stored_grid is None:
        note = "no vox2ras in the archive; 1 mm voxels along RAS were assumed"
        return RawImage(data, np.eye(size), data.dtype, (*notes, note))
    if stored_grid.shape not in {(size, size), (4, 4)} or stored_grid.dtype.kind not in "iuf":
        raise InputError(
            f"{path}: vox2ras of shape {stored_grid.shape}; {(size, size)} expected.",
            hint="Store a matrix of one row and column more than the image has axes.",
        )
    grid = stored_grid.astype(np.float64)
    if grid.shape != (size, size):
        grid, slice_notes = slice_grid(grid)
        notes = (*notes, *slice_notes)
    return RawImage(data, grid, data.dtype, notes)


def write_npz(path: Path, data: NDArray[np.generic], vox2ras: Matrix) -> None:
    """Write real numbers as ``vol`` and integers as ``seg``, with their ``vox2ras``."""
    # `savez_compressed` of a stream keeps the path as it is, whatever its suffix.
    with path.open("wb") as stream:
        if data.dtype.kind == "f":
            np.savez_compressed(stream, vol=data, vox2ras=vox2ras)
        else:
            np.savez_compressed(stream, seg=data, vox2ras=vox2ras)


def npz_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read shape and type of an array of an archive without its values."""
    with archive.open(name) as stream:
        read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    return shape, dtype


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
