"""One-sided views of a cloud, and their noise."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import sphere
from vision_cli.pcd_anomaly.surfaces.views import as_scanned, one_sided_view, roughness


def test_a_view_of_a_sphere_is_its_near_side():
    surface = sphere()
    rows, cosines = one_sided_view(surface.points, surface, np.array([0, 0, 1.0]), 0.05)
    assert surface.points[rows, 2].min() > 0.12
    assert (surface.points[:, 2] > 0.35).sum() <= len(rows)
    assert cosines == pytest.approx(surface.points[rows, 2])


def test_a_view_loses_grazing_points_and_the_others_are_the_noisier_the_more_grazing():
    up = np.array([0, 0, 1.0])
    cosines = np.repeat([1.0, 0.4, 0.2], 20_000)
    places = np.random.default_rng(1).uniform(0, 100, (60_000, 3)) * [1, 1, 0]
    seen = as_scanned(places, cosines, up, 0.01, 1.0, np.random.default_rng(0))
    assert np.array_equal(seen[:20_000, :2], places[:20_000, :2])
    # Straight on there is the bias alone, eight tenths of the noise.
    assert seen[:20_000, 2].std() == pytest.approx(0.008, rel=0.25)
    left = seen[20_000:, 2]
    assert 0.6 < len(left) / 20_000 < 0.95
    assert left[:10_000].std() == pytest.approx(0.01 * np.sqrt(1 / 0.4**2 - 1 + 0.64), rel=0.1)
    assert left[-800:].std() > 1.3 * left[:10_000].std()


def test_roughness_is_the_noise_of_a_rough_plane():
    points = np.random.default_rng(0).uniform(size=(8000, 3)) * [1, 1, 0]
    points[:, 2] += np.random.default_rng(1).normal(0, 1e-3, 8000)
    assert roughness(points) == pytest.approx(1e-3, rel=0.15)
