"""Transforms of this program and of SimpleITK map points alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_objects import (
    checked_affine,
    checked_displacement,
    dimension,
    from_itk,
    on_orthogonal_grid,
    parameters_of,
    ras_to_lps_signs,
)
from vision_cli.register.transforms.transforms import DisplacementTransform, map_points

FILE = Path("a.mat")


@pytest.mark.parametrize("position", [0, 1], ids=["displacement", "affine"])
def test_itk_maps_points_as_we_do_and_the_object_converts_back(any_world, itk, position):
    transform = any_world.chain[position]
    theirs_of = itk.transform(transform)
    dim = any_world.fixed.ndim
    vox2ras = any_world.fixed.vox2ras
    points = (np.asarray(any_world.fixed.shape) / 2 + [[0] * dim, [0.3] * dim]) @ vox2ras[:-1, :-1].T + vox2ras[:-1, -1]
    signs = ras_to_lps_signs(dim)
    theirs = [signs * theirs_of.TransformPoint((signs * point).tolist()) for point in points]
    np.testing.assert_allclose(map_points([transform], points), theirs, atol=1e-4)
    (back,) = from_itk(FILE, theirs_of)
    np.testing.assert_allclose(map_points([back], points), theirs, atol=1e-4)
    assert dimension(transform) == dimension(back) == dim
    ours = parameters_of(transform)
    assert ours.name == theirs_of.GetName()
    np.testing.assert_allclose(ours.fixed, theirs_of.GetFixedParameters(), atol=1e-9)
    np.testing.assert_allclose(ours.values, theirs_of.GetParameters(), atol=1e-6)


def test_a_sheared_grid_becomes_orthogonal_with_a_note():
    vox2ras = np.eye(3)
    vox2ras[0, 1] = 0.1
    found, note = on_orthogonal_grid(DisplacementTransform(np.zeros((9, 9, 2), np.float32), Grid((9, 9), vox2ras)))
    axes = found.grid.vox2ras[:2, :2] / found.grid.spacing
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-9)
    assert "made orthogonal" in note


def test_matrices_and_displacements_that_are_no_transforms_are_refused():
    with pytest.raises(InputError, match="not affine"):
        checked_affine(FILE, np.ones((3, 3)))
    with pytest.raises(InputError, match="singular matrix"):
        checked_affine(FILE, np.diag([0.0, 1.0, 1.0]))
    with pytest.raises(InputError, match="not finite"):
        checked_displacement(FILE, np.full((4, 4, 2), np.nan, np.float32), np.eye(3))
    with pytest.raises(InputError, match="singular voxel-to-mm"):
        checked_displacement(FILE, np.zeros((4, 4, 2), np.float32), np.diag([0.0, 1.0, 1.0]))
