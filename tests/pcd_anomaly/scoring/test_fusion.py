"""Fusion of channels, and interpolation of scores."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.scoring.calibration import null_table
from vision_cli.pcd_anomaly.scoring.fusion import Fusion, fuse, spread_to_points


def test_scores_of_places_come_back_at_the_places_in_any_order_and_nan_stays():
    generator = np.random.default_rng(0)
    places, scores = generator.uniform(size=(500, 3)), generator.uniform(size=500)
    assert np.allclose(spread_to_points(places, places, scores), scores, atol=1e-5)
    points = np.vstack([generator.uniform(size=(100, 3)), [[np.nan, 0, 0]]])
    order = generator.permutation(101)
    straight = spread_to_points(points, places, scores)
    assert np.isnan(straight[100])
    assert np.array_equal(straight[order], spread_to_points(points[order], places, scores), equal_nan=True)


def test_fused_scores_rise_with_every_channel_count_half_at_the_boundary_and_are_capped_where_unsure():
    table = null_table(np.abs(np.random.default_rng(0).normal(size=5000)))
    fusion = Fusion(np.ones((1, 2)), (table, table), np.ones(2))
    here = np.zeros(1, np.int64)

    def fused(*channels, boundary=False, unsure=False):
        return fuse(np.array([channels]), here, np.array([boundary]), np.array([unsure]), fusion)[0]

    assert fused(4.0, 4.0) > fused(4.0, 0.0)
    assert fused(4.0, 0.0, boundary=True) == pytest.approx(fused(4.0, 0.0) / 2)
    assert fused(4.0, 0.0, unsure=True) == fused(9.0, 9.0, unsure=True) < fused(4.0, 0.0)
    assert fused(0.5, 0.5, unsure=True) == fused(0.5, 0.5)
