"""Measures of the protocol, their intervals, and the fusion of two banks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vision_cli.metrics.ranking import auroc
from vision_cli.pcd_anomaly.evaluation.measures import (
    ScoredScan,
    fuse_over_test_set,
    label_regions,
    mean_of,
    measure_class,
)


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


def scan(name, is_defective, score, status="ok"):
    labels = np.array([0, 0, 0, int(is_defective)], np.uint8)
    return ScoredScan(name, is_defective, score, labels, labels * np.float32(score), labels.astype(np.int64), status)


def test_measures_of_a_class_and_their_mean():
    scans = [scan("a", False, 1.0), scan("b", True, 3.0), scan("c", True, 2.0, "failed")]
    found = measure_class("part", scans, 50, np.random.default_rng(0))
    assert found.values["o_auroc"] == found.values["p_auroc"] == found.values["f1_max"] == 1
    assert (found.n_good, found.n_defect, found.n_reg_failed, found.note) == (1, 2, 1, "")
    assert mean_of([found, found]).values["o_auroc"] == 1


def test_one_class_of_scans_alone_gives_a_reason_and_no_crash():
    found = measure_class("part", [scan("a", True, 1.0)], 50, np.random.default_rng(0))
    assert math.isnan(found.values["o_auroc"])
    assert "one class of scans only" in found.note


def test_defects_apart_are_two_regions():
    points = np.array([[0, 0, 0], [0.1, 0, 0], [5, 0, 0], [9, 9, 9]], dtype=float)
    assert label_regions(points, np.array([1, 1, 1, 0], np.uint8), 1.0).tolist() == [1, 1, 2, 0]


def test_specks_of_defects_belong_to_the_nearest_defect():
    line = np.zeros((24, 3))
    line[:12, 0], line[12:, 0] = np.linspace(0, 1, 12), np.linspace(10, 11, 12)
    points = np.vstack([line, [[3, 0, 0], [8, 0, 0]]])
    found = label_regions(points, np.ones(26, np.uint8), 0.5)
    assert found.tolist() == [1] * 12 + [2] * 12 + [1, 2]
