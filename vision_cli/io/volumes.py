"""Images and label maps of two or three axes, in any format that users have, with their place in the body.

Whatever the format, arrays are in NIfTI's order (i, j, k) and the grid maps voxel indices to RAS mm. A value
or a grid that nothing could be computed from is refused here, in one line; what was repaired or assumed is
noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.arrays import read_npz, write_npz
from vision_cli.io.images import read_picture, write_picture
from vision_cli.io.itk import read_dicom_folder, read_itk, write_itk
from vision_cli.io.nifti import is_orthogonal, read_nifti, write_nifti
from vision_cli.io.raw import Matrix, RawImage

Kind = Literal["image", "labels", "mask"]

_NIFTI = (".nii", ".nii.gz", ".mgz", ".mgh")
_ITK = (".mha", ".mhd", ".nrrd", ".nhdr", ".dcm")
_PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
_READABLE = (*_NIFTI, *_ITK, ".npz", *_PICTURES)
_WRITABLE = (".nii", ".nii.gz", ".mha", ".nrrd", ".npz", ".png", ".tif", ".tiff")
_NOT_FINITE_LIMIT = 0.05
_INTEGER_WITHIN = 1e-3


@dataclass(frozen=True)
class Volume:
    """An image, a label map or a mask on its grid.

    Attributes
    ----------
    data
        ``(X, Y, Z)`` or ``(X, Y)``: float32 images, int32 labels, boolean masks.
    vox2ras
        ``(D + 1, D + 1)`` float64, voxel index to RAS mm.
    dtype
        The type that holds the values without loss in a file.
    path
        Where it was read from.
    notes
        What was repaired, assumed or ignored while reading.
    """

    data: NDArray[Any]
    vox2ras: Matrix
    dtype: np.dtype[Any]
    path: Path
    notes: tuple[str, ...] = ()

    @property
    def ndim(self) -> int:
        """Number of axes, 2 or 3."""
        return self.data.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return self.data.shape

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring voxels along each axis, in mm."""
        return tuple(float(step) for step in np.linalg.norm(self.vox2ras[:-1, :-1], axis=0))

    @property
    def axcodes(self) -> tuple[str, ...]:
        """The directions that the axes run to, such as ``("L", "A", "S")``."""
        affine = np.eye(4)
        affine[: self.ndim, : self.ndim] = self.vox2ras[:-1, :-1]
        return tuple(str(code) for code in nib.aff2axcodes(affine)[: self.ndim])


def read_volume(path: str | Path, *, kind: Kind = "image", volume: int | None = None) -> Volume:
    """Read an image, a label map or a mask.

    Parameters
    ----------
    path
        NIfTI, MGZ, MetaImage, NRRD, NPZ (``vol``, ``seg``, ``vol_data`` or the only array, and ``vox2ras``),
        PNG, TIFF, JPEG, or a folder with one DICOM series.
    kind
        What the values are; a mask is where they are not 0.
    volume
        Which volume of a 4D image, from 0.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, larger than memory, or of no use: a constant image,
        an empty mask, labels that are not integers, 5 % or more voxels that are not finite, a grid without
        an inverse.
    """
    path = Path(path)
    raw = _read_raw(path, kind, volume)
    notes = [*raw.notes, *_check_grid(path, raw.vox2ras)]
    values, repairs = _finite(path, raw.data)
    data = {"image": _image, "labels": _labels, "mask": _mask}[kind](path, values)
    return Volume(np.ascontiguousarray(data), raw.vox2ras, raw.dtype, path, (*notes, *repairs))


