"""Grids, and the operations on dense fields that registration is made of.

Conventions, here and in every room of the task:

* arrays and grids run ``(i, j, k)`` as the image file stores them; ``vox2ras`` maps a voxel index to RAS millimetres;
* a field is ``(D, *grid)``, component ``c`` along grid axis ``c``, in voxels of its own grid;
* corner voxel centres of two grids over the same box coincide ("align corners");
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
        """Give the grid of another shape whose corner voxel centres are this grid's."""
        scale = [(old - 1) / (new - 1) if new > 1 else 1.0 for old, new in zip(self.shape, shape, strict=True)]
        return Grid(shape, self.vox2ras @ np.diag([*scale, 1.0]))

    def cropped(self, start: tuple[int, ...], shape: tuple[int, ...]) -> Grid:
        """Give the sub-grid that begins at voxel ``start``."""
        offset = np.eye(self.ndim + 1)
        offset[:-1, -1] = start
        return Grid(shape, self.vox2ras @ offset)


@lru_cache(maxsize=8)
def identity_points(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Voxel coordinates of every grid point, ``(D, *shape)``; shared, so not to be written to."""
    axes = [torch.arange(n, dtype=torch.float32, device=device) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def affine_points(matrix: NDArray[np.float64], shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Image of every grid point under a voxel-to-voxel matrix, ``(D, *shape)``, without a grid of ones."""
    dim = len(shape)
    rows = []
    for row in np.asarray(matrix)[:dim]:
        total = torch.full((1,) * dim, float(row[dim]), device=device)
        for axis, n in enumerate(shape):
            ramp = torch.arange(n, dtype=torch.float32, device=device) * float(row[axis])
            total = total + ramp.view([-1 if a == axis else 1 for a in range(dim)])
        rows.append(total.expand(shape))
    return torch.stack(rows)


def mapped(matrix: Tensor, points: Tensor) -> Tensor:
    """Image of points ``(D, *G)`` under a ``(D + 1, D + 1)`` matrix."""
    dim = points.shape[0]
    matrix = matrix.to(points)
    return torch.einsum("ij,j...->i...", matrix[:dim, :dim], points) + matrix[:dim, dim].view(-1, *[1] * dim)


def centred_matrix(source: Sequence[int], linear: Tensor, target: Sequence[int], shift: Tensor) -> Tensor:
    """Matrix of a linear map that takes the middle of ``source`` voxels to ``shift`` from the middle of ``target``."""
    dim = len(source)
    middles = [(torch.tensor(list(shape), dtype=torch.float32) - 1) / 2 for shape in (source, target)]
    matrix = torch.eye(dim + 1)
    matrix[:dim, :dim] = linear
    matrix[:dim, dim] = middles[1] - linear @ middles[0] + shift
    return matrix


def sample(image: Tensor, points: Tensor, *, padding: str = "zeros") -> Tensor:
    """Interpolate ``image`` linearly at ``points``.

    Parameters
    ----------
    image
        ``(C, *S)``.
    points
        ``(D, *G)`` coordinates in voxels of ``image``.
    padding
        ``"zeros"`` or ``"border"``: the value outside.

    Returns
    -------
    Tensor
        ``(C, *G)``.
    """
    dim = points.shape[0]
    shape = points.shape[1:]
    count = points[0].numel()
    origin = torch.full((), -1.0, device=points.device)
    # grid_sample counts from the last axis to the first, in units of half the image
    unit = torch.stack(
        [
            torch.add(origin, points[axis].reshape(count), alpha=2.0 / max(image.shape[1 + axis] - 1, 1))
            for axis in reversed(range(dim))
        ],
        dim=-1,
    )
    return sample_units(image, unit, padding=padding).reshape(image.shape[0], *shape)


def sample_units(image: Tensor, units: Tensor, *, padding: str = "zeros") -> Tensor:
    """Interpolate ``image`` ``(C, *S)`` at ``units`` ``(N, D)``: -1 to 1 along each axis, the last axis first.

    Returns
    -------
    Tensor
        ``(C, N)``.

    Notes
    -----
    torch interpolates one batch entry per thread on a CPU, so the points are dealt out as one entry a thread.
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


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Displacement of ``x -> y + second(y)`` after ``y = x + first(x)``; both ``(D, *grid)`` on one grid."""
    points = identity_points(tuple(first.shape[1:]), first.device) + first
    return first + sample(second, points, padding="border")


def exponentiate(velocity: Tensor, squarings: int) -> Tensor:
    """Displacement of ``exp(velocity)`` by scaling and squaring, ``(D, *grid)`` in voxels."""
    displacement: Tensor = velocity / 2**squarings
    for _ in range(squarings):
        displacement = compose(displacement, displacement)
    return displacement


def invert(displacement: Tensor, guess: Tensor | None = None, iterations: int = 40) -> Tensor:
    """Inverse displacement, ``(D, *grid)``: the root ``w`` of ``w(y) + u(y + w(y)) = 0``.

    Half fixed-point steps from ``-u``, which converge where space stretches less than fourfold; or, from a good
    ``guess`` such as ``exp(-v)``, Newton steps that take the inverse's own Jacobian for the inverse of the map's.
    """
    inverse = -displacement if guess is None else guess
    for _ in range(iterations):
        updated = torch.empty_like(inverse)
        for start, stop in row_ranges(tuple(inverse.shape[1:])):
            own = inverse[:, start:stop]
            residual = own + sample(displacement, _points_of_rows(inverse, start, stop), padding="border")
            step = 0.5 * residual if guess is None else residual + _directional(inverse, residual, start, stop)
            updated[:, start:stop] = own - step
        inverse = updated
    return inverse


def balance_inverse(displacement: Tensor, inverse: Tensor, share: float) -> Tensor:
    """Trade exactness of ``y + w(y)`` for that of ``w`` between its grid points, ``(D, *grid)``.

    An inverse that is exact on its own grid is wrong between the points where space shrinks, for it is steep there:
    ``w(x + u(x)) + u(x)`` is not zero. One step of simultaneous reconstruction lays that residual back onto the grid
    points it was interpolated from.

    Parameters
    ----------
    displacement
        ``(D, *grid)`` voxels.
    inverse
        Its inverse, exact on the grid.
    share
        Part of the residual to take away, 0 to 1.
    """
    dim, size = displacement.shape[:2]
    # The gradient of an interpolation is its transpose: it lays values back, and ones become the weights.
    counted = torch.cat([inverse, torch.ones_like(inverse[:1])])
    laid = torch.zeros_like(counted)
    for start, stop in row_ranges(tuple(inverse.shape[1:])):
        points = _points_of_rows(displacement, start, stop)
        low = max(0, min(size - 2, int(points[0].min())))
        high = min(size, max(low + 2, int(points[0].max()) + 2))
        points[0] -= low
        with torch.enable_grad():
            part = counted[:, low:high].detach().requires_grad_()
            values = sample(part, points, padding="border")
            residual = values.detach().clone()
            residual[:dim] += displacement[:, start:stop]
            laid[:, low:high] += torch.autograd.grad((values * residual).sum(), part)[0]
    return inverse - share * laid[:dim] / laid[dim].clamp(min=0.1)


def _points_of_rows(displacement: Tensor, start: int, stop: int) -> Tensor:
    """``x + u(x)`` for the rows from ``start`` to ``stop``, ``(D, stop - start, ...)``."""
    shape = (stop - start, *displacement.shape[2:])
    shift = np.eye(len(shape) + 1)
    shift[0, -1] = start
    return displacement[:, start:stop] + affine_points(shift, shape, displacement.device)


def _directional(field: Tensor, direction: Tensor, start: int, stop: int) -> Tensor:
    """Differentiate the rows of a field along a direction: ``sum_a d_a field_c * direction_a`` for each component."""
    low, high = max(start - 1, 0), min(stop + 1, field.shape[1])
    rows = []
    for component in field[:, low:high]:
        axes = [axis for axis, n in enumerate(component.shape) if n > 1]
        slopes = (torch.gradient(component, dim=axis)[0][start - low : stop - low] * direction[axis] for axis in axes)
        rows.append(sum(slopes, start=torch.zeros_like(direction[0])))
    return torch.stack(rows)


def resize(field: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Linear resampling of ``(C, *S)`` to ``(C, *shape)``, corner centres coinciding; values are untouched."""
    if tuple(field.shape[1:]) == shape:
        return field
    return functional.interpolate(field[None], size=shape, mode=_LINEAR_MODE[len(shape)], align_corners=True)[0]


def rescale(field: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Resample a field to another grid over the same box and express it in that grid's voxels."""
    old = field.shape[1:]
    factor = [(new - 1) / (was - 1) if was > 1 else 1.0 for new, was in zip(shape, old, strict=True)]
    scale = torch.tensor(factor, dtype=field.dtype, device=field.device).view(-1, *([1] * len(shape)))
    return resize(field * scale, shape)


def transfer(displacement: Tensor, source: Grid, target: Grid) -> Tensor:
    """Resample a field of one grid onto another one in space, in that grid's voxels, ``(D, *target.shape)``.

    Outside of ``source`` the value at its border goes on.
    """
    matrix = np.linalg.inv(source.vox2ras) @ target.vox2ras
    axes = torch.as_tensor(
        np.linalg.inv(target.vox2ras[:-1, :-1]) @ source.vox2ras[:-1, :-1],
        dtype=torch.float32,
        device=displacement.device,
    )
    result = displacement.new_empty((target.ndim, *target.shape))
    for start, stop in row_ranges(target.shape):
        shift = np.eye(target.ndim + 1)
        shift[0, -1] = start
        points = affine_points(matrix @ shift, (stop - start, *target.shape[1:]), displacement.device)
        sampled = sample(displacement, points, padding="border")
        result[:, start:stop] = torch.einsum("ij,j...->i...", axes, sampled)
    return result


def jacobian_determinant(displacement: Tensor) -> Tensor:
    """Compute the determinant of ``d(x + u)/dx`` by central differences (one-sided at the border), ``(*grid)``.

    The determinant does not depend on the voxel size, because displacement and grid are in the same voxels.
    """
    dim = displacement.shape[0]
    rows = []
    for component in range(dim):
        row = []
        for axis in range(dim):
            if displacement.shape[1 + axis] > 1:
                slope = torch.gradient(displacement[component], dim=axis)[0]
            else:
                slope = torch.zeros_like(displacement[component])
            row.append(slope + 1.0 if axis == component else slope)
        rows.append(row)
    if dim == 2:
        return rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def row_ranges(shape: tuple[int, ...], voxels: int = 500_000) -> list[tuple[int, int]]:
    """Cut a grid along its first axis into ranges of about so many voxels, so that work on them stays in the cache."""
    count = max(1, min(shape[0], round(math.prod(shape) / voxels)))
    edges = [round(k * shape[0] / count) for k in range(count + 1)]
    return list(itertools.pairwise(edges))


def determinant_map(displacement: Tensor) -> Tensor:
    """:func:`jacobian_determinant` of a field that is large: the same values, a few rows at a time."""
    shape = tuple(displacement.shape[1:])
    parts = []
    for start, stop in row_ranges(shape):
        # Two rows at least: a single one has no slope along the first axis.
        low, high = max(start - 1, 0), min(stop + 1, shape[0])
        parts.append(jacobian_determinant(displacement[:, low:high])[start - low : stop - low])
    return torch.cat(parts)


def gaussian_blur(image: Tensor, sigma: tuple[float, ...]) -> Tensor:
    """Blur ``(C, *S)`` with a Gaussian of ``sigma`` voxels along each axis, edges replicated; 0 skips an axis."""
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
