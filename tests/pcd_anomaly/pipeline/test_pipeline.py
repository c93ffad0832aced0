"""Scores and decisions of a small model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.metrics.ranking import auroc
from vision_cli.pcd_anomaly.pipeline.pipeline import observe, predict, score
from vision_cli.pcd_anomaly.surfaces.geometry import random_rotation, transform
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_test


def test_a_bulge_scores_higher_than_a_good_scan_and_shows_where_it_is(world):
    bad, first, second = world.bad, world.said_of_good, world.said_of_bad
    assert second.score > first.score
    assert auroc(bad.labels, second.scores) > 0.9
    assert second.scores.dtype == np.float32
    assert len(second.scores) == len(bad.points)
    assert second.deviation[bad.labels > 0].mean() > 0.05


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
def test_groups_are_as_wide_in_a_dense_scan_as_in_a_sparse_one(world):
    generator = np.random.default_rng(0)
    mesh = make_part("bracket", generator)
    dense = draw_test("bracket", mesh, SUITES["rigid"], None, 40_000, generator).scan.points
    reference = world.model.reference
    some = generator.permutation(len(dense))[: len(dense) // 4]
    seen = [observe(reference, points, registration="none") for points in (dense, dense[some])]
    groups = [len(one.grouped.residuals.surface) for one in seen]
    places = [len(one.nodes.residuals.surface) for one in seen]
    assert places[0] > 2 * places[1]
    assert groups[0] < 1.5 * groups[1]


def test_scans_that_cannot_be_scored_are_refused_with_counts(world):
    model, good = world.model, world.good
    with pytest.raises(InputError, match="499 finite points"):
        predict(model, good.points[:499])
    with pytest.raises(InputError, match="not finite; half or more"):
        predict(model, np.where(np.arange(len(good.points))[:, None] % 3 > 0, np.nan, good.points))
    with pytest.raises(InputError, match="in a plane"):
        predict(model, good.points * [1, 1, 0])
    with pytest.raises(InputError, match=r"the same unit expected; --unit 1000 \(m to mm\) would"):
        predict(model, good.points / 1000)


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


def test_a_given_pose_is_used_unchanged(world):
    model, good, found = world.model, world.good, world.said_of_good
    moved = transform(found.registration.pose, good.points)
    for mode, points, init in (("none", moved, None), ("none", good.points, found.registration.pose)):
        again = predict(model, points, registration=mode, init=init)
        assert again.score == pytest.approx(found.score, rel=0.1)
        assert again.registration.status == mode


def test_a_scan_whose_pose_was_refused_is_undetermined(world):
    seen = world.said_of_bad.observation
    refused = replace(seen, registration=replace(seen.registration, status="failed"))
    found = score(world.model, refused)
    assert found.decision == "undetermined"
    assert np.isnan(found.p_value)
    assert np.array_equal(found.scores, world.said_of_bad.scores)


def test_a_scan_is_anomalous_with_a_region_and_normal_without_one(world):
    model = world.model
    for said in (world.said_of_good, world.said_of_bad):
        low, high = (
            score(replace(model, limit=replace(model.limit, mean=mean)), said.observation) for mean in (-9.0, 9.0)
        )
        assert low.decision == "anomalous"
        assert low.regions.found
    assert high.decision == "anomalous"
    assert max(region.score for region in high.regions.found) >= 2 * high.place_threshold
    normal = score(replace(model, limit=replace(model.limit, mean=9.0)), world.said_of_good.observation)
    assert normal.decision == "normal"
    assert normal.regions.found == ()
    weak = replace(said.observation, registration=replace(said.registration, status="weak"))
    assert score(model, weak).decision == "undetermined"
    assert score(model, weak, decide_weak=True).decision == "anomalous"
