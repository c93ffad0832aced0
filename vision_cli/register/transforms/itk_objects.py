"""Our transforms as ITK's and back: from RAS to LPS, from arrays to SimpleITK's objects.

ITK counts in LPS, we in RAS; the conversion stands here and nowhere else. ITK refuses axes that are not at
right angles, so a displacement goes to the nearest grid that has such axes, and what that changed is noted.
"""

from __future__ import annotations

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


def flips(ndim: int) -> NDArray[np.float64]:
    """Signs ``(D,)`` that turn RAS into LPS and back."""
    return np.array([-1.0, -1.0, 1.0][:ndim])


def on_orthogonal_grid(transform: DisplacementTransform) -> tuple[DisplacementTransform, str | None]:
    """Bring a displacement to a grid that ITK takes: as it is, unless the axes have to turn visibly.

    Returns
    -------
    DisplacementTransform
        On the nearest grid with axes at right angles.
    str or None
        A note if that is more than rounding.
    """
    grid, note = _orthogonal(transform.grid)
    if note is None:
        return DisplacementTransform(transform.displacement, grid), None
    return compose_to_displacement((transform,), grid), note


def _orthogonal(grid: Grid) -> tuple[Grid, str | None]:
    """Give the grid with the nearest axes at right angles, and a note if that is more than rounding."""
    axes = grid.vox2ras[:-1, :-1]
    # The polar decomposition gives the nearest rotation or reflection.
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


def affine_to_itk(transform: AffineTransform) -> Any:
    """Make a ``sitk.AffineTransform``."""
    import SimpleITK as sitk

    dim = len(transform.matrix) - 1
    flip = flips(dim)
    result = sitk.AffineTransform(dim)
    result.SetMatrix((flip[:, None] * transform.matrix[:-1, :-1] * flip).ravel().tolist())
    result.SetTranslation((flip * transform.matrix[:-1, -1]).tolist())
    return result


def displacement_to_itk(transform: DisplacementTransform) -> Any:
    """Make a ``sitk.DisplacementFieldTransform``."""
    import SimpleITK as sitk

    transform, _ = on_orthogonal_grid(transform)
    grid, dim = transform.grid, transform.grid.ndim
    flip = flips(dim)
    order = [*reversed(range(dim)), dim]
    # In single precision as long as can be: ITK takes displacements in double only.
    narrow = (transform.displacement * flip.astype(np.float32)).transpose(order)
    image = sitk.Cast(sitk.GetImageFromArray(narrow, isVector=True), sitk.sitkVectorFloat64)
    image.SetSpacing(grid.spacing.tolist())
    image.SetOrigin((flip * grid.vox2ras[:-1, -1]).tolist())
    image.SetDirection((flip[:, None] * grid.vox2ras[:-1, :-1] / grid.spacing).ravel().tolist())
    return sitk.DisplacementFieldTransform(image)


def from_itk(path: Path, transform: Any) -> list[Transform]:
    """Take a SimpleITK transform apart into a chain.

    Raises
    ------
    InputError
        If some part is neither linear nor a displacement field, not finite or singular; ``path`` is named.
    """
    import SimpleITK as sitk

    dim = transform.GetDimension()
    if dim not in (2, 3):
        raise InputError(f"{path}: a transform in {dim}D; 2D or 3D expected.", hint="Give another file.")
    flip = flips(dim)
    if transform.GetTransformEnum() == sitk.sitkComposite:
        composite = sitk.CompositeTransform(transform)
        parts = [composite.GetNthTransform(n) for n in reversed(range(composite.GetNumberOfTransforms()))]
        return [one for part in parts for one in from_itk(path, part)]
    if transform.GetTransformEnum() == sitk.sitkDisplacementField:
        field = sitk.DisplacementFieldTransform(transform).GetDisplacementField()
        order = [*reversed(range(dim)), dim]
        values = sitk.GetArrayFromImage(field).transpose(order) * flip
        vox2ras = np.eye(dim + 1)
        vox2ras[:-1, :-1] = (flip[:, None] * np.reshape(field.GetDirection(), (dim, dim))) * field.GetSpacing()
        vox2ras[:-1, -1] = flip * field.GetOrigin()
        return [checked_displacement(path, values.astype(np.float32), vox2ras)]
    if not transform.IsLinear():
        raise InputError(
            f"{path}: {transform.GetName()}; an affine or a displacement field expected.",
            hint="Convert the transform to a displacement field with ITK.",
        )
    # Four points determine a linear map whatever its parametrisation and centre.
    origin = np.array(transform.TransformPoint([0.0] * dim))
    columns = [np.array(transform.TransformPoint(row)) - origin for row in np.eye(dim).tolist()]
    matrix = np.eye(dim + 1)
    matrix[:-1, :-1] = flip[:, None] * np.stack(columns, 1) * flip
    matrix[:-1, -1] = flip * origin
    return [checked_affine(path, matrix)]


def checked_affine(path: Path, matrix: NDArray[np.float64]) -> AffineTransform:
    """Make an affine of a matrix that a file held, if it is one that maps space.

    Raises
    ------
    InputError
        If it is not finite, not affine or singular.
    """
    bottom = np.eye(len(matrix))[-1]
    if not np.all(np.isfinite(matrix)) or not np.allclose(matrix[-1], bottom, atol=1e-6):
        raise InputError(f"{path}: not the matrix of an affine map.", hint="Give another file.")
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise InputError(f"{path}: a singular matrix; one with an inverse expected.", hint="Give another file.")
    return AffineTransform(matrix)


def checked_displacement(
    path: Path, displacement: NDArray[np.float32], vox2ras: NDArray[np.float64]
) -> DisplacementTransform:
    """Make a displacement of what a file held, if it is finite and on a proper grid.

    Raises
    ------
    InputError
        If it is not.
    """
    if not np.all(np.isfinite(displacement)):
        raise InputError(f"{path}: displacements that are not finite; numbers in mm expected.", hint="Write it again.")
    if not np.all(np.isfinite(vox2ras)) or abs(np.linalg.det(vox2ras)) < 1e-12:
        raise InputError(
            f"{path}: a singular voxel-to-mm matrix; independent axes expected.", hint="Correct the header."
        )
    return DisplacementTransform(displacement, Grid(displacement.shape[:-1], vox2ras))


def dimension(transform: Transform) -> int:
    """Give the number of axes that a transform works in."""
    return len(transform.matrix) - 1 if isinstance(transform, AffineTransform) else transform.grid.ndim
