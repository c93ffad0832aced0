"""Transforms between slices: in their planes, where they are found, and in space, where their files lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.volumes.raw import SlicePlane
from vision_cli.io.volumes.slices import AXIAL
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, Transform

_IN_PLANE = [0, 1, 3]


def affine_in_space(transform: AffineTransform, fixed: SlicePlane, moving: SlicePlane | None) -> AffineTransform:
    """Return an affine in the planes of two slices ``(3, 3)`` as one in space ``(4, 4)``; across, slab goes to slab."""
    moving = moving or AXIAL
    whole = np.eye(4)
    whole[np.ix_(_IN_PLANE, _IN_PLANE)] = transform.matrix
    whole[2, 2] = moving.thickness / fixed.thickness
    return AffineTransform(moving.frame @ whole @ np.linalg.inv(fixed.frame))


def matrix_in_plane(matrix: NDArray[np.float64], fixed: SlicePlane, moving: SlicePlane | None) -> NDArray[np.float64]:
    """Return the part of an affine in space ``(4, 4)`` that acts in the planes of two slices ``(3, 3)``."""
    whole = np.linalg.inv((moving or AXIAL).frame) @ matrix @ fixed.frame
    return np.asarray(whole[np.ix_(_IN_PLANE, _IN_PLANE)])


def displacement_in_space(transform: DisplacementTransform, plane: SlicePlane) -> DisplacementTransform:
    """Return a displacement in the plane of a slice as one on the grid of its file."""
    values_mm = transform.displacement_mm @ plane.frame[:3, :2].T.astype(np.float32)
    shape = list(transform.grid.shape)
    shape.insert(plane.axis, 1)
    return DisplacementTransform(np.expand_dims(values_mm, plane.axis), Grid(tuple(shape), plane.vox2ras))


def chain_in_space(chain: Sequence[Transform], fixed: SlicePlane, moving: SlicePlane | None) -> tuple[Transform, ...]:
    """Return a chain between two slices in space; its displacements lie in the plane of the fixed one."""
    return tuple(
        affine_in_space(one, fixed, moving) if isinstance(one, AffineTransform) else displacement_in_space(one, fixed)
        for one in chain
    )
