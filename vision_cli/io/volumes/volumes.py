"""Images and label maps of two or three axes, in any format that users have, with their place in the body.

Whatever the format, arrays are in NIfTI's order (i, j, k) and the grid maps voxel indices to RAS mm. A value
or a grid that nothing could be computed from is refused here, in one line; what was repaired or assumed is
noted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import atomic_path
from vision_cli.io.volumes.itk import is_dicom, read_dicom_folder, read_itk, write_itk
from vision_cli.io.volumes.nifti import read_nifti, write_nifti
from vision_cli.io.volumes.npz import read_npz, write_npz
from vision_cli.io.volumes.pictures import read_picture, write_picture
from vision_cli.io.volumes.raw import Matrix, RawImage, SlicePlane, is_orthogonal
from vision_cli.io.volumes.values import (
    as_stored,
    finite_values,
    image_values,
    label_values,
    mask_values,
    picture_dtype,
    plain_values,
)

Kind = Literal["image", "labels", "mask", "values"]

_NIFTI = (".nii", ".nii.gz", ".mgz", ".mgh")
_ITK = (".mha", ".mhd", ".nrrd", ".nhdr", ".dcm")
_PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
_READABLE = (*_NIFTI, *_ITK, ".npz", *_PICTURES)
_WRITABLE = (".nii", ".nii.gz", ".mha", ".nrrd", ".npz", ".png", ".tif", ".tiff")


@dataclass(frozen=True)
class Volume:
    """An image, a label map or a mask on its grid.

    Attributes
    ----------
    data
        ``(X, Y, Z)`` or ``(X, Y)``, also of a file of one slice: float32 images, int32 labels (int64 above 2^31),
        boolean masks.
    vox2ras
        ``(D + 1, D + 1)`` float64, voxel index to RAS mm.
    dtype
        The type that holds the values without loss in a file.
    path
        Where it was read from.
    notes
        What was repaired, assumed or ignored while reading.
    plane
        Place in space of a file of one slice, whose data has two axes, in mm along its plane; None for other images.
    """

    data: NDArray[Any]
    vox2ras: Matrix
    dtype: np.dtype[Any]
    path: Path
    notes: tuple[str, ...] = ()
    plane: SlicePlane | None = None

    def __repr__(self) -> str:
        spacing = " x ".join(f"{step:.3g}" for step in self.spacing)
        return f"Volume({self.path.name}: {self.shape} {self.data.dtype}, {spacing} mm, {''.join(self.axcodes)})"

    def with_axes(self, ndim: int) -> Volume:
        """Return the image with ``ndim`` axes: a slice on the grid of its file of three axes."""
        if self.plane is None or ndim == self.ndim:
            return self
        return replace(self, data=np.expand_dims(self.data, self.plane.axis), vox2ras=self.plane.vox2ras, plane=None)

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
        What the values are; a mask is where they are not 0; ``values`` are integers or real numbers of any kind,
        without contrast if need be.
    volume
        Which volume of a 4D image, from 0.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, larger than memory, or of no use: a constant image,
        an empty mask, labels that are not integers, no finite voxel or 5 % and more infinite ones, a grid
        without an inverse.
    """
    path = Path(path)
    raw = _read_raw(path, kind, volume)
    notes = [*raw.notes, *_check_grid(path, raw.vox2ras)]
    values, repairs = finite_values(path, raw.data, is_image=kind in {"image", "values"})
    readers = {"image": image_values, "labels": label_values, "mask": mask_values, "values": plain_values}
    data = readers[kind](path, values)
    return Volume(np.ascontiguousarray(data), raw.vox2ras, raw.dtype, path, (*notes, *repairs), raw.plane)


def write_volume(
    path: str | Path, data: NDArray[Any], vox2ras: Matrix, dtype: np.dtype[Any] | type | str | None = None
) -> None:
    """Write an image in the format of the path's suffix; it appears whole or not at all.

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
    ResourceError
        If the disk is full or the directory cannot be written to.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix not in _WRITABLE:
        raise InputError(
            f"{path}: suffix {path.suffix or 'none'}; one of {', '.join(_WRITABLE)} expected.",
            hint="Choose another name.",
        )
    if data.ndim not in {2, 3} or data.size == 0 or np.shape(vox2ras) != (data.ndim + 1, data.ndim + 1):
        raise InputError(
            f"{path}: values {data.shape} with a grid {np.shape(vox2ras)}; 2D or 3D and a grid expected.",
            hint="Give a grid of one row and column more than the values have axes.",
        )
    if suffix in _PICTURES and data.ndim != 2:
        raise InputError(f"{path}: 3D values; 2D in a picture expected.", hint="Write NIfTI instead.")
    wanted = np.dtype(data.dtype if dtype is None else dtype)
    stored = as_stored(data, picture_dtype(data, wanted, suffix) if suffix in _PICTURES else wanted)
    matrix = np.asarray(vox2ras, dtype=np.float64)
    with atomic_path(path) as hidden:
        if suffix in _PICTURES:
            write_picture(hidden, stored)
        elif suffix in _NIFTI:
            write_nifti(hidden, stored, matrix)
        elif suffix in _ITK:
            write_itk(hidden, stored, matrix)
        else:
            write_npz(hidden, stored, matrix)


def _read_raw(path: Path, kind: Kind, volume: int | None) -> RawImage:
    if path.is_dir():
        return read_dicom_folder(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; an image expected.", hint="Check the path.")
    if not path.is_file():
        raise InputError(f"{path}: neither a file nor a folder; an image expected.", hint="Name a file.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: an empty file (0 bytes); an image expected.", hint="Copy the file again.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read it; an image expected.", hint="Change its permissions.")
    suffix = _suffix(path)
    if suffix in _NIFTI:
        return read_nifti(path, volume)
    if suffix in _ITK or is_dicom(path):
        return read_itk(path, volume)
    if suffix in _PICTURES:
        return read_picture(path)
    if suffix == ".npz":
        return read_npz(path, volume, labels=kind in {"labels", "mask"})
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
    return [] if is_orthogonal(vox2ras) else ["the axes are not at right angles; the matrix was used as it is"]
