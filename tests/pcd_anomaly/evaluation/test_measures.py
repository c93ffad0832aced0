"""The protocol's intervals, what it leaves out, and the fusion of two banks over a test set."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vision_cli.metrics.ranking import auroc
from vision_cli.pcd_anomaly.evaluation.ablation import RUNGS, ladder_bars, rung_head
from vision_cli.pcd_anomaly.evaluation.measures import ScoredScan, mean_of, measure_class
from vision_cli.pcd_anomaly.options import HeadOptions
from vision_cli.pcd_anomaly.runs.measuring import fuse_over_test_set


def scans(count=40, lead=1.0, seed=0):
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        is_defective = number % 2 == 1
        labels = np.zeros(400, np.uint8)
        labels[: 20 * is_defective] = 1
        points = (generator.normal(size=400) + lead * labels).astype(np.float32)
        score = float(generator.normal() + lead * is_defective)
        made.append(ScoredScan(str(number), is_defective, score, labels, points, labels.astype(np.int64), "ok"))
    return made


def measured(found, resamples=400, seed=3):
    return measure_class("part", found, resamples, np.random.default_rng(seed))


def test_intervals_lie_around_the_measures_and_narrow_with_more_scans():
    few, many = measured(scans(40)), measured(scans(400))
    for name in ("o_auroc", "p_auroc"):
        for one in (few, many):
            low, high = one.interval(name)
            assert low < one.values[name] < high
        assert np.ptp(many.interval(name)) < np.ptp(few.interval(name))


def test_a_method_is_never_ahead_of_itself_and_a_better_one_is_ahead_by_more_than_chance():
    worse, better = measured(scans(lead=0.3)), measured(scans(lead=2.5))
    assert worse.interval("o_auroc", worse) == (0, 0)
    low, high = better.interval("o_auroc", worse)
    assert 0 < low < better.values["o_auroc"] - worse.values["o_auroc"] < high
    assert mean_of([better, better]).interval("o_auroc", mean_of([worse, worse])) == pytest.approx((low, high))


def test_resamples_count_points_as_the_measure_does():
    found = scans(4)
    one = measured(found, 200)
    again = np.random.default_rng(3).multinomial(4, [0.25] * 4, size=200)
    drawn = [scan for scan, times in zip(found, again[0], strict=True) for _ in range(times)]
    labels, points = (np.concatenate([getattr(scan, name) for scan in drawn]) for name in ("labels", "scores"))
    assert one.resampled["p_auroc"][0] == pytest.approx(auroc(labels, points), abs=0.005)


def test_scans_whose_pose_was_refused_count_unless_a_measure_leaves_them_out():
    good = scans(20, lead=6.0)
    refused = replace(good[1], score=-100.0, scores=-good[1].scores, status="failed")
    found = measured([*good, refused])
    assert found.n_reg_failed == 1
    assert found.values["o_auroc_registered"] > found.values["o_auroc"]
    assert found.values["p_auroc_registered"] > found.values["p_auroc"]


def test_small_defects_have_a_measure_of_their_own():
    large = scans(10, lead=6.0)
    assert math.isnan(measured(large).values["aupro_small@0.3"])
    labels = np.zeros(400, np.uint8)
    labels[0] = 1
    missed = replace(large[1], labels=labels, scores=-10 * labels.astype(np.float32), regions=labels.astype(np.int64))
    found = measured([*large, missed]).values
    assert found["aupro_small@0.3"] < 0.2 < found["aupro@0.3"]


def test_two_banks_are_fused_over_the_range_of_the_test_set():
    first = np.array([[0, 1, 2], [10, 10, 30]], np.float32)
    second = np.array([[4, np.nan, 1], [20, np.nan, 10]], np.float32)
    points, highest = fuse_over_test_set([first, second])
    assert points[0] == pytest.approx([0, 0.125, 0.75])
    assert points[1] == pytest.approx([0.75, math.nan, 0.125], nan_ok=True)
    assert highest == pytest.approx([0.5, 0.5])
    assert fuse_over_test_set([]) == ([], [])


def test_the_ladder_adds_one_loss_a_rung_and_says_what_each_must_bring():
    heads = [rung_head(HeadOptions(), name) for name in RUNGS]
    assert heads[0].steps == 0
    assert [(head.iun, head.ian, head.push) for head in heads[1:]] == [
        (True, False, False),
        (True, True, False),
        (True, True, True),
        (True, True, True),
    ]
    numbers = dict(zip(RUNGS, (0.70, 0.72, 0.70, 0.74, 0.75), strict=True))
    rungs = {name: {"o_auroc": value, "aupro_small@0.3": math.nan} for name, value in numbers.items()}
    bars = ladder_bars(rungs, {"o_auroc": 0.76, "aupro_small@0.3": 0.5})
    assert [bar.met for bar in bars] == [True, None, False]
