"""Transform files of ITK, ANTs, greedy and Learn2Reg: readers and writers.

File names and layouts are those of ANTs, whose tools can read them. The same transform always gives the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, ResourceError, VcliError
from vision_cli.core.runs.files import library_path, require_room_for
from vision_cli.core.runs.input_files import data_files
from vision_cli.io.datasets import require_hdf5_room
from vision_cli.io.limits import require_memory
from vision_cli.io.packing import pack, pack_chunk
from vision_cli.io.volumes import itk_hdf5 as hdf5
from vision_cli.io.volumes.nifti import require_header_room
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_objects import (
    affine_to_itk,
    checked_affine,
    checked_displacement,
    dimension,
    from_itk,
    on_orthogonal_grid,
    parameters_of,
    ras_to_lps_signs,
)
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, Transform

if TYPE_CHECKING:
    import h5py

_VECTOR_INTENT = 1007
_NIFTI_SUFFIXES = (".nii", ".nii.gz")
_HDF5_SUFFIXES = (".h5", ".hdf5")
_AFFINE_SUFFIXES = (".mat", ".tfm", ".txt")
_COMPOSITE_FRAME = 64 * 1024
_LARGEST_MATRIX = 1 << 16
_CHUNK = 1 << 18
_MAT_HEADER = struct.Struct("<5i")
_MAT_FLOATS = {0: 8, 10: 4}
_EXPECTED = "an ITK transform (.mat, .tfm, .txt, .h5), greedy's matrix or a vector field (.nii, .nii.gz)"


def write_affine(path: Path, transform: AffineTransform) -> None:
    """Write an ITK affine (``.mat`` or ``.tfm``)."""
    _write_itk(affine_to_itk(transform), path)


def write_warp(path: Path, transform: DisplacementTransform) -> str | None:
    """Write a displacement field for ANTs and ITK: vectors in LPS mm on the fixed grid.

    Returns
    -------
    str or None
        A note if the axes of the grid had to be made orthogonal.
    """
    import nibabel as nib

    transform, note = on_orthogonal_grid(transform)
    grid, dim = transform.grid, transform.grid.ndim
    lps_mm = transform.displacement_mm * ras_to_lps_signs(dim).astype(np.float32)
    padded = lps_mm.reshape(*grid.shape, *([1] * (4 - dim)), dim)
    image = nib.Nifti1Image(padded, _in_3d(grid.vox2ras))
    image.header.set_intent(_VECTOR_INTENT)
    image.header.set_xyzt_units("mm")
    image.header.set_qform(_in_3d(grid.vox2ras), 1)
    image.header.set_sform(_in_3d(grid.vox2ras), 1)
    _save(image, path)
    return note


def write_composite(path: Path, chain: Sequence[Transform]) -> None:
    """Write a chain as one ITK composite transform (``.h5``), displacements compressed and in single precision.

    ITK itself writes them in double precision, which takes six times the space; it reads both.
    """
    import h5py

    dim = dimension(chain[0])
    sizes = (one.displacement_mm.size for one in chain if isinstance(one, DisplacementTransform))
    # HDF5 may abort the process when the disk is full.
    require_room_for(path, _COMPOSITE_FRAME + 4 * sum(sizes))
    text = h5py.string_dtype("ascii")

    def words(group: h5py.Group, name: str, value: str) -> None:
        group.create_dataset(name, data=[value], dtype=text)

    try:
        with h5py.File(path, "w") as file:
            # ITK expects these four; constants, so that the same transform gives the same bytes.
            for name in ("ITKVersion", "HDFVersion", "OSName", "OSVersion"):
                words(file, name, "vision_cli")
            words(file.create_group("TransformGroup/0"), "TransformType", f"CompositeTransform_double_{dim}_{dim}")
            # ITK applies the last transform before the others.
            for number, transform in enumerate(reversed(chain), start=1):
                group = file.create_group(f"TransformGroup/{number}")
                itk = parameters_of(transform)
                words(group, "TransformType", f"{itk.name}_double_{dim}_{dim}")
                group.create_dataset("TransformFixedParameters", data=itk.fixed)
                if itk.values.size > _CHUNK:
                    _write_packed(group, "TransformParameters", itk.values)
                else:
                    group.create_dataset("TransformParameters", data=itk.values)
    except OSError as error:
        raise ResourceError(
            f"{path}: HDF5 cannot write here.", hint="Check the free space and the permissions of the directory."
        ) from error


def _write_packed(group: h5py.Group, name: str, values: NDArray[np.floating]) -> None:
    """Write a compressed data set; chunks are packed here, which is faster than by HDF5 and lets other threads run."""
    packed = group.create_dataset(name, values.shape, values.dtype, chunks=(_CHUNK,), compression=1, shuffle=True)
    for start in range(0, values.size, _CHUNK):
        chunk = values[start : start + _CHUNK]
        chunk = np.pad(chunk, (0, _CHUNK - chunk.size))
        packed.id.write_direct_chunk((start,), pack_chunk(chunk))


def write_l2r(path: Path, transform: DisplacementTransform, moving: Grid) -> None:
    """Write a Learn2Reg displacement: moving voxel minus fixed voxel, ``(X, Y, Z, D)``.

    Parameters
    ----------
    path
        A NIfTI file.
    transform
        The whole map as one displacement on the fixed grid.
    moving
        Grid of the moving image.
    """
    import nibabel as nib

    grid = transform.grid
    axes = [np.arange(n, dtype=np.float64) for n in grid.shape]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    points = index @ grid.vox2ras[:-1, :-1].T + grid.vox2ras[:-1, -1] + transform.displacement_mm
    inverse = np.linalg.inv(moving.vox2ras)
    displacement_voxels = points @ inverse[:-1, :-1].T + inverse[:-1, -1] - index
    _save(nib.Nifti1Image(displacement_voxels.astype(np.float32), _in_3d(grid.vox2ras)), path)


def read_l2r(path: Path, fixed: Grid, moving: Grid) -> DisplacementTransform:
    """Read a Learn2Reg displacement as the whole map on the fixed grid.

    Raises
    ------
    InputError
        If the file is damaged, or its shape is not that of the fixed grid.
    """
    image = _load(path)
    expected = (*fixed.shape, fixed.ndim)
    if image.shape != expected:
        raise InputError(
            f"{path}: array {image.shape} found; {expected}, a vector for each voxel of the fixed image, expected.",
            hint="Give the displacement of this pair; give a warp of ANTs or ITK with --transform.",
        )
    displacement_voxels = _values(path, image).astype(np.float64)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in fixed.shape], indexing="ij"), -1)
    points = index @ fixed.vox2ras[:-1, :-1].T + fixed.vox2ras[:-1, -1]
    moved = (index + displacement_voxels) @ moving.vox2ras[:-1, :-1].T + moving.vox2ras[:-1, -1]
    return checked_displacement(path, (moved - points).astype(np.float32), fixed.vox2ras)


def read_matrix(path: Path) -> NDArray[np.float64] | None:
    """Return the matrix of a file that holds one affine transform, fixed -> moving RAS mm; None for any other file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    chain = read_transform(path) if path.is_file() else []
    return chain[0].matrix if len(chain) == 1 and isinstance(chain[0], AffineTransform) else None


