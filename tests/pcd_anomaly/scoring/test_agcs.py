"""Selection of group centres."""

from __future__ import annotations

import numpy as np

from vision_cli.pcd_anomaly.scoring.agcs import indicator_weights, select_centres


def test_places_with_a_high_indicator_get_more_centres_than_their_share():
    points = np.random.default_rng(0).uniform(size=(5000, 3)) * [1, 1, 0]
    hot = np.linalg.norm(points - [0.5, 0.5, 0], axis=1) < 0.05
    plain = select_centres(points, 200, None, 0.02)
    drawn = select_centres(points, 200, np.where(hot, 5.0, 0.1) + 0.01 * points[:, 0], 0.02)
    assert hot[drawn].sum() >= max(8, 3 * hot[plain].sum())
    assert len(np.unique(drawn)) == len(drawn)


def test_an_unknown_indicator_has_weight_one():
    assert indicator_weights(np.array([0.0, 1.0, 2.0, np.nan, 100.0]))[[3, 4]].tolist() == [1.0, 11.0]
