"""Residuals of scans: outwards positive, unknown beyond an end of the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.pcd_anomaly.scoring.nodes import Alignment
from vision_cli.pcd_anomaly.scoring.residuals import at_ends, measure_at, measure_residuals, scan_surface
from vision_cli.pcd_anomaly.surfaces.geometry import invert
from vision_cli.pcd_anomaly.surfaces.tolerance import Warp


@pytest.fixture(scope="module")
def reference(world):
    return world.model.reference


def unchanged(reference):
    """Return the alignment of a scan that lies where the reference does."""
    basis = reference.tolerance.basis
    return Alignment(np.eye(4), Warp(basis, np.zeros(3 * len(basis.centres))), ())


def test_a_surface_moved_along_its_normals_is_off_by_that(reference):
    surface = reference.level.surface
    off = 0.004 * reference.diameter
    moved = replace(surface, points=surface.points + off * surface.normals)
    found = measure_residuals(moved, reference, alignment=unchanged(reference))
    inside = ~found.unknown
    assert np.median(found.raw[inside]) == pytest.approx(off, rel=0.02)
    assert np.array_equal(found.raw[inside], found.detrended[inside])
    assert np.isnan(found.raw[found.unknown]).all()


def test_distant_points_are_far_and_not_unknown(reference):
    surface = reference.level.surface
    moved = replace(surface, points=surface.points + 0.06 * reference.diameter * surface.normals)
    found = measure_residuals(moved, reference, alignment=unchanged(reference))
    assert found.far.mean() > 0.5
    assert not (found.far & found.unknown).any()


def test_points_on_the_reference_are_not_beyond_its_ends(reference):
    beyond, _ = at_ends(reference, reference.level.surface.points)
    assert not beyond.any()


def test_a_scan_is_thinned_in_the_frame_of_the_reference_with_normals_towards_its_sensor(world, reference):
    found = world.said_of_good.registration
    surface = scan_surface(world.good.points, found.pose, found.view, reference.spacing)
    towards = found.pose[:3, :3] @ found.view
    assert (surface.normals @ towards >= 0).all()
    home = surface.moved(invert(found.pose))
    assert np.abs(home.points.mean(axis=0) - world.good.points.mean(axis=0)).max() < 0.05 * reference.diameter


def test_places_are_measured_with_their_channels(reference):
    nodes = measure_at(reference, reference.level.surface, None, unchanged(reference))
    assert np.median(nodes.channels[:, 0]) < 1e-6 * reference.diameter
