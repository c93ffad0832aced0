"""Levels and views of a target."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import sphere
from vision_cli.pcd_anomaly.registration.targets import LEVELS, make_target


def test_levels_get_finer_and_views_of_a_sphere_are_its_near_sides():
    target = make_target(sphere())
    counts = [len(level.surface) for level in target.levels]
    assert counts == sorted(counts)
    assert len(counts) == len(LEVELS)
    assert target.diameter == pytest.approx(2, rel=0.02)
    along = np.einsum("ti,ti->t", target.view_means, target.directions)
    # The mean height of a cap with normals at least 0.2 towards the sensor is 0.6.
    assert along == pytest.approx(np.full(len(along), 0.6), abs=0.05)
