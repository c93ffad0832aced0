"""NIfTI and FreeSurfer volumes, through nibabel.

The grid is the sform where its code says that it is set, else the qform, else ITK's default. Units other
than mm are converted. Writing sets both forms, and the same values always give the same bytes.
"""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.raw import Matrix, RawImage, pick_volume, pixel_grid, require_memory

_MM_PER_UNIT = {"meter": 1000.0, "micron": 0.001}
_ALIGNED = 1  # NIFTI_XFORM_SCANNER_ANAT
_GZIP_LEVEL = 3
_SAME_MM = 1e-2
_ORTHOGONAL = 1e-3


def read_nifti(path: Path, volume: int | None) -> RawImage:
    """Read a NIfTI, MGH or MGZ file.

    Raises
    ------
    InputError
        If the file is damaged or not of this kind, or holds colours, complex numbers or a series.
    """
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)
    try:
        image: Any = nib.load(path)
    except Exception as error:
        raise damaged(path, error) from error
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
    require_memory(path, read_shape, on_disk.itemsize)
    try:
        data = np.asanyarray(image.dataobj if picked is None else image.dataobj[:, :, :, picked])
    except Exception as error:
        raise damaged(path, error) from error
    while data.ndim > 2 and data.shape[-1] == 1:
        data = data[..., 0]
    vox2ras, grid_notes = _grid(image, data.ndim)
    # Scaled values do not fit the stored integers, so what is written back from them must be real numbers.
    dtype = on_disk if data.dtype.newbyteorder("=") == on_disk.newbyteorder("=") else np.dtype(np.float32)
    return RawImage(data, vox2ras, dtype.newbyteorder("="), (*notes, *grid_notes))


def write_nifti(path: Path, data: NDArray[np.generic], vox2ras: Matrix) -> None:
    """Write ``(X, Y)`` or ``(X, Y, Z)`` values; an image of two axes is one that ITK reads as 2D."""
    affine = np.eye(4)
    ndim = data.ndim
    affine[:ndim, :ndim] = vox2ras[:ndim, :ndim]
    affine[:ndim, 3] = vox2ras[:ndim, ndim]
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code=_ALIGNED)
    # A qform has no shears: of a sheared grid it would tell a different place than the sform.
    image.set_qform(affine if is_orthogonal(affine) else None, code=_ALIGNED if is_orthogonal(affine) else 0)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        # No name and no time in the header: the bytes depend on the values alone.
        content = gzip.compress(content, compresslevel=_GZIP_LEVEL, mtime=0)
    path.write_bytes(content)


def is_orthogonal(vox2ras: Matrix) -> bool:
    """Say whether the axes of a grid stand at right angles."""
    axes = vox2ras[:-1, :-1]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.all(lengths > 0):
        return False
    cosines = (axes / lengths).T @ (axes / lengths)
    return bool(np.abs(cosines - np.eye(len(axes))).max() < _ORTHOGONAL)


def damaged(path: Path, error: Exception) -> InputError:
    """Make the error for a file that a library cannot read; the last line of the library's words is kept."""
    lines = str(error).strip().splitlines()
    reason = (lines[-1].strip() if lines else type(error).__name__).replace(str(path), path.name)
    return InputError(
        f"{path}: damaged, cut short or not an image ({reason}); a whole image file expected.",
        hint="Copy or convert the file again.",
    )


def _grid(image: Any, ndim: int) -> tuple[Matrix, list[str]]:
    notes = []
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
        if sform is not None and qform is not None and not np.allclose(sform, qform, atol=_SAME_MM):
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
    if ndim == 3:
        return grid, notes
    flat = np.eye(3)
    flat[:2, :2], flat[:2, 2] = grid[:2, :2], grid[:2, 3]
    lengths = np.linalg.norm(grid[:3, :2], axis=0)
    if np.all(lengths > 0) and abs(np.linalg.det(flat[:2, :2])) < 1e-3 * lengths.prod():
        # A slice across the body has no place in the plane of x and y; its pixel sizes still hold.
        flat = pixel_grid(2, [float(length) for length in lengths])
        notes.append("the slice does not lie in the plane of x and y; only its pixel sizes were used")
    return flat, notes
