"""NIfTI and FreeSurfer volumes, through nibabel.

The grid is the sform where its code says that it is set, else the qform, else ITK's default. Units other
than mm are converted. Writing sets both forms, and the same values always give the same bytes.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io import packing
from vision_cli.io.limits import most_unpacked, require_bytes, require_memory, require_room
from vision_cli.io.reading import reading
from vision_cli.io.volumes.raw import (
    Matrix,
    RawImage,
    is_orthogonal,
    pick_volume,
    pixel_grid,
)
from vision_cli.io.volumes.slices import one_slice

_MM_PER_UNIT = {"meter": 1000.0, "micron": 0.001}
_ALIGNED = 1  # NIFTI_XFORM_SCANNER_ANAT
_SAME_MM = 0.1
_TRAILER = 64 << 20
"""Bytes that may follow the voxels of a small file."""

_HEADERS = {348: (108, "f"), 540: (168, "q")}
"""Length of a NIfTI header -> where the place of the voxels stands in it, and its type."""


def read_nifti(path: Path, volume: int | None) -> RawImage:
    """Read a NIfTI, MGH or MGZ file.

    Raises
    ------
    InputError
        If the file is damaged or not of this kind, or holds colours, complex numbers or a series.
    """
    with reading(path), _header_repairs() as repairs:
        require_header_room(path)
        image: Any = nib.load(path)
    on_disk = np.dtype(image.get_data_dtype())
    if on_disk.fields is not None:
        raise InputError(
            f"{path}: colour or structured voxels; one number a voxel expected.",
            hint="Split the channels into files.",
        )
    if on_disk.kind == "c":
        raise InputError(
            f"{path}: complex voxels; real numbers expected.",
            hint="Write the magnitude to a file of its own.",
        )
    picked, notes = pick_volume(path, image.shape, volume)
    read_shape = image.shape if picked is None else image.shape[:3]
    most = most_unpacked(path) if _is_packed(path) else path.stat().st_size
    # Values with a scale become float64.
    scaled = 8 if (image.dataobj.slope, image.dataobj.inter) not in {(1, 0), (None, None)} else 0
    require_memory(path, read_shape, on_disk.itemsize + scaled, most=most)
    needed = image.dataobj.offset + math.prod(image.shape) * on_disk.itemsize
    with reading(path):
        # A packed file is read to its end, where its checksum stands: nibabel stops where the voxels end, and takes
        # what a flipped bit made of them.
        held = packing.unpacked_size(path, 2 * needed + _TRAILER) if _is_packed(path) else path.stat().st_size
    require_bytes(path, needed, held)
    with reading(path):
        stored = np.asanyarray(image.dataobj if picked is None else image.dataobj[:, :, :, picked])
        vox2ras, grid_notes = _grid(image)
    data, vox2ras, plane, slice_notes = one_slice(stored, vox2ras)
    grid_notes += slice_notes
    # Scaled values do not fit the stored integers, so what is written back from them must be real numbers.
    dtype = on_disk if data.dtype.newbyteorder("=") == on_disk.newbyteorder("=") else np.dtype(np.float32)
    return RawImage(data, vox2ras, dtype.newbyteorder("="), (*notes, *repairs, *grid_notes), plane)


def write_nifti(path: Path, data: NDArray[np.generic], vox2ras: Matrix) -> None:
    """Write ``(X, Y)`` or ``(X, Y, Z)`` values; an image of two axes is one that ITK reads as 2D."""
    affine = np.eye(4)
    ndim = data.ndim
    affine[:ndim, :ndim] = vox2ras[:ndim, :ndim]
    affine[:ndim, 3] = vox2ras[:ndim, ndim]
    image = nib.Nifti1Image(data, affine, dtype=data.dtype)
    image.set_sform(affine, code=_ALIGNED)
    # A qform has no shears: of a sheared grid it would tell a different place than the sform.
    image.set_qform(affine if is_orthogonal(affine) else None, code=_ALIGNED if is_orthogonal(affine) else 0)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        content = packing.pack(content)
    path.write_bytes(content)


def _grid(image: Any) -> tuple[Matrix, list[str]]:
    notes: list[str] = []
    if not isinstance(image, nib.Nifti1Image):
        grid = np.asarray(image.affine, dtype=np.float64)
    else:
        header = image.header
        sform, s_code = header.get_sform(coded=True)
        try:
            qform, q_code = header.get_qform(coded=True)
        except (ValueError, nib.spatialimages.HeaderDataError):
            qform, q_code = None, 0
            notes.append("the qform is invalid and was ignored")
        if sform is not None and qform is not None and not _same_places(sform, qform, image.shape):
            notes.append(f"sform (code {s_code}) and qform (code {q_code}) differ; the sform was used")
        if sform is not None:
            grid = np.asarray(sform, dtype=np.float64)
        elif qform is not None:
            grid = np.asarray(qform, dtype=np.float64)
        else:
            zooms = (*(float(z) for z in header.get_zooms()[:3]), 1.0)[:3]
            grid = pixel_grid(3, zooms)
            notes.append("neither sform nor qform is set; axes along LPS and the origin at 0 were assumed")
        unit = header.get_xyzt_units()[0]
        if unit in _MM_PER_UNIT:
            grid = np.diag([_MM_PER_UNIT[unit]] * 3 + [1.0]) @ grid
            notes.append(f"lengths in {unit} were converted to mm")
    return grid, notes


def _same_places(first: Matrix, second: Matrix, shape: tuple[int, ...]) -> bool:
    """Return whether two grids put the first and the last voxel at the same places."""
    last = [*[*shape, 1, 1][:3], 1]
    return bool(np.all(np.abs(first - second) @ last < _SAME_MM))


def require_header_room(path: Path) -> None:
    """Refuse a NIfTI file whose header is larger than memory: nibabel reads all that stands before the voxels.

    Raises
    ------
    InputError, InputTooLarge
        As `require_room`.
    Exception
        Of whatever kind the library has for a damaged file.
    """
    with packing.open_unpacked(path) as stream:
        start = stream.read(max(_HEADERS))
    for order in "<>":
        length = struct.unpack_from(f"{order}i", start)[0] if len(start) >= 4 else 0
        if length in _HEADERS and len(start) >= length:
            place, kind = _HEADERS[length]
            (offset,) = struct.unpack_from(order + kind, start, place)
            if math.isfinite(offset):
                require_room(path, 2 * offset, f"a header of {int(offset)} bytes", stored=offset)


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in {".gz", ".mgz"}


@contextmanager
def _header_repairs() -> Iterator[list[str]]:
    """Collect what nibabel logs of the headers that it repairs, instead of printing it."""
    repairs: list[str] = []

    def collect(record: logging.LogRecord) -> bool:
        note = f"header: {record.getMessage()}"
        if note not in repairs:
            repairs.append(note)
        return False

    logger = logging.getLogger("nibabel.global")
    logger.addFilter(collect)
    try:
        yield repairs
    finally:
        logger.removeFilter(collect)
