"""Scores and decisions of a small model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.metrics.ranking import auroc
from vision_cli.pcd_anomaly.pipeline.pipeline import observe, predict, score
from vision_cli.pcd_anomaly.surfaces.geometry import transform
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
