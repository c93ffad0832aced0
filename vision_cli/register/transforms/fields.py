"""Regular grids, and operations on dense velocity and displacement fields.

Conventions of the whole task:

* arrays and grids are indexed ``(i, j, k)`` as the image file stores them; ``vox2ras`` maps a voxel index to RAS mm;
* names that end in ``_voxels`` hold a field ``(D, *grid)``, component ``c`` along grid axis ``c``, in voxels of its own
  grid;
* names that end in ``_mm`` hold displacements ``(*grid, D)`` along x, y and z in RAS mm;
* two grids over the same box have the same corner voxel centres (``align_corners=True``);
* a velocity field generates ``phi = exp(v)`` by scaling and squaring (WiNet, section "diffeomorphic variant").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_LINEAR_MODE = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class Grid:
    """A regular grid in physical space.

    Attributes
    ----------
    shape
        Voxels along each of the D axes.
    vox2ras
        ``(D+1, D+1)`` matrix from voxel index to RAS mm.
    """

    shape: tuple[int, ...]
    vox2ras: NDArray[np.float64]

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.shape)

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel size in mm along each axis, ``(D,)``."""
        return np.asarray(np.linalg.norm(self.vox2ras[:-1, :-1], axis=0), dtype=np.float64)

    def resized(self, shape: tuple[int, ...]) -> Grid:
        """Return the grid of another shape with the same corner voxel centres."""
        scale = [(old - 1) / (new - 1) if new > 1 else 1.0 for old, new in zip(self.shape, shape, strict=True)]
        return Grid(shape, self.vox2ras @ np.diag([*scale, 1.0]))

    def cropped(self, start: tuple[int, ...], shape: tuple[int, ...]) -> Grid:
        """Return the sub-grid that begins at voxel ``start``."""
        offset = np.eye(self.ndim + 1)
        offset[:-1, -1] = start
        return Grid(shape, self.vox2ras @ offset)


