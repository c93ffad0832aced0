"""From prototypes to decisions: a small model of one part, its files, and what it says of scans."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError, MissingError
from vision_cli.io.pointclouds import PointCloud
from vision_cli.metrics.ranking import auroc
from vision_cli.pcd_anomaly.geometry import random_rotation
from vision_cli.pcd_anomaly.learning import Options, train
from vision_cli.pcd_anomaly.models import DESCRIPTION, NUMBERS, describe, numbers, read_model
from vision_cli.pcd_anomaly.pipeline import predict
from vision_cli.pcd_anomaly.training import HeadOptions
from vision_cli.phantoms.defects import SUITES
from vision_cli.phantoms.parts import make_part
from vision_cli.phantoms.specimens import draw_prototype, draw_test

OPTIONS = Options(groups=256, group_size=32, bank=400, views=4, head=HeadOptions(clusters=8, steps=10, batch=256))


@pytest.fixture(scope="module")
def world():
    generator = np.random.default_rng(0)
    mesh = make_part("bracket", generator)
    suite = SUITES["rigid"]
    prototypes = [draw_prototype(mesh, suite, 25_000, generator).scan.points for _ in range(2)]
    good = draw_test("bracket", mesh, suite, None, 8000, generator).scan
    bad = draw_test("bracket", mesh, suite, "bulge", 8000, generator).scan
    model = train([PointCloud(points) for points in prototypes], OPTIONS, np.random.default_rng(0))
    return model, good, bad


def test_a_bulge_scores_higher_than_a_good_scan_and_shows_where_it_is(world):
    model, good, bad = world
    first, second = predict(model, good.points), predict(model, bad.points)
    assert second.score > first.score
    assert auroc(bad.labels, second.scores) > 0.9
    assert second.scores.dtype == np.float32
    assert len(second.scores) == len(bad.points)
    assert second.deviation[bad.labels > 0].mean() > 0.05


def test_the_order_of_points_changes_nothing_but_their_order_and_nan_stays_nan(world):
    model, _, bad = world
    points = np.vstack([bad.points, [[np.nan] * 3]])
    order = np.random.default_rng(1).permutation(len(points))
    straight, shuffled = predict(model, points), predict(model, points[order])
    assert np.array_equal(straight.scores[order], shuffled.scores, equal_nan=True)
    assert np.isnan(straight.scores[-1])
    assert straight.n_invalid == 1


def test_threads_and_turns_of_a_scan_hardly_change_its_scores(world):
    model, _, bad = world
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


def test_a_model_read_back_says_the_same(world, tmp_path):
    model, good, _ = world
    (tmp_path / DESCRIPTION).write_text(json.dumps(describe(model)))
    (tmp_path / NUMBERS).write_bytes(numbers(model))
    again = predict(read_model(tmp_path), good.points)
    assert np.array_equal(again.scores, predict(model, good.points).scores)


def test_a_model_of_another_version_is_refused_with_both_versions(world, tmp_path):
    model = world[0]
    (tmp_path / DESCRIPTION).write_text(json.dumps(describe(model) | {"format": 99}))
    (tmp_path / NUMBERS).write_bytes(numbers(model))
    with pytest.raises(MissingError, match=r"format 99 .* format 1 "):
        read_model(tmp_path)
    with pytest.raises(MissingError, match="no model"):
        read_model(tmp_path / "nowhere")


def test_scans_that_cannot_be_scored_are_refused_with_counts(world):
    model, good, _ = world
    with pytest.raises(InputError, match="499 finite points"):
        predict(model, good.points[:499])
    with pytest.raises(InputError, match="not finite; half or more"):
        predict(model, np.where(np.arange(len(good.points))[:, None] % 3 > 0, np.nan, good.points))
    with pytest.raises(InputError, match="in a plane"):
        predict(model, good.points * [1, 1, 0])
    with pytest.raises(InputError, match="the same unit expected") as error:
        predict(model, good.points / 1000)
    assert "--unit 1000" in str(error.value.hint)


def test_a_large_offset_changes_nothing_that_matters(world):
    model, _, bad = world
    here, there = predict(model, bad.points), predict(model, bad.points + np.array([4e5, 5e6, 100]))
    assert there.score == pytest.approx(here.score, rel=0.02)
