"""What changes no score of a scan: order, threads, pose, offset and specks; beside `test_pipeline`, as it is long."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.pcd_anomaly.pipeline.pipeline import predict
from vision_cli.pcd_anomaly.surfaces.geometry import random_rotation


@pytest.mark.slow
def test_the_order_of_points_changes_nothing_but_their_order_and_nan_stays_nan(world):
    model, bad = world.model, world.bad
    points = np.vstack([bad.points, [[np.nan] * 3]])
    order = np.random.default_rng(1).permutation(len(points))
    straight, shuffled = predict(model, points), predict(model, points[order])
    assert np.array_equal(straight.scores[order], shuffled.scores, equal_nan=True)
    assert np.isnan(straight.scores[-1])
    assert straight.n_invalid == 1


@pytest.mark.slow
def test_threads_and_turns_of_a_scan_hardly_change_its_scores(world):
    model, bad = world.model, world.bad
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(predict(model, bad.points))
    finally:
        torch.set_num_threads(threads)
    assert found[0].scores == pytest.approx(found[1].scores, rel=1e-4)
    assert found[0].decision == found[1].decision
    turn = random_rotation(np.random.default_rng(3))
    assert predict(model, bad.points @ turn.T + 7).score == pytest.approx(found[0].score, rel=0.02)


@pytest.mark.slow
def test_a_large_offset_hardly_changes_the_score(world):
    model, bad = world.model, world.bad
    here, there = world.said_of_bad, predict(model, bad.points + np.array([4e5, 5e6, 100]))
    assert there.score == pytest.approx(here.score, rel=0.02)


@pytest.mark.slow
def test_specks_are_outliers_and_not_scored(world):
    model, bad = world.model, world.bad
    generator = np.random.default_rng(2)
    size = np.ptp(bad.points, axis=0).max()
    speck = bad.points.mean(axis=0) + generator.normal(scale=0.01 * size, size=(60, 3)) + [1.5 * size, 0, 0]
    alone, beside = world.said_of_bad, predict(model, np.vstack([bad.points, speck]))
    assert alone.observation.n_outliers == 0
    assert beside.observation.n_outliers == 60
    assert beside.observation.outlier_distance > 0.5 * size
    assert np.isnan(beside.scores[len(bad.points) :]).all()
    assert beside.score == pytest.approx(alone.score, rel=0.02)