@lru_cache(maxsize=8)
def identity_points(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return the voxel coordinates of every grid point, ``(D, *shape)``; the tensor is cached, do not modify it."""
    axes = [torch.arange(n, dtype=torch.float32, device=device) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def affine_points(matrix: NDArray[np.float64], shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Map every grid point by a voxel-to-voxel matrix ``(D+1, D+1)``; return ``(D, *shape)``."""
    dim = len(shape)
    rows = []
    for row in np.asarray(matrix)[:dim]:
        total = torch.full((1,) * dim, float(row[dim]), device=device)
        for axis, n in enumerate(shape):
            ramp = torch.arange(n, dtype=torch.float32, device=device) * float(row[axis])
            total = total + ramp.view([-1 if a == axis else 1 for a in range(dim)])
        rows.append(total.expand(shape))
    return torch.stack(rows)


def transform_points(matrix: Tensor, points: Tensor) -> Tensor:
    """Map points ``(D, *G)`` by a ``(D+1, D+1)`` matrix; return ``(D, *G)``."""
    dim = points.shape[0]
    matrix = matrix.to(points)
    return torch.einsum("ij,j...->i...", matrix[:dim, :dim], points) + matrix[:dim, dim].view(-1, *[1] * dim)


def centred_matrix(source: Sequence[int], linear: Tensor, target: Sequence[int], shift: Tensor) -> Tensor:
    """Return the matrix ``(D+1, D+1)`` of a linear map between two grids of voxels.

    Parameters
    ----------
    source, target
        Shapes of the two grids.
    linear
        ``(D, D)`` matrix of the map.
    shift
        ``(D,)`` voxels from the centre of ``target`` to where the centre of ``source`` is mapped.
    """
    dim = len(source)
    middles = [(torch.tensor(list(shape), dtype=torch.float32) - 1) / 2 for shape in (source, target)]
    matrix = torch.eye(dim + 1)
    matrix[:dim, :dim] = linear
    matrix[:dim, dim] = middles[1] - linear @ middles[0] + shift
    return matrix


def sample(image: Tensor, points: Tensor, *, padding: str = "zeros") -> Tensor:
    """Interpolate an image linearly at points.

    Parameters
    ----------
    image
        ``(C, *S)``.
    points
        ``(D, *G)`` coordinates in voxels of ``image``.
    padding
        Value outside of the image: ``"zeros"``, or ``"border"`` for that of the nearest voxel.

    Returns
    -------
    Tensor
        ``(C, *G)``.
    """
    dim = points.shape[0]
    shape = points.shape[1:]
    count = points[0].numel()
    origin = torch.full((), -1.0, device=points.device)
    # grid_sample takes the last axis first, in normalised coordinates.
    unit = torch.stack(
        [
            torch.add(origin, points[axis].reshape(count), alpha=2.0 / max(image.shape[1 + axis] - 1, 1))
            for axis in reversed(range(dim))
        ],
        dim=-1,
    )
    return sample_normalised(image, unit, padding=padding).reshape(image.shape[0], *shape)


def sample_normalised(image: Tensor, units: Tensor, *, padding: str = "zeros") -> Tensor:
    """Interpolate an image ``(C, *S)`` at normalised coordinates ``(N, D)``: -1 to 1 on each axis, the last axis first.

    Returns
    -------
    Tensor
        ``(C, N)``.

    Notes
    -----
    On a CPU torch interpolates one batch entry per thread, so the points are split into one entry a thread.
    """
    count, dim = units.shape
    parts = torch.get_num_threads() if units.device.type == "cpu" and count > 4096 else 1
    fill = -count % parts
    if fill:
        units = torch.cat([units, units[:fill]])
    values = functional.grid_sample(
        image.expand(parts, *image.shape),
        units.reshape(parts, *([1] * (dim - 1)), -1, dim),
        mode="bilinear",
        padding_mode=padding,
        align_corners=True,
    )
    return values.reshape(parts, image.shape[0], -1).transpose(0, 1).reshape(image.shape[0], -1)[:, :count]


def compose(first_voxels: Tensor, second_voxels: Tensor) -> Tensor:
    """Compose two displacements ``(D, *grid)`` of one grid: ``y = x + first(x)``, then ``y + second(y)``."""
    points = identity_points(tuple(first_voxels.shape[1:]), first_voxels.device) + first_voxels
    return first_voxels + sample(second_voxels, points, padding="border")


def exponentiate(velocity_voxels: Tensor, squarings: int) -> Tensor:
    """Exponentiate a stationary velocity field by scaling and squaring (WiNet, diffeomorphic variant).

    Parameters
    ----------
    velocity_voxels
        ``(D, *grid)``.
    squarings
        Number of squaring steps.

    Returns
    -------
    Tensor
        Displacement of ``exp(v)``, ``(D, *grid)`` in voxels.
    """
    displacement_voxels: Tensor = velocity_voxels / 2**squarings
    for _ in range(squarings):
        displacement_voxels = compose(displacement_voxels, displacement_voxels)
    return displacement_voxels


def invert(displacement_voxels: Tensor, guess_voxels: Tensor | None = None, iterations: int = 40) -> Tensor:
    """Return the inverse displacement ``w``, ``(D, *grid)`` in voxels: the root of ``w(y) + u(y + w(y)) = 0``.

    Parameters
    ----------
    displacement_voxels
        ``u``, ``(D, *grid)``.
    guess_voxels
        An estimate of the inverse, such as the displacement of ``exp(-v)``, to refine by Newton steps that use the
        Jacobian of the estimate. None for fixed-point iteration from ``-u`` with half steps, which converges where the
        stretch is less than fourfold.
    iterations
        Number of steps.
    """
    inverse_voxels = -displacement_voxels if guess_voxels is None else guess_voxels
    for _ in range(iterations):
        updated_voxels = torch.empty_like(inverse_voxels)
        for start, stop in row_ranges(tuple(inverse_voxels.shape[1:])):
            own_voxels = inverse_voxels[:, start:stop]
            residual_voxels = own_voxels + sample(
                displacement_voxels, _points_of_rows(inverse_voxels, start, stop), padding="border"
            )
            step_voxels = (
                0.5 * residual_voxels
                if guess_voxels is None
                else residual_voxels + _directional_derivative(inverse_voxels, residual_voxels, start, stop)
            )
            updated_voxels[:, start:stop] = own_voxels - step_voxels
        inverse_voxels = updated_voxels
    return inverse_voxels


def balance_inverse(displacement_voxels: Tensor, inverse_voxels: Tensor, share: float) -> Tensor:
    """Reduce the error of an inverse between its grid points; return ``(D, *grid)`` in voxels.

    An inverse ``w`` that is exact at its grid points has a residual ``w(x + u(x)) + u(x)`` where the map shrinks space,
    because ``w`` is steep there. One step of simultaneous reconstruction distributes that residual over the grid points
    that it was interpolated from.

    Parameters
    ----------
    displacement_voxels
        ``u``, ``(D, *grid)``.
    inverse_voxels
        ``w``, ``(D, *grid)``, exact at the grid points.
    share
        Fraction of the residual to remove, 0 to 1.
    """
    dim, size = displacement_voxels.shape[:2]
    # The gradient of linear interpolation is its transpose, which distributes values over grid points; ones give the
    # weights.
    counted = torch.cat([inverse_voxels, torch.ones_like(inverse_voxels[:1])])
    laid = torch.zeros_like(counted)
    for start, stop in row_ranges(tuple(inverse_voxels.shape[1:])):
        points = _points_of_rows(displacement_voxels, start, stop)
        low = max(0, min(size - 2, int(points[0].min())))
        high = min(size, max(low + 2, int(points[0].max()) + 2))
        points[0] -= low
        with torch.enable_grad():
            part = counted[:, low:high].detach().requires_grad_()
            values = sample(part, points, padding="border")
            residual = values.detach().clone()
            residual[:dim] += displacement_voxels[:, start:stop]
            laid[:, low:high] += torch.autograd.grad((values * residual).sum(), part)[0]
    return inverse_voxels - share * laid[:dim] / laid[dim].clamp(min=0.1)


def _points_of_rows(displacement_voxels: Tensor, start: int, stop: int) -> Tensor:
    """Return ``x + u(x)`` in voxels for rows ``start`` to ``stop`` of the first axis, ``(D, stop - start, ...)``."""
    shape = (stop - start, *displacement_voxels.shape[2:])
    shift = np.eye(len(shape) + 1)
    shift[0, -1] = start
    return displacement_voxels[:, start:stop] + affine_points(shift, shape, displacement_voxels.device)


def _directional_derivative(field: Tensor, direction: Tensor, start: int, stop: int) -> Tensor:
    """Return ``sum_a d_a field_c * direction_a`` for each component and rows ``start`` to ``stop`` of a field."""
    low, high = max(start - 1, 0), min(stop + 1, field.shape[1])
    rows = []
    for component in field[:, low:high]:
        axes = [axis for axis, n in enumerate(component.shape) if n > 1]
        slopes = (torch.gradient(component, dim=axis)[0][start - low : stop - low] * direction[axis] for axis in axes)
        rows.append(sum(slopes, start=torch.zeros_like(direction[0])))
    return torch.stack(rows)


def resize(field: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Resample ``(C, *S)`` linearly to ``(C, *shape)`` over the same box; the values keep their unit."""
    if tuple(field.shape[1:]) == shape:
        return field
    return functional.interpolate(field[None], size=shape, mode=_LINEAR_MODE[len(shape)], align_corners=True)[0]


def rescale(field_voxels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Resample a field ``(D, *S)`` to ``(D, *shape)`` over the same box, in voxels of the new grid."""
    old = field_voxels.shape[1:]
    factor = [(new - 1) / (was - 1) if was > 1 else 1.0 for new, was in zip(shape, old, strict=True)]
    scale = torch.tensor(factor, dtype=field_voxels.dtype, device=field_voxels.device).view(-1, *([1] * len(shape)))
    return resize(field_voxels * scale, shape)


def transfer(field_voxels: Tensor, source: Grid, target: Grid) -> Tensor:
    """Resample a field of one grid onto another grid in space.

    Parameters
    ----------
    field_voxels
        ``(D, *source.shape)`` in voxels of ``source``.
    source, target
        The grids; outside of ``source`` the value at its border is used.

    Returns
    -------
    Tensor
        ``(D, *target.shape)`` in voxels of ``target``.
    """
    matrix = np.linalg.inv(source.vox2ras) @ target.vox2ras
    axes = torch.as_tensor(
        np.linalg.inv(target.vox2ras[:-1, :-1]) @ source.vox2ras[:-1, :-1],
        dtype=torch.float32,
        device=field_voxels.device,
    )
    result = field_voxels.new_empty((target.ndim, *target.shape))
    for start, stop in row_ranges(target.shape):
        shift = np.eye(target.ndim + 1)
        shift[0, -1] = start
        points = affine_points(matrix @ shift, (stop - start, *target.shape[1:]), field_voxels.device)
        sampled = sample(field_voxels, points, padding="border")
        result[:, start:stop] = torch.einsum("ij,j...->i...", axes, sampled)
    return result


def in_mm(displacement_voxels: Tensor, grid: Grid) -> Tensor:
    """Convert a displacement ``(D, *grid)`` in voxels to RAS mm ``(*grid, D)``."""
    axes = torch.as_tensor(grid.vox2ras[:-1, :-1], dtype=torch.float32, device=displacement_voxels.device)
    return torch.einsum("ij,j...->...i", axes, displacement_voxels).contiguous()


def jacobian_determinant(displacement_voxels: Tensor) -> Tensor:
    """Return the determinant of ``d(x + u)/dx``, ``(*grid)``, by central differences (one-sided at the border)."""
    dim = displacement_voxels.shape[0]
    rows = []
    for component in range(dim):
        row = []
        for axis in range(dim):
            if displacement_voxels.shape[1 + axis] > 1:
                slope = torch.gradient(displacement_voxels[component], dim=axis)[0]
            else:
                slope = torch.zeros_like(displacement_voxels[component])
            row.append(slope + 1.0 if axis == component else slope)
        rows.append(row)
    if dim == 2:
        return rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def row_ranges(shape: tuple[int, ...], voxels: int = 500_000) -> list[tuple[int, int]]:
    """Split a grid along its first axis into ranges of about ``voxels`` voxels, which fit into the cache."""
    count = max(1, min(shape[0], round(math.prod(shape) / voxels)))
    edges = [round(k * shape[0] / count) for k in range(count + 1)]
    return list(itertools.pairwise(edges))


def jacobian_determinant_by_rows(displacement_voxels: Tensor) -> Tensor:
    """Return the same as `jacobian_determinant`, computed a few rows at a time to save memory, ``(*grid)``."""
    shape = tuple(displacement_voxels.shape[1:])
    parts = []
    for start, stop in row_ranges(shape):
        # At least two rows: a single one has no derivative along the first axis.
        low, high = max(start - 1, 0), min(stop + 1, shape[0])
        parts.append(jacobian_determinant(displacement_voxels[:, low:high])[start - low : stop - low])
    return torch.cat(parts)


def gaussian_blur(image: Tensor, sigma: tuple[float, ...]) -> Tensor:
    """Blur ``(C, *S)`` with a Gaussian of ``sigma`` voxels along each axis; edges are replicated, 0 skips an axis."""
    dim = image.ndim - 1
    for axis, width in enumerate(sigma):
        if width <= 0 or image.shape[1 + axis] == 1:
            continue
        radius = min(max(1, int(3 * width + 0.5)), image.shape[1 + axis] - 1)
        offsets = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
        weights = torch.exp(-0.5 * (offsets / width) ** 2)
        weights = weights / weights.sum()
        pad = [0] * (2 * dim)
        pad[2 * (dim - 1 - axis)] = pad[2 * (dim - 1 - axis) + 1] = radius
        padded = functional.pad(image, pad, mode="replicate")
        n = image.shape[1 + axis]
        image = sum(
            (padded.narrow(1 + axis, k, n) * weight for k, weight in enumerate(weights.tolist())),
            start=torch.zeros_like(image),
        )
    return image
