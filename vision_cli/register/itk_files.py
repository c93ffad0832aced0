"""Transform files that ITK, ANTs and Learn2Reg read: written here, and read back from any of them.

ITK counts in LPS, this package in RAS; the conversion stands here and nowhere else. Axes that are not at right angles
are refused by ITK, so a grid is written with the nearest orthogonal axes, and what that changed is noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.register.fields import Grid
from vision_cli.register.transforms import AffineTransform, DisplacementTransform, Transform

_SHEAR = 1e-4
_VECTOR_INTENT = 1007
_AFFINE_SUFFIXES = (".mat", ".tfm", ".txt", ".xfm")


def write_affine(path: Path, transform: AffineTransform) -> None:
    """Write an ITK affine (``.mat`` or ``.tfm``)."""
    import SimpleITK as sitk

    sitk.WriteTransform(_itk_affine(transform), str(path))


def write_warp(path: Path, transform: DisplacementTransform) -> str | None:
    """Write a displacement field as ANTs and ITK take it: vectors in LPS mm on the fixed grid.

    Returns
    -------
    str or None
        A note where the grid's axes had to be made orthogonal.
    """
    import nibabel as nib

    grid, note = orthogonal(transform.grid)
    dim = grid.ndim
    values = transform.displacement * _flip(dim).astype(np.float32)
    padded = values.reshape(*grid.shape, *([1] * (4 - dim)), dim)
    image = nib.Nifti1Image(padded, _in_3d(grid.vox2ras))
    image.header.set_intent(_VECTOR_INTENT)
    image.header.set_xyzt_units("mm")
    image.header.set_qform(_in_3d(grid.vox2ras), 1)
    image.header.set_sform(_in_3d(grid.vox2ras), 1)
    _save(image, path)
    return note


def write_composite(path: Path, chain: Sequence[Transform]) -> None:
    """Write a chain as one ITK composite transform (``.h5``)."""
    import SimpleITK as sitk

    dim = _dimension(chain[0])
    composite = sitk.CompositeTransform(dim)
    # ITK applies the transform that was added last first.
    for transform in reversed(chain):
        if isinstance(transform, AffineTransform):
            composite.AddTransform(_itk_affine(transform))
        else:
            composite.AddTransform(_itk_field(transform))
    sitk.WriteTransform(composite, str(path))


def write_l2r(path: Path, transform: DisplacementTransform, moving: Grid) -> None:
    """Write a Learn2Reg displacement: moving voxel minus fixed voxel, ``(X, Y, Z, D)``, for a pair on one grid.

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
    points = index @ grid.vox2ras[:-1, :-1].T + grid.vox2ras[:-1, -1] + transform.displacement
    inverse = np.linalg.inv(moving.vox2ras)
    voxel = points @ inverse[:-1, :-1].T + inverse[:-1, -1]
    _save(nib.Nifti1Image((voxel - index).astype(np.float32), _in_3d(grid.vox2ras)), path)


def read_l2r(path: Path, fixed: Grid, moving: Grid) -> DisplacementTransform:
    """Read a Learn2Reg displacement as the whole map on the fixed grid."""
    values = np.asarray(_load(path).dataobj, dtype=np.float64)
    if values.shape != (*fixed.shape, fixed.ndim):
        raise InputError(
            f"{path}: array {values.shape} found; {(*fixed.shape, fixed.ndim)}, as the fixed image, expected."
        )
    index = np.stack(np.meshgrid(*[np.arange(n) for n in fixed.shape], indexing="ij"), -1)
    points = index @ fixed.vox2ras[:-1, :-1].T + fixed.vox2ras[:-1, -1]
    moved = (index + values) @ moving.vox2ras[:-1, :-1].T + moving.vox2ras[:-1, -1]
    return DisplacementTransform((moved - points).astype(np.float32), fixed)


