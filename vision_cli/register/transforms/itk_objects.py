"""Conversion of transforms to SimpleITK objects and back, from RAS mm to LPS mm.

ITK refuses grids whose axes are not orthogonal, so a displacement on such a grid is resampled onto the nearest
orthogonal grid, and a note says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import (
    AffineTransform,
    DisplacementTransform,
    Transform,
    compose_to_displacement,
)

_SHEAR = 1e-4


@dataclass(frozen=True)
class ItkParameters:
    """A transform as ITK's files hold it.

    Attributes
    ----------
    name
        ITK's class, without precision and number of axes.
    fixed, values
        Fixed parameters (centre, or grid) and parameters; those of a displacement in single precision.
    """

    name: str
    fixed: NDArray[np.float64]
    values: NDArray[np.floating]


def ras_to_lps_signs(ndim: int) -> NDArray[np.float64]:
    """Return the signs ``(D,)`` that turn RAS into LPS and back."""
    return np.array([-1.0, -1.0, 1.0][:ndim])


def on_orthogonal_grid(transform: DisplacementTransform) -> tuple[DisplacementTransform, str | None]:
    """Return a displacement on the nearest grid with orthogonal axes, which ITK requires.

    Returns
    -------
    DisplacementTransform
        Resampled only if the axes change by more than rounding.
    str or None
        A note if they do.
    """
    grid, note = _orthogonal(transform.grid)
    if note is None:
        return DisplacementTransform(transform.displacement_mm, grid), None
    return compose_to_displacement((transform,), grid), note


def _orthogonal(grid: Grid) -> tuple[Grid, str | None]:
    """Return the grid with the nearest orthogonal axes, and a note if that changes more than rounding."""
    axes = grid.vox2ras[:-1, :-1]
    # The polar decomposition gives the nearest rotation or reflection.
    u, _, v = np.linalg.svd(axes / grid.spacing)
    rotation = u @ v
    shear = float(np.abs(rotation - axes / grid.spacing).max())
    if shear < 1e-9:
        return grid, None
    vox2ras = grid.vox2ras.copy()
    vox2ras[:-1, :-1] = rotation * grid.spacing
    # The centre of the image stays in place, so that the error is spread evenly.
    centre = (np.asarray(grid.shape) - 1) / 2
    vox2ras[:-1, -1] += (axes - vox2ras[:-1, :-1]) @ centre
    note = f"axes sheared by {shear:.1e} were made orthogonal in the warp files" if shear > _SHEAR else None
    return Grid(grid.shape, vox2ras), note


def affine_to_itk(transform: AffineTransform) -> Any:
    """Return a ``sitk.AffineTransform``."""
    import SimpleITK as sitk

    dim = len(transform.matrix) - 1
    flip = ras_to_lps_signs(dim)
    result = sitk.AffineTransform(dim)
    result.SetMatrix((flip[:, None] * transform.matrix[:-1, :-1] * flip).ravel().tolist())
    result.SetTranslation((flip * transform.matrix[:-1, -1]).tolist())
    return result


def parameters_of(transform: Transform) -> ItkParameters:
    """Return a transform as ITK stores it, in LPS mm; a displacement on the nearest grid with orthogonal axes."""
    if isinstance(transform, AffineTransform):
        itk = affine_to_itk(transform)
        return ItkParameters("AffineTransform", np.array(itk.GetFixedParameters()), np.array(itk.GetParameters()))
    transform, _ = on_orthogonal_grid(transform)
    grid, dim = transform.grid, transform.grid.ndim
    flip = ras_to_lps_signs(dim)
    directions = flip[:, None] * grid.vox2ras[:-1, :-1] / grid.spacing
    fixed = np.concatenate([grid.shape, flip * grid.vox2ras[:-1, -1], grid.spacing, directions.ravel()])
    # The vectors of the voxels, the first axis fastest.
    lps_mm = transform.displacement_mm.transpose([*reversed(range(dim)), dim]) * flip.astype(np.float32)
    return ItkParameters("DisplacementFieldTransform", fixed, lps_mm.ravel())


def from_itk(path: Path, transform: Any) -> list[Transform]:
    """Convert a SimpleITK transform into a chain.

    Raises
    ------
    InputError
        If a part is neither linear nor a displacement field, not finite or singular; the message names ``path``.
    """
    import SimpleITK as sitk

    dim = transform.GetDimension()
    if dim not in (2, 3):
        raise InputError(f"{path}: a transform in {dim}D found; 2D or 3D expected.", hint="Give another file.")
    flip = ras_to_lps_signs(dim)
    if transform.GetTransformEnum() == sitk.sitkComposite:
        composite = sitk.CompositeTransform(transform)
        parts = [composite.GetNthTransform(n) for n in reversed(range(composite.GetNumberOfTransforms()))]
        return [one for part in parts for one in from_itk(path, part)]
    if transform.GetTransformEnum() == sitk.sitkDisplacementField:
        field = sitk.DisplacementFieldTransform(transform).GetDisplacementField()
        order = [*reversed(range(dim)), dim]
        displacement_mm = sitk.GetArrayFromImage(field).transpose(order) * flip
        vox2ras = np.eye(dim + 1)
        vox2ras[:-1, :-1] = (flip[:, None] * np.reshape(field.GetDirection(), (dim, dim))) * field.GetSpacing()
        vox2ras[:-1, -1] = flip * field.GetOrigin()
        return [checked_displacement(path, displacement_mm.astype(np.float32), vox2ras)]
    if not transform.IsLinear():
        raise InputError(
            f"{path}: {transform.GetName()} found; an affine or a displacement field expected.",
            hint="Convert the transform to a displacement field with ITK.",
        )
    # The images of D + 1 points determine a linear map, whatever its parametrisation and centre.
    origin = np.array(transform.TransformPoint([0.0] * dim))
    columns = [np.array(transform.TransformPoint(row)) - origin for row in np.eye(dim).tolist()]
    matrix = np.eye(dim + 1)
    matrix[:-1, :-1] = flip[:, None] * np.stack(columns, 1) * flip
    matrix[:-1, -1] = flip * origin
    return [checked_affine(path, matrix)]


def checked_affine(path: Path, matrix: NDArray[np.float64]) -> AffineTransform:
    """Return the affine transform of a matrix that was read from a file.

    Raises
    ------
    InputError
        If the matrix is not finite, not affine or singular.
    """
    bottom = np.eye(len(matrix))[-1]
    if not np.all(np.isfinite(matrix)) or not np.allclose(matrix[-1], bottom, atol=1e-6):
        raise InputError(
            f"{path}: a matrix that is not affine found; a finite one with the last row 0 ... 0 1 expected.",
            hint="Give another file.",
        )
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise InputError(f"{path}: a singular matrix found; an invertible one expected.", hint="Give another file.")
    return AffineTransform(matrix)


def checked_displacement(
    path: Path, displacement_mm: NDArray[np.float32], vox2ras: NDArray[np.float64]
) -> DisplacementTransform:
    """Return the displacement transform of an array ``(*grid, D)`` in RAS mm that was read from a file.

    Raises
    ------
    InputError
        If the displacement is not finite, or ``vox2ras`` is singular.
    """
    if not np.all(np.isfinite(displacement_mm)):
        raise InputError(
            f"{path}: displacements that are not finite found; numbers in mm expected.", hint="Write the file again."
        )
    if not np.all(np.isfinite(vox2ras)) or abs(np.linalg.det(vox2ras)) < 1e-12:
        raise InputError(
            f"{path}: a singular voxel-to-mm matrix found; independent axes expected.", hint="Correct the header."
        )
    return DisplacementTransform(displacement_mm, Grid(displacement_mm.shape[:-1], vox2ras))


def dimension(transform: Transform) -> int:
    """Return the number of axes of a transform."""
    return len(transform.matrix) - 1 if isinstance(transform, AffineTransform) else transform.grid.ndim
