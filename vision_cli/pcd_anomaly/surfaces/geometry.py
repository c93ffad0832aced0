"""Points, rigid maps and local surface frames.

Points are ``(N, 3)`` float64 arrays in the unit of their file. A pose is a ``(4, 4)`` matrix that maps the points of a
scan into the frame of the reference. Callers that need results independent of the order of points sort them with
`canonical_order` first; a shuffled scan then gives the same numbers to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError, cKDTree

from vision_cli.core.errors import InputError

Points = NDArray[np.float64]
Pose = NDArray[np.float64]

_HULL_DIRECTIONS = 128
_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class Surface:
    """Points with the normals and the surface variation of their neighbourhoods.

    Attributes
    ----------
    points
        ``(N, 3)``.
    normals
        Unit vectors, ``(N, 3)``; the sign is arbitrary until they are oriented.
    variation
        Surface variation λ₀/Σλ of the neighbourhood, ``(N,)``, 0 on a plane (Pauly et al. 2002, eq. 4).
    """

    points: Points
    normals: Points
    variation: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Surface:
        """Return some of the points."""
        return Surface(self.points[rows], self.normals[rows], self.variation[rows])

    def moved(self, pose: Pose) -> Surface:
        """Return the surface after a rigid map."""
        return Surface(transform(pose, self.points), self.normals @ pose[:3, :3].T, self.variation)

    def facing(self, direction: NDArray[np.float64]) -> Surface:
        """Return the surface with every normal turned to the side that a direction ``(3,)`` points to."""
        sign = np.where(self.normals @ direction < 0, -1.0, 1.0)
        return Surface(self.points, self.normals * sign[:, None], self.variation)


def transform(pose: Pose, points: Points) -> Points:
    """Return points ``(N, 3)`` moved by a pose ``(4, 4)``."""
    return np.asarray(points @ pose[:3, :3].T + pose[:3, 3])


def make_pose(rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> Pose:
    """Return poses ``(..., 4, 4)`` of rotations ``(..., 3, 3)`` and translations ``(..., 3)``."""
    pose = np.zeros((*rotation.shape[:-2], 4, 4))
    pose[..., :3, :3] = rotation
    pose[..., :3, 3] = translation
    pose[..., 3, 3] = 1
    return pose


def invert(pose: Pose) -> Pose:
    """Return the inverse of a pose ``(4, 4)``."""
    rotation = pose[:3, :3].T
    return make_pose(rotation, -rotation @ pose[:3, 3])


def rotation_vectors_to_matrices(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation matrices ``(B, 3, 3)`` of rotation vectors ``(B, 3)`` in radians."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(vectors).as_matrix())


def random_rotation(generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a uniformly distributed random rotation, ``(3, 3)``."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.random(rng=generator).as_matrix())


def rotation_angle(first: Pose, second: Pose) -> NDArray[np.float64]:
    """Return the angle in radians between the rotations of poses ``(..., 4, 4)``."""
    trace = np.einsum("...ij,...ij->...", first[..., :3, :3], second[..., :3, :3])
    return np.asarray(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def fit_rigid(source: Points, target: Points) -> Pose:
    """Return the pose that maps ``source`` to ``target``, least squares over rows (Kabsch 1976).

    Parameters
    ----------
    source, target
        ``(..., N, 3)``.

    Returns
    -------
    ndarray
        ``(..., 4, 4)``.
    """
    middle, goal = source.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    covariance = np.swapaxes(source - middle, -1, -2) @ (target - goal)
    u, _, vt = np.linalg.svd(covariance)
    sign = np.ones((*covariance.shape[:-2], 3))
    sign[..., 2] = np.sign(np.linalg.det(u @ vt))
    rotation = np.swapaxes(vt, -1, -2) @ (sign[..., :, None] * np.swapaxes(u, -1, -2))
    shift = goal[..., 0, :] - np.einsum("...ij,...j->...i", rotation, middle[..., 0, :])
    return make_pose(rotation, shift)


def sphere_directions(count: int) -> Points:
    """Return unit vectors spread evenly over the sphere, ``(count, 3)`` (Fibonacci lattice; Swinbank, Purser 2006)."""
    place = np.arange(count) + 0.5
    z = 1 - 2 * place / count
    longitude = place * np.pi * (1 + 5**0.5)
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(longitude), radius * np.sin(longitude), z], axis=1)


def basis_of(direction: NDArray[np.float64]) -> Points:
    """Return a right-handed orthonormal basis whose last row is a unit vector, ``(3, 3)``."""
    helper = np.eye(3)[np.argmin(np.abs(direction))]
    first = np.cross(helper, direction)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(direction, first), direction])


def canonical_order(points: Points) -> NDArray[np.int64]:
    """Return the order ``(N,)`` of points by x, then y, then z."""
    return np.asarray(np.lexsort((points[:, 2], points[:, 1], points[:, 0])))


def principal_axes(points: Points) -> NDArray[np.float64]:
    """Return the principal axes of points ``(N, 3)`` as rows of a rotation ``(3, 3)``, that of the least extent first.

    Their signs are arbitrary, but they are right-handed; fewer than two points have the axes of the coordinates.
    """
    if len(points) < 2:
        return np.eye(3)
    centred = points - points.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1].T
    axes[0] = np.cross(axes[1], axes[2])
    return np.asarray(axes)


def diameter(points: Points) -> float:
    """Return the largest distance between two points, the diameter D that other lengths are relative to.

    Raises
    ------
    InputError
        If the points lie in a plane, on a line or in one place.
    """
    # Hulls of a million points are slow; extreme points in many directions have nearly the same hull.
    if len(points) > 4 * _HULL_DIRECTIONS:
        directions = sphere_directions(_HULL_DIRECTIONS)
        extreme = [np.argmax(directions @ part.T, axis=1) + start for start, part in _parts(points)]
        points = points[np.unique(np.concatenate(extreme))]
    try:
        hull = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        raise InputError(
            f"{len(points)} points in a plane, on a line or in one place found; a surface in space expected."
        ) from None
    gaps = hull[:, None] - hull[None]
    return float(np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps).max()))


def voxel_groups(points: Points, size: float) -> tuple[NDArray[np.int64], int]:
    """Return the cube of side ``size`` that each point lies in, as a group number ``(N,)``, and the group count."""
    cells = np.floor((points - points.min(axis=0)) / size).astype(np.int64)
    spans = cells.max(axis=0) + 1
    keys = (cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2]
    _, group = np.unique(keys, return_inverse=True)
    return np.asarray(group), int(group.max()) + 1


def voxel_means(points: Points, size: float) -> Points:
    """Return the means of the points in each cube of side ``size``, ``(V, 3)``."""
    group, count = voxel_groups(points, size)
    return group_means(points, group, count)


def group_means(values: NDArray[np.float64], group: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the means of rows ``(N, C)`` by group ``(N,)``, ``(count, C)``."""
    sizes = np.bincount(group, minlength=count)
    sums = np.stack([np.bincount(group, column, minlength=count) for column in values.T], axis=1)
    return np.asarray(sums / sizes[:, None])