def read_transform(path: Path, ndim: int | None = None) -> list[Transform]:
    """Read a transform file of ITK, ANTs or greedy as a chain.

    Parameters
    ----------
    path
        ``.mat``, ``.tfm``, ``.txt`` (of ITK, or the matrix fixed RAS mm -> moving RAS mm that greedy and ITK-SNAP write
        as text), ``.h5``, or a NIfTI vector field in LPS mm. A matrix of FSL has the same form as greedy's but other
        coordinates: convert it first.
    ndim
        Number of axes that the transform must have; any by default.

    Raises
    ------
    InputError
        If it is none of these, damaged, or of another number of axes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; {_EXPECTED} expected.", hint="Check the path.")
    name = path.name.lower()
    if name.endswith(_NIFTI_SUFFIXES):
        chain: list[Transform] = [_read_warp(path)]
    elif name.endswith(_HDF5_SUFFIXES):
        if not hdf5.is_whole(path):
            raise _damaged(path, "not HDF5, or cut short")
        with _reading(path):
            require_hdf5_room(path)
        chain = _read_itk(path)
    elif name.endswith(_AFFINE_SUFFIXES):
        matrix = _text_matrix(path)
        chain = _read_itk(path) if matrix is None else [checked_affine(path, matrix)]
    else:
        raise InputError(
            f"{path}: suffix {path.suffix or 'none'} found; {_EXPECTED} expected.", hint="Convert or rename the file."
        )
    require_dimension(path, chain, ndim)
    return chain


def require_dimension(path: Path, chain: Sequence[Transform], ndim: int | None) -> int:
    """Return the number of axes of a chain that was read from a file, which must be ``ndim`` unless that is None.

    Raises
    ------
    InputError
        If it is another number.
    """
    for transform in chain:
        ndim = dimension(transform) if ndim is None else ndim
        if dimension(transform) != ndim:
            raise InputError(
                f"{path}: a transform in {dimension(transform)}D found; {ndim}D, as the image, expected.",
                hint="Give a transform between images of this number of axes.",
            )
    return dimension(chain[0])


def _in_3d(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(matrix) == 4:
        return matrix
    whole = np.eye(4)
    whole[:2, :2], whole[:2, 3] = matrix[:2, :2], matrix[:2, 2]
    return whole


def _write_itk(transform: Any, path: Path) -> None:
    import SimpleITK as sitk

    try:
        sitk.WriteTransform(transform, str(path))
    except RuntimeError as error:
        raise ResourceError(
            f"{path}: ITK cannot write here.", hint="Check the free space and the permissions of the directory."
        ) from error


def _read_warp(path: Path) -> DisplacementTransform:
    image = _load(path)
    shape = image.shape
    if len(shape) != 5 or shape[3] != 1 or shape[4] not in (2, 3) or (shape[4] == 2 and shape[2] != 1):
        raise InputError(
            f"{path}: array {shape} found; a vector field (X, Y, Z, 1, 3) or (X, Y, 1, 1, 2) in mm expected.",
            hint="Give a Learn2Reg displacement with --disp.",
        )
    # NiftyReg stores positions, or displacements in RAS mm, in an array of the same shape.
    if bytes(image.header["intent_name"]).startswith(b"NREG"):
        raise InputError(
            f"{path}: a transform of NiftyReg found; a displacement of ITK or ANTs, in LPS mm, expected.",
            hint="Convert it first.",
        )
    dim = int(shape[4])
    vox2ras = np.asarray(image.affine, dtype=np.float64)
    if dim == 2:
        vox2ras = vox2ras[np.ix_([0, 1, 3], [0, 1, 3])]
    lps_mm = _values(path, image).reshape(*shape[:dim], dim)
    return checked_displacement(path, lps_mm * ras_to_lps_signs(dim).astype(np.float32), vox2ras)


def _read_itk(path: Path) -> list[Transform]:
    import SimpleITK as sitk

    if path.suffix.lower() == ".mat" and not _is_whole_mat(path):
        raise _damaged(path, "not an ITK transform, or cut short")
    data_files(path)
    name = library_path(path)
    with _reading(path):
        transform = sitk.ReadTransform(name)
    return from_itk(path, transform)


def _is_whole_mat(path: Path) -> bool:
    """Return whether a file is a sequence of complete MATLAB 4 matrices of floats; ITK does not detect truncation."""
    content = path.read_bytes()
    place = 0
    while place + _MAT_HEADER.size <= len(content):
        kind, rows, columns, _, name = _MAT_HEADER.unpack_from(content, place)
        if kind not in _MAT_FLOATS or min(rows, columns, name) < 0:
            return False
        place += _MAT_HEADER.size + name + rows * columns * _MAT_FLOATS[kind]
    return place == len(content) > 0


def _text_matrix(path: Path) -> NDArray[np.float64] | None:
    """Return the square matrix of a text file as greedy writes it; None for any other file."""
    if path.stat().st_size > _LARGEST_MATRIX:
        return None
    try:
        rows = [[float(word) for word in line.split()] for line in path.read_text("ascii").splitlines() if line.strip()]
    except (UnicodeDecodeError, ValueError):
        return None
    if len(rows) not in (3, 4) or any(len(row) != len(rows) for row in rows):
        return None
    return np.array(rows)


def _load(path: Path) -> Any:
    import nibabel as nib

    if not path.is_file():
        raise InputError(f"{path}: no such file; a displacement field expected.", hint="Check the path.")
    with _reading(path):
        require_header_room(path)
        return nib.load(path)


def _values(path: Path, image: Any) -> NDArray[np.float32]:
    require_memory(path, image.shape, image.get_data_dtype().itemsize)
    with _reading(path):
        return np.asarray(image.dataobj, dtype=np.float32)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn any error of a library that reads a damaged file into an `InputError`."""
    try:
        yield
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = (lines[-1] if lines else type(error).__name__).replace(str(path), path.name)
        raise _damaged(path, reason) from error


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: damaged or no transform ({reason}); {_EXPECTED} expected.", hint="Copy or write the file again."
    )


def _save(image: Any, path: Path) -> None:
    """Write a NIfTI file; the same values give the same bytes."""
    content = image.to_bytes()
    path.write_bytes(pack(content) if path.name.endswith(".gz") else content)