def read_transform(path: Path) -> list[Transform]:
    """Read a transform file of ITK, ANTs or greedy as a chain.

    ``.mat``, ``.tfm``, ``.txt`` (ITK, or greedy's 4 x 4 RAS matrix), composite ``.h5``, or a NIfTI vector field.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; a transform expected.")
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return [_read_warp(path)]
    if name.endswith(".h5"):
        return _read_itk(path)
    if name.endswith(_AFFINE_SUFFIXES):
        matrix = _text_matrix(path)
        return [AffineTransform(matrix)] if matrix is not None else _read_itk(path)
    raise InputError(f"{path}: unknown suffix; .mat, .tfm, .txt, .h5, .nii or .nii.gz expected.")


def orthogonal(grid: Grid) -> tuple[Grid, str | None]:
    """Return the grid with the nearest axes at right angles, and a note if that is more than rounding."""
    axes = grid.vox2ras[:-1, :-1]
    u, _, v = np.linalg.svd(axes / grid.spacing)
    rotation = u @ v
    shear = float(np.abs(rotation - axes / grid.spacing).max())
    if shear < 1e-9:
        return grid, None
    vox2ras = grid.vox2ras.copy()
    vox2ras[:-1, :-1] = rotation * grid.spacing
    # The centre of the image stays where it is, so that the error is spread evenly.
    centre = (np.asarray(grid.shape) - 1) / 2
    vox2ras[:-1, -1] += (axes - vox2ras[:-1, :-1]) @ centre
    note = f"axes sheared by {shear:.1e} were made orthogonal in the warp files" if shear > _SHEAR else None
    return Grid(grid.shape, vox2ras), note


def _flip(dim: int) -> NDArray[np.float64]:
    return np.array([-1.0, -1.0, 1.0][:dim])


def _in_3d(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(matrix) == 4:
        return matrix
    whole = np.eye(4)
    whole[:2, :2], whole[:2, 3] = matrix[:2, :2], matrix[:2, 2]
    return whole


def _dimension(transform: Transform) -> int:
    return len(transform.matrix) - 1 if isinstance(transform, AffineTransform) else transform.grid.ndim


def _itk_affine(transform: AffineTransform) -> Any:
    import SimpleITK as sitk

    dim = len(transform.matrix) - 1
    flip = _flip(dim)
    result = sitk.AffineTransform(dim)
    result.SetMatrix((flip[:, None] * transform.matrix[:-1, :-1] * flip).ravel().tolist())
    result.SetTranslation((flip * transform.matrix[:-1, -1]).tolist())
    return result


def _itk_field(transform: DisplacementTransform) -> Any:
    import SimpleITK as sitk

    grid, _ = orthogonal(transform.grid)
    dim = grid.ndim
    flip = _flip(dim)
    order = [*reversed(range(dim)), dim]
    image = sitk.GetImageFromArray((transform.displacement * flip).transpose(order), isVector=True)
    image.SetSpacing(grid.spacing.tolist())
    image.SetOrigin((flip * grid.vox2ras[:-1, -1]).tolist())
    image.SetDirection((flip[:, None] * grid.vox2ras[:-1, :-1] / grid.spacing).ravel().tolist())
    return sitk.DisplacementFieldTransform(image)


def _read_warp(path: Path) -> DisplacementTransform:
    image = _load(path)
    shape = image.shape
    if len(shape) != 5 or shape[4] not in (2, 3) or shape[3] != 1:
        raise InputError(
            f"{path}: array {shape} found; a vector field (X, Y, Z, 1, 3) in mm expected.",
            hint="For a Learn2Reg displacement use --disp.",
        )
    dim = int(shape[4])
    vox2ras = np.asarray(image.affine, dtype=np.float64)
    if dim == 2:
        vox2ras = vox2ras[np.ix_([0, 1, 3], [0, 1, 3])]
    values = np.asarray(image.dataobj, dtype=np.float32).reshape(*shape[:dim], dim)
    return DisplacementTransform(values * _flip(dim).astype(np.float32), Grid(tuple(shape[:dim]), vox2ras))


def _read_itk(path: Path) -> list[Transform]:
    import SimpleITK as sitk

    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: not a transform that ITK reads.", hint="Write it again.") from error
    return _from_itk(path, transform)


def _from_itk(path: Path, transform: Any) -> list[Transform]:
    import SimpleITK as sitk

    dim = transform.GetDimension()
    flip = _flip(dim)
    if transform.GetTransformEnum() == sitk.sitkComposite:
        composite = sitk.CompositeTransform(transform)
        parts = [composite.GetNthTransform(n) for n in reversed(range(composite.GetNumberOfTransforms()))]
        return [one for part in parts for one in _from_itk(path, part)]
    if transform.GetTransformEnum() == sitk.sitkDisplacementField:
        field = sitk.DisplacementFieldTransform(transform).GetDisplacementField()
        order = [*reversed(range(dim)), dim]
        values = sitk.GetArrayFromImage(field).transpose(order) * flip
        vox2ras = np.eye(dim + 1)
        vox2ras[:-1, :-1] = (flip[:, None] * np.reshape(field.GetDirection(), (dim, dim))) * field.GetSpacing()
        vox2ras[:-1, -1] = flip * field.GetOrigin()
        return [DisplacementTransform(values.astype(np.float32), Grid(values.shape[:-1], vox2ras))]
    if not transform.IsLinear():
        raise InputError(f"{path}: {transform.GetName()} found; an affine or a displacement field expected.")
    # Four points determine a linear map whatever its parametrisation and centre.
    origin = np.array(transform.TransformPoint([0.0] * dim))
    columns = [np.array(transform.TransformPoint(row)) - origin for row in np.eye(dim).tolist()]
    matrix = np.eye(dim + 1)
    matrix[:-1, :-1] = flip[:, None] * np.stack(columns, 1) * flip
    matrix[:-1, -1] = flip * origin
    return [AffineTransform(matrix)]


def _text_matrix(path: Path) -> NDArray[np.float64] | None:
    """Return a plain square matrix in text, as greedy writes it; None if the file is something else."""
    try:
        rows = [[float(word) for word in line.split()] for line in path.read_text("ascii").splitlines() if line.strip()]
    except (UnicodeDecodeError, ValueError):
        return None
    if len(rows) not in (3, 4) or any(len(row) != len(rows) for row in rows):
        return None
    return np.array(rows)


def _load(path: Path) -> Any:
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    try:
        image: Any = nib.load(path)
        np.asanyarray(image.dataobj[..., :1])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a displacement field expected.") from None
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); a NIfTI displacement field expected.") from error
    return image


def _save(image: Any, path: Path) -> None:
    """Save a NIfTI file; the same values give the same bytes."""
    import gzip

    if not path.name.endswith(".gz"):
        image.to_filename(path)
        return
    with (
        path.open("wb") as stream,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=stream, mtime=0) as packed,
    ):
        image.to_stream(packed)
