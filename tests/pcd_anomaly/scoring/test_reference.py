"""The reference of prototypes, and the one that leaves a prototype out."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.scoring.reference import SPACING, assemble
from vision_cli.pcd_anomaly.surfaces.geometry import Surface, sphere_directions
from vision_cli.pcd_anomaly.surfaces.tolerance import make_basis


@pytest.fixture(scope="module")
def reference():
    """Two prototypes: a sphere of radius 1 and one whose radius is 0.02 larger."""
    points = sphere_directions(1500)
    skeleton = Surface(points, points, np.zeros(1500))
    fields = np.zeros((2, 3 * len(make_basis(skeleton.points, 2.0).centres)))
    stack = np.stack([np.zeros(1500), np.full(1500, 0.02)])
    spread = np.full(1500, 0.001)
    return assemble(skeleton, fields, stack, spread, 0.01, np.stack([np.eye(4)] * 2), np.full(2, np.nan), 0.05)


def test_the_surface_is_the_mean_of_the_prototypes(reference):
    radius = np.linalg.norm(reference.level.surface.points, axis=1)
    assert radius == pytest.approx(np.full(1500, 1.01), abs=1e-6)
    assert reference.spacing == pytest.approx(SPACING * reference.diameter)


def test_without_a_prototype_the_surface_is_that_of_the_others(reference):
    for number, expected in ((0, 1.02), (1, 1.0)):
        left = reference.without(number)
        assert np.linalg.norm(left.level.surface.points, axis=1) == pytest.approx(np.full(1500, expected), abs=1e-6)
        assert left.target is reference.target


def test_a_closed_surface_has_no_ends(reference):
    assert reference.ends.mean() < 0.01