def spacing(points: Points, tree: cKDTree | None = None) -> float:
    """Return the median distance of points to their nearest neighbour."""
    tree = cKDTree(points) if tree is None else tree
    some = points[:: max(1, len(points) // 4096)]
    return float(np.median(tree.query(some, k=2)[0][:, 1]))


def surface_of(points: Points, neighbours: int = 16, at: Points | None = None, tree: cKDTree | None = None) -> Surface:
    """Return a surface with normals and surface variation estimated from nearest neighbours.

    Parameters
    ----------
    points
        ``(N, 3)``.
    neighbours
        Number of points of a neighbourhood.
    at
        Places to estimate at, ``(Q, 3)``; the points themselves by default.
    tree
        Tree of the points, if there is one.
    """
    tree = cKDTree(points) if tree is None else tree
    at = points if at is None else at
    normals, variation = np.empty_like(at), np.empty(len(at))
    for start, part in _parts(at):
        near = points[tree.query(part, k=min(neighbours, len(points)))[1]]
        near = near - near.mean(axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", near, near))
        stop = start + len(part)
        normals[start:stop] = vectors[:, :, 0]
        variation[start:stop] = np.maximum(values[:, 0], 0) / np.maximum(values.sum(axis=1), 1e-300)
    return Surface(at, normals, variation)


def _parts(rows: Points) -> list[tuple[int, Points]]:
    """Return rows in parts that bound the memory of intermediate results, with the number of the first row."""
    return [(start, rows[start : start + _ROWS_AT_ONCE]) for start in range(0, len(rows), _ROWS_AT_ONCE)]
