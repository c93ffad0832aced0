"""Warps are fitted; defects and edges stay."""

from __future__ import annotations

import numpy as np

from tests.pcd_anomaly.conftest import sphere
from tests.pcd_anomaly.surfaces.conftest import some_warp
from vision_cli.pcd_anomaly.surfaces.geometry import Surface, diameter
from vision_cli.pcd_anomaly.surfaces.lookup import level_of, offsets_to
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, Warp, make_basis
from vision_cli.pcd_anomaly.surfaces.warps import find_warp, fit_warp


def along(basis, surface, coefficients):
    return np.einsum("ni,ni->n", Warp(basis, coefficients).at(surface.points), surface.normals)


def test_a_smooth_warp_is_removed_and_a_defect_stays():
    surface = sphere()
    field = 0.02 * np.stack(
        [np.sin(2 * surface.points[:, 1]), np.cos(2 * surface.points[:, 2]), surface.points[:, 0]], 1
    )
    smooth = np.einsum("ij,ij->i", field, surface.normals)
    defect = np.linalg.norm(surface.points - [0, 0, 1], axis=1) < 0.15
    offsets = smooth + 0.05 * defect + np.random.default_rng(1).normal(0, 0.001, len(smooth))
    basis = make_basis(surface.points, 2.0)
    found = fit_warp(basis, surface.points, surface.normals, offsets, np.full(len(offsets), 0.001), 0.05)
    left = offsets - along(basis, surface, found)
    assert np.sqrt(np.mean(left[~defect] ** 2)) < 0.15 * np.sqrt(np.mean(smooth**2))
    assert left[defect].mean() > 0.035


def test_a_rigid_part_is_allowed_no_warp():
    surface = sphere()
    offsets = 0.05 * surface.points[:, 0] ** 2
    basis = make_basis(surface.points, 2.0)
    found = fit_warp(basis, surface.points, surface.normals, offsets, np.full(len(offsets), 0.001), 1e-6)
    assert np.abs(along(basis, surface, found)).max() < 0.002


def test_where_nothing_is_known_there_is_no_warp():
    surface = sphere(50)
    basis = make_basis(surface.points, 2.0)
    unknown = np.full(50, np.nan)
    assert not fit_warp(basis, surface.points, surface.normals, unknown, np.full(50, 0.001), 0.05).any()


def cube(count=60):
    """Points of a cube of side 1.2, whose edges tell where it was moved."""
    line = np.linspace(-0.6, 0.6, count)
    flat = np.stack([*np.meshgrid(line, line), np.full((count, count), 0.6)], axis=-1).reshape(-1, 3)
    faces = [sign * np.roll(flat, turn, axis=1) for turn in range(3) for sign in (1, -1)]
    normals = [sign * np.roll([0.0, 0, 1], turn) + np.zeros((len(flat), 3)) for turn in range(3) for sign in (1, -1)]
    return Surface(np.concatenate(faces), np.concatenate(normals), np.zeros(6 * len(flat)))


def test_a_warp_is_found_around_edges_and_removed_to_a_tenth():
    surface = cube()
    size = diameter(surface.points)
    warp = some_warp(surface, 0.006, seed=3)
    bent = warp.added(surface)
    level = level_of(surface, size)
    tolerance = Tolerance(warp.basis, 0.006, 1e-4, 0.012)
    found = find_warp(bent.take(np.arange(0, len(bent.points), 7)), level, tolerance, 1.2 / 59)
    before, after = (offsets_to(level, one.points, one.normals, size / 25).value for one in (bent, found.removed(bent)))
    assert np.sqrt(np.nanmean(before**2)) > 0.004
    assert np.sqrt(np.nanmean(after**2)) < 0.1 * np.sqrt(np.nanmean(before**2))
