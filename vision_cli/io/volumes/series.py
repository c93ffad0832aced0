"""Series of volumes in one NIfTI file: 4D images of functional or dynamic scans."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import atomic_path
from vision_cli.io import packing
from vision_cli.io.limits import most_unpacked, require_memory
from vision_cli.io.reading import reading
from vision_cli.io.volumes.nifti import read_nifti, require_header_room
from vision_cli.io.volumes.raw import Matrix
from vision_cli.io.volumes.values import as_stored, finite_values, plain_values
from vision_cli.io.volumes.volumes import Volume

_SUFFIXES = (".nii", ".nii.gz")


@dataclass(frozen=True)
class Series:
    """A series of volumes on one grid.

    Attributes
    ----------
    volumes
        The volumes, integers or float32.
    step
        Time between two volumes, as the header of the file has it.
    """

    volumes: tuple[Volume, ...]
    step: float


def series_length(path: Path) -> int | None:
    """Return the number of volumes of a 4D NIfTI file; None for any other file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not path.name.lower().endswith(_SUFFIXES) or not path.is_file() or path.stat().st_size == 0:
        return None
    with reading(path):
        require_header_room(path)
        shape = nib.load(path).shape  # type: ignore[attr-defined]
    return int(shape[3]) if len(shape) >= 4 and shape[3] > 1 and math.prod(shape[4:]) == 1 else None


def read_series(path: Path) -> Series:
    """Read all volumes of a 4D NIfTI file.

    Raises
    ------
    InputError
        If the file is damaged, larger than memory, or has no finite values.
    """
    # The first volume is read with all checks of a single image.
    first = read_nifti(path, 0)
    with reading(path):
        image: Any = nib.load(path)
        shape, on_disk = image.shape[:4], np.dtype(image.get_data_dtype())
    most = most_unpacked(path) if path.name.lower().endswith(".gz") else path.stat().st_size
    require_memory(path, shape, on_disk.itemsize + 8, most=most)
    with reading(path):
        stored = np.asanyarray(image.dataobj).reshape(shape)
    volumes = []
    for number in range(shape[3]):
        values, notes = finite_values(path, stored[..., number].reshape(first.data.shape))
        data = np.ascontiguousarray(plain_values(path, values))
        volumes.append(Volume(data, first.vox2ras, first.dtype, path, (*first.notes, *notes), first.plane))
    return Series(tuple(volumes), float(image.header["pixdim"][4]))


def write_series(
    path: Path, volumes: Iterable[NDArray[np.generic]], vox2ras: Matrix, dtype: np.dtype[np.generic], step: float
) -> None:
    """Write volumes ``(X, Y, Z)`` or ``(X, Y)`` as one 4D NIfTI file; real numbers are rounded to an integer type."""
    stored = [as_stored(values, dtype) for values in volumes]
    ndim = stored[0].ndim
    affine = np.eye(4)
    affine[:ndim, :ndim], affine[:ndim, 3] = vox2ras[:ndim, :ndim], vox2ras[:ndim, ndim]
    shape = (*stored[0].shape, *([1] * (3 - ndim)))
    image = nib.Nifti1Image(np.stack([values.reshape(shape) for values in stored], axis=-1), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = step
    content = image.to_bytes()
    with atomic_path(path) as hidden:
        hidden.write_bytes(packing.pack(content) if path.name.lower().endswith(".gz") else content)