def write_volume(
    path: str | Path, data: NDArray[Any], vox2ras: Matrix, dtype: np.dtype[Any] | type | str | None = None
) -> None:
    """Write an image in the format of the path's suffix, at that very path.

    A file that must appear whole or not at all is written inside `vision_cli.core.files.atomic_path`.

    Parameters
    ----------
    path
        Ends in .nii, .nii.gz, .mha, .nrrd or .npz, or, for two axes, in .png or .tif.
    data
        ``(X, Y, Z)`` or ``(X, Y)``.
    vox2ras
        ``(D + 1, D + 1)``, voxel index to RAS mm; pictures do not keep it.
    dtype
        The type to store; real numbers are rounded and clipped to an integer type. By default the type of
        ``data``.

    Raises
    ------
    InputError
        If nothing writes this suffix, or the values do not suit it.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix not in _WRITABLE:
        raise InputError(
            f"{path}: suffix {path.suffix or 'none'}; one of {', '.join(_WRITABLE)} expected.",
            hint="Choose another name.",
        )
    if data.ndim not in {2, 3} or np.shape(vox2ras) != (data.ndim + 1, data.ndim + 1):
        raise InputError(
            f"{path}: values {data.shape} with a grid {np.shape(vox2ras)}; 2D or 3D and a grid expected.",
            hint="Give a grid of one row and column more than the values have axes.",
        )
    stored = _as_dtype(data, _storable(data, dtype, suffix))
    matrix = np.asarray(vox2ras, dtype=np.float64)
    if suffix in _PICTURES:
        _require_picture(path, stored, suffix)
        write_picture(path, stored)
    elif suffix in _NIFTI:
        write_nifti(path, stored, matrix)
    elif suffix in _ITK:
        write_itk(path, stored, matrix)
    else:
        write_npz(path, stored, matrix)


def _read_raw(path: Path, kind: Kind, volume: int | None) -> RawImage:
    if path.is_dir():
        return read_dicom_folder(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; an image expected.", hint="Check the path.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: an empty file (0 bytes); an image expected.", hint="Copy the file again.")
    suffix = _suffix(path)
    if suffix in _NIFTI:
        return read_nifti(path, volume)
    if suffix in _ITK:
        return read_itk(path, volume)
    if suffix in _PICTURES:
        return read_picture(path)
    if suffix == ".npz":
        return read_npz(path, volume, labels=kind != "image")
    raise InputError(
        f"{path}: not an image by its suffix; one of {', '.join(_READABLE)} or a DICOM folder expected.",
        hint="Convert the file.",
    )


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def _check_grid(path: Path, vox2ras: Matrix) -> list[str]:
    axes = vox2ras[:-1, :-1]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.all(np.isfinite(vox2ras)) or not np.all(lengths > 0):
        raise InputError(
            f"{path}: voxel spacing {tuple(float(x) for x in lengths)} mm; finite and above 0 expected.",
            hint="Correct the header.",
        )
    if abs(np.linalg.det(axes / lengths)) < 1e-6:
        raise InputError(
            f"{path}: a singular voxel-to-mm matrix; independent axes expected.", hint="Correct the header."
        )
    return (
        [] if is_orthogonal(vox2ras) else ["the axes are not at right angles; the matrix was used as it is"]
    )


def _finite(path: Path, data: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    if data.dtype.kind in "biu":
        return data, []
    if data.dtype.kind != "f":
        raise InputError(
            f"{path}: values of type {data.dtype}; real numbers expected.", hint="Convert the values."
        )
    finite = np.isfinite(data)
    bad = data.size - int(np.count_nonzero(finite))
    if bad == 0:
        return data, []
    share = bad / data.size
    if share >= _NOT_FINITE_LIMIT:
        raise InputError(
            f"{path}: {share:.1%} of the voxels are NaN or infinite; below {_NOT_FINITE_LIMIT:.0%} expected.",
            hint="Repair the image.",
        )
    return np.where(finite, data, 0), [f"{bad} voxels ({share:.2%}) were NaN or infinite and were set to 0"]


def _image(path: Path, values: NDArray[Any]) -> NDArray[np.float32]:
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


def _labels(path: Path, values: NDArray[Any]) -> NDArray[np.int32]:
    if values.dtype.kind == "f":
        rounded = np.rint(values)
        if not np.all(np.abs(values - rounded) <= _INTEGER_WITHIN):
            worst = float(values.flat[int(np.argmax(np.abs(values - rounded)))])
            raise InputError(
                f"{path}: label {worst:g}; integers within {_INTEGER_WITHIN:g} expected.",
                hint="Resample label maps by nearest neighbour, or give the label map rather than the image.",
            )
        values = rounded
    limits = np.iinfo(np.int32)
    lowest, highest = int(values.min()), int(values.max())
    if lowest < limits.min or highest > limits.max:
        raise InputError(
            f"{path}: labels {lowest} to {highest}; {limits.min} to {limits.max} expected.",
            hint="Renumber the labels.",
        )
    return np.asarray(values, dtype=np.int32)


def _mask(path: Path, values: NDArray[Any]) -> NDArray[np.bool_]:
    mask = np.asarray(values != 0)
    if not mask.any():
        raise InputError(
            f"{path}: every voxel of the mask is 0; some voxel set expected.", hint="Give another mask."
        )
    return mask


def _storable(data: NDArray[Any], dtype: np.dtype[Any] | type | str | None, suffix: str) -> np.dtype[Any]:
    wanted = np.dtype(data.dtype if dtype is None else dtype)
    if wanted.kind == "b":
        return np.dtype(np.uint8)
    if suffix == ".png" and wanted.itemsize > 2:
        return np.dtype(np.uint8 if float(data.max()) <= 255 else np.uint16)
    if wanted.kind == "f" and (suffix in _PICTURES or wanted.itemsize == 2):
        return np.dtype(np.float32)
    return np.dtype(np.int32) if dtype is None and wanted == np.int64 else wanted


def _as_dtype(data: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
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


def _require_picture(path: Path, stored: NDArray[Any], suffix: str) -> None:
    kinds = {".png": ("uint8", "uint16")}.get(suffix, ("uint8", "uint16", "float32"))
    if stored.ndim != 2 or stored.dtype.name not in kinds:
        raise InputError(
            f"{path}: {stored.ndim}D values of type {stored.dtype}; 2D of {', '.join(kinds)} expected.",
            hint="Write NIfTI instead.",
        )
