"""Two pictures of one phantom, and the map between them that is to be found.

The anatomy ``H`` is a function of space. The fixed image shows ``H(f(x))`` and the moving image ``H(m(y))``
for known maps ``f`` and ``m`` of space, each on any grid, without resampling; so the point ``x`` of the fixed
image is the point ``m^-1(f(x))`` of the moving one, for every tissue and not only at borders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from vision_cli.phantoms.arrays import Floats, Labels, Matrix

PointMap = Callable[[Floats], Floats]
Anatomy = Callable[[Floats], Labels]
"""The labels ``(N,)`` at points ``(D, N)`` in RAS mm."""

_AXES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}

_PLACES_IN_A_VOXEL = {
    2: np.asarray([(1, 3), (3, -1), (-1, -3), (-3, 1)], np.float32) / 8,
    3: np.asarray([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)], np.float32) / 4,
}


@dataclass(frozen=True)
class PhantomPair:
    """A fixed and a moving image of a phantom with known truth.

    Attributes
    ----------
    fixed, moving
        Images ``(*grid)``, float32, not negative.
    fixed_labels, moving_labels
        Label at the centre of each voxel, uint8, 0 outside.
    fixed_vox2ras, moving_vox2ras
        ``(D+1, D+1)`` matrices from voxel index to RAS mm.
    displacement
        ``(D, *fixed grid)`` in RAS mm: the fixed point ``x`` is the moving point ``x + displacement``.
    fixed_to_moving_ras
        ``(D+1, D+1)``, the affine part ``A`` of that map, which is ``A`` after a smooth deformation.
    label_names
        Names of the labels by number.
    """

    fixed: Floats
    moving: Floats
    fixed_labels: Labels
    moving_labels: Labels
    fixed_vox2ras: Matrix
    moving_vox2ras: Matrix
    displacement: Floats
    fixed_to_moving_ras: Matrix
    label_names: Mapping[int, str]


@dataclass(frozen=True)
class PhantomGrid:
    """The voxels that a phantom is seen on.

    Attributes
    ----------
    shape
        Voxels along each axis of the array.
    vox2ras
        ``(D+1, D+1)`` matrix from voxel index to RAS mm.
    """

    shape: tuple[int, ...]
    vox2ras: Matrix

    @staticmethod
    def oriented(
        shape: Sequence[int],
        spacing: Sequence[float],
        *,
        axcodes: str,
        centre: Sequence[float],
        oblique_deg: float = 0.0,
    ) -> PhantomGrid:
        """Make a grid around a point.

        Parameters
        ----------
        shape, spacing
            Voxels, and mm a voxel, along R, A (and S), whatever the order of the array's axes.
        axcodes
            The directions of the array's axes, as ``"RAS"`` or ``"LIA"``; ``"RA"`` in two dimensions.
        centre
            The middle of the grid in RAS mm.
        oblique_deg
            Angle by which the grid is turned: in the plane, or about the diagonal of space in 3D.
        """
        dim = len(shape)
        axes, signs = zip(*(_AXES[code] for code in axcodes), strict=True)
        turned = np.zeros((dim, dim))
        turned[list(axes), range(dim)] = [sign * spacing[axis] for axis, sign in zip(axes, signs, strict=True)]
        turned = rotation_matrix(np.ones(3) if dim == 3 else np.asarray([0, 0, 1.0]), oblique_deg, dim) @ turned
        array_shape = tuple(int(shape[axis]) for axis in axes)
        vox2ras = np.eye(dim + 1)
        vox2ras[:dim, :dim] = turned
        vox2ras[:dim, dim] = np.asarray(centre) - turned @ ((np.asarray(array_shape) - 1) / 2)
        return PhantomGrid(array_shape, vox2ras)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size in mm along each axis of the array."""
        return tuple(float(step) for step in np.linalg.norm(self.vox2ras[:-1, :-1], axis=0))

    def points(self) -> Floats:
        """Return the centres of the voxels in RAS mm, ``(D, N)`` in the order of the array."""
        axes = [np.arange(n, dtype=np.float32) for n in self.shape]
        voxels = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(self.ndim, -1)
        return transform_points(self.vox2ras, voxels)

    def box(self, margin_mm: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the corners in RAS mm, lowest and highest, of a box with the grid inside."""
        corners = np.stack(np.meshgrid(*[(0, n - 1) for n in self.shape], indexing="ij"))
        points = transform_points(self.vox2ras, corners.reshape(self.ndim, -1).astype(np.float32))
        low, high = points.min(axis=1) - margin_mm, points.max(axis=1) + margin_mm
        return tuple(low.tolist()), tuple(high.tolist())


def observe(anatomy: Anatomy, grid: PhantomGrid, pull_back: PointMap) -> list[Labels]:
    """Look at a deformed anatomy on a grid.

    Parameters
    ----------
    anatomy
        The labels at points.
    grid
        Where to look.
    pull_back
        The map from the points of the grid to those of the anatomy.

    Returns
    -------
    list of ndarray
        Label maps ``(*grid)``: the first holds the label at the centre of each voxel, the others those at
        places around it, which differ from the first where a voxel holds a border. They are what
        :meth:`Scanner.take` mixes.
    """
    points = grid.points()
    centre = anatomy(pull_back(points)).reshape(grid.shape)
    near_border = ndimage.maximum_filter(centre, 3) != ndimage.minimum_filter(centre, 3)
    chosen = points[:, near_border.ravel()]
    samples = [centre]
    for place in _PLACES_IN_A_VOXEL[grid.ndim]:
        shift = grid.vox2ras[:-1, :-1] @ place
        sample = centre.copy()
        sample[near_border] = anatomy(pull_back(chosen + shift.astype(np.float32)[:, None]))
        samples.append(sample)
    return samples


def rotation_matrix(axis: Matrix, angle_deg: float, ndim: int) -> Matrix:
    """Return the rotation about an axis, ``(3, 3)``, or its part in the plane R, A, ``(2, 2)``."""
    turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * angle_deg, degrees=True)
    matrix: Matrix = turn.as_matrix()[:ndim, :ndim]
    return matrix


def residual_affine(
    rng: np.random.Generator, *, shift_mm: float, angle_deg: float, stretch: float, centre: Sequence[float]
) -> Matrix:
    """Draw what differs in the pose of two heads, ``(D+1, D+1)`` in RAS mm.

    Parameters
    ----------
    rng
        Where the directions come from.
    shift_mm, angle_deg
        Length of the translation and angle of the rotation about ``centre``; their directions are random.
    stretch
        Each axis is stretched by up to this share, either way.
    centre
        The point that only the translation moves; it has D coordinates.
    """
    dim = len(centre)
    axis = rng.standard_normal(3) if dim == 3 else np.asarray([0, 0, rng.choice([-1.0, 1.0])])
    direction = rng.standard_normal(dim)
    linear = rotation_matrix(axis, angle_deg, dim) @ np.diag(1 + stretch * rng.uniform(-1, 1, dim))
    matrix = np.eye(dim + 1)
    matrix[:dim, :dim] = linear
    matrix[:dim, dim] = centre - linear @ centre + shift_mm * direction / np.linalg.norm(direction)
    return matrix


def transform_points(matrix: Matrix, points: Floats) -> Floats:
    """Map points ``(D, N)`` by a ``(D+1, D+1)`` matrix."""
    mapped: Floats = matrix[:-1, :-1].astype(np.float32) @ points + matrix[:-1, -1:].astype(np.float32)
    return mapped
