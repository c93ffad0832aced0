"""Warps are applied and removed, and drawn as large as their covariance."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import sphere
from tests.pcd_anomaly.surfaces.conftest import some_warp
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, estimate_displacement_std, make_basis
from vision_cli.pcd_anomaly.surfaces.warps import fit_warp


def test_normals_turn_as_the_surface_does():
    surface, step = sphere(500), 1e-4
    warp = some_warp(surface, 0.01)
    bent = warp.added(surface)
    # Two steps within the surface, before and after.
    sides = [np.cross(surface.normals, [0.3, 0.5, 0.8]), np.cross(surface.normals, [0.9, -0.2, 0.1])]
    moved = [warp.at(surface.points + step * side) + surface.points + step * side - bent.points for side in sides]
    normals = np.cross(*moved)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals *= np.sign(np.einsum("ni,ni->n", normals, surface.normals))[:, None]
    flat = np.einsum("ni,ni->n", surface.normals, normals)
    assert np.arccos(np.clip(np.einsum("ni,ni->n", bent.normals, normals), -1, 1)).max() < 0.02
    assert np.arccos(np.clip(flat, -1, 1)).max() > 0.03


def test_a_warp_that_is_added_can_be_removed():
    surface = sphere()
    warp = some_warp(surface, 0.002)
    back = warp.removed(warp.added(surface))
    assert np.abs(back.points - surface.points).max() < 0.05 * np.abs(warp.at(surface.points)).max()


def test_a_warp_moves_points_as_it_moves_a_surface():
    surface = sphere(500)
    warp = some_warp(surface, 0.01)
    np.testing.assert_allclose(warp.added(surface).points, surface.points + warp.at(surface.points), atol=1e-15)


def test_the_displacement_of_instances_is_recovered_from_fits_along_the_normals():
    surface, generator = sphere(1500), np.random.default_rng(0)
    basis = make_basis(surface.points, 2.0)
    noise = np.full(len(surface), 1e-4)
    true = Tolerance(basis, 0.01, 1e-4, 0.02)
    shifts = [true.draw(surface.points, generator) for _ in range(12)]
    offsets = [np.einsum("ni,ni->n", one, surface.normals) for one in shifts]
    fields = np.stack([fit_warp(basis, surface.points, surface.normals, one, noise, 0.01) for one in offsets])
    displacement_std = estimate_displacement_std(basis, surface, fields)
    assert displacement_std == pytest.approx(0.02, rel=0.15)
    assert displacement_std > 1.1 * np.std(fields) * np.sqrt((basis.values(surface.points) ** 2).sum(axis=1).mean())
    assert np.abs(np.corrcoef([one.ravel() for one in shifts]) - np.eye(12)).max() < 0.5


def test_random_displacements_have_the_stated_covariance():
    surface, generator = sphere(40), np.random.default_rng(1)
    tolerance = Tolerance(make_basis(surface.points, 2.0), 0.01, 1e-4, 0.02)
    drawn = [np.einsum("ni,ni->n", tolerance.draw(surface.points, generator), surface.normals) for _ in range(3000)]
    expected = tolerance.covariance(surface.points, surface.normals)
    assert np.diag(expected) == pytest.approx(np.full(40, 0.02**2))
    np.testing.assert_allclose(np.cov(np.transpose(drawn)), expected, atol=0.12 * 0.02**2)
