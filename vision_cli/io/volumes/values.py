"""What the voxels of an image, a label map or a mask may be when read, and the types that are written.

Each check gives the values in the type that the commands compute with, or refuses them in one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

_INFINITE_LIMIT = 0.05
_INTEGER_WITHIN = 1e-3
_INT32, _UINT32 = np.iinfo(np.int32), np.iinfo(np.uint32)


def finite_values(path: Path, data: NDArray[Any], *, is_image: bool = True) -> tuple[NDArray[Any], list[str]]:
    """Replace values that are NaN or infinite, with a note.

    NaN marks what lies outside of a subject (SPM, nilearn), so in an image these voxels get its lowest value, and 0 in
    labels and masks. Infinite values are replaced in the same way if they are few.

    Raises
    ------
    InputError
        If no value is finite, 5 % of the voxels or more are infinite, or the values are no real numbers.
    """
    if data.dtype.kind in "biu":
        return data, []
    if data.dtype.kind != "f":
        raise InputError(f"{path}: values of type {data.dtype}; real numbers expected.", hint="Convert the values.")
    finite = np.isfinite(data)
    bad = data.size - int(np.count_nonzero(finite))
    if bad == 0:
        return data, []
    infinite = int(np.count_nonzero(np.isinf(data)))
    if bad == data.size or infinite >= _INFINITE_LIMIT * data.size:
        found = "all voxels are NaN" if infinite == 0 else f"{infinite / data.size:.1%} of the voxels are infinite"
        raise InputError(
            f"{path}: {found}; finite values, and below {_INFINITE_LIMIT:.0%} infinite ones, expected.",
            hint="Repair the image.",
        )
    outside = data[finite].min() if is_image else 0
    note = f"{bad} voxels ({bad / data.size:.2%}) were NaN or infinite and were read as outside ({outside:g})"
    return np.where(finite, data, outside), [note]


def image_values(path: Path, values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the values of an image.

    Raises
    ------
    InputError
        If they are all the same, or beyond float32.
    """
    limit = float(np.finfo(np.float32).max)
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        raise InputError(
            f"{path}: every voxel is {float(lowest):g}; an image with contrast expected.",
            hint="Give another file.",
        )
    if max(abs(float(lowest)), abs(float(highest))) > limit:
        raise InputError(
            f"{path}: values up to {float(highest):g}; within float32 expected.", hint="Rescale the values."
        )
    return np.asarray(values, dtype=np.float32)


def label_values(path: Path, values: NDArray[Any]) -> NDArray[np.integer]:
    """Return the ids of a label map as int32, or int64 if they need it; reals within 0.001 of integers are rounded.

    Raises
    ------
    InputError
        If an id is no integer, or beyond uint32 and int32.
    """
    if values.dtype.kind == "f":
        rounded = np.rint(values)
        if not np.all(np.abs(values - rounded) <= _INTEGER_WITHIN):
            worst = float(values.flat[int(np.argmax(np.abs(values - rounded)))])
            raise InputError(
                f"{path}: label {worst:g}; integers within {_INTEGER_WITHIN:g} expected.",
                hint="Resample label maps by nearest neighbour, or give the label map rather than the image.",
            )
        values = rounded
    lowest, highest = int(values.min()), int(values.max())
    if lowest < _INT32.min or highest > _UINT32.max:
        raise InputError(
            f"{path}: labels {lowest} to {highest}; {_INT32.min} to {_UINT32.max} expected.",
            hint="Renumber the labels.",
        )
    return np.asarray(values, dtype=np.int32 if highest <= _INT32.max else np.int64)


def plain_values(path: Path, values: NDArray[Any]) -> NDArray[Any]:
    """Return integers as int32 (int64 if they need it) and real numbers as float32.

    Raises
    ------
    InputError
        If they are beyond these types.
    """
    if values.dtype.kind in "biu":
        return label_values(path, values)
    highest = float(np.abs(values).max())
    if highest > float(np.finfo(np.float32).max):
        raise InputError(f"{path}: values up to {highest:g}; within float32 expected.", hint="Rescale the values.")
    return np.asarray(values, dtype=np.float32)


def mask_values(path: Path, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return a mask: where the values are not 0.

    Raises
    ------
    InputError
        If they are 0 everywhere.
    """
    mask = np.asarray(values != 0)
    if not mask.any():
        raise InputError(f"{path}: every voxel of the mask is 0; some voxel set expected.", hint="Give another mask.")
    return mask


def picture_dtype(data: NDArray[Any], wanted: np.dtype[Any], suffix: str) -> np.dtype[Any]:
    """Return the type of a picture's values: the wanted one where pictures have it, else the nearest."""
    if wanted.kind == "b" or wanted in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return wanted
    if wanted.kind == "f" and suffix != ".png":
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if float(data.max()) <= np.iinfo(np.uint8).max else np.uint16)


def as_stored(data: NDArray[Any], wanted: np.dtype[Any]) -> NDArray[Any]:
    """Return the values in a type that files have, the wanted one or the nearest.

    Real numbers are rounded to integers, with NaN as 0, and all are clipped to the range of the type.
    Integers of 64 bits become those of 32 where they fit, because few tools read the former.
    """
    dtype = _stored_dtype(data, wanted)
    if dtype.kind not in "iu" or data.dtype == dtype or data.dtype.kind == "b":
        return data.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    if data.dtype.kind == "f":
        # The greatest 64-bit integers are no floats: the comparison, not a clip, tells what is above.
        rounded = np.nan_to_num(np.rint(data.astype(np.float64)), nan=0.0)
        within = np.where((rounded < limits.max) & (rounded > limits.min), rounded, 0).astype(dtype)
        ends = np.where(rounded > 0, limits.max, limits.min).astype(dtype)
        return np.asarray(np.where((rounded < limits.max) & (rounded > limits.min), within, ends))
    return np.asarray(np.clip(data, limits.min, limits.max).astype(dtype))


def _stored_dtype(data: NDArray[Any], wanted: np.dtype[Any]) -> np.dtype[Any]:
    if wanted.kind == "b":
        return np.dtype(np.uint8)
    if wanted.kind == "f" and wanted.itemsize not in {4, 8}:
        return np.dtype(np.float32 if wanted.itemsize < 4 else np.float64)
    if wanted.kind in "iu" and wanted.itemsize == 8:
        narrow = np.iinfo(np.int32 if wanted.kind == "i" else np.uint32)
        if data.max() <= narrow.max and (wanted.kind == "u" or data.min() >= narrow.min):
            return narrow.dtype
    return wanted.newbyteorder("=")
