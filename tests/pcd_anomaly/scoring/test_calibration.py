"""Null distributions, local scales and the limit of a scan."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import cauchy, norm

from vision_cli.pcd_anomaly.scoring.calibration import local_scales, null_table, scan_limit, scan_score, student_table


def test_the_student_table_gives_p_values_of_a_further_instance():
    generator = np.random.default_rng(0)
    instances = generator.normal(size=(20_000, 5))
    # The scale of four about their mean, and how far the fifth lies from it.
    over = np.abs(instances[:, 4] - instances[:, :4].mean(axis=1)) / instances[:, :4].std(axis=1, ddof=1)
    surprise = student_table(4).at(over / np.sqrt(1 + 1 / 4))
    for share in (0.3, 0.05, 0.01):
        assert (surprise > -np.log10(share)).mean() == pytest.approx(share, rel=0.2)
    assert student_table(1).at(np.array([10.0]))[0] == pytest.approx(-np.log10(2 * cauchy.sf(10)), abs=0.01)


def test_a_null_table_is_capped():
    values = np.random.default_rng(0).exponential(size=5000)
    free, held = null_table(values), null_table(values, 2.0)
    at = np.array([0.1, 1.0, 4.0, 6.0, 50.0])
    assert held.at(at) == pytest.approx(np.minimum(free.at(at), 2.0))
    assert free.at(at)[-1] > 10


def test_the_null_table_gives_the_p_values_of_its_distribution():
    values = np.abs(np.random.default_rng(0).normal(size=50_000))
    table = null_table(values)
    for level in (0.5, 1.0, 2.0, 3.0):
        assert table.at(np.array([level]))[0] == pytest.approx(-np.log10(2 * norm.sf(level)), rel=0.06)
    assert np.all(np.diff(table.at(np.linspace(0, 20, 100))) >= 0)


def test_local_scales_follow_the_place_the_more_the_more_instances_there_are():
    places = np.random.default_rng(0).uniform(size=(3000, 3))
    sigma = np.where(places[:, 0] > 0.5, 3.0, 1.0)
    generator = np.random.default_rng(1)
    values = [(sigma * generator.normal(size=3000))[:, None] for _ in range(6)]
    near = cKDTree(places).query(places, k=32)[1]
    few, many = (local_scales(places, [np.arange(3000)] * 6, values, near, n)[:, 0] for n in (1, 10_000))
    assert np.median(many[places[:, 0] > 0.7]) == pytest.approx(3.0, rel=0.1)
    assert np.median(many[places[:, 0] < 0.3]) == pytest.approx(1.0, rel=0.1)
    assert np.ptp(few) < np.ptp(many) / 2


def test_about_alpha_of_good_scans_exceed_the_limit():
    generator = np.random.default_rng(0)
    limit = scan_limit(np.exp(generator.normal(1, 0.2, 40)))
    fresh = np.exp(generator.normal(1, 0.2, 20_000))
    assert 0.015 < (fresh > limit.threshold(0.05)).mean() < 0.12
    assert limit.p_value(limit.threshold(0.05)) == pytest.approx(0.05)
    assert math.isnan(limit.p_value(math.nan))
    # Twelve views of four instances that differ less than views do.
    alarms = []
    for _ in range(200):
        views = generator.normal(0, 0.05, (4, 1)) + generator.normal(0, 0.2, (4, 3))
        limit = scan_limit(np.exp(views.ravel()), 4)
        alarms.append((np.exp(generator.normal(0, 0.206, 200)) > limit.threshold(0.05)).mean())
    assert 0.02 < np.mean(alarms) < 0.1
    assert scan_limit([1.0, 1.2], 1).threshold(0.05) > scan_limit([1.0, 1.2] * 3, 2).threshold(0.05)


def test_the_score_of_a_scan_is_the_mean_of_its_highest_percent():
    assert scan_score(np.append(np.arange(500.0), np.nan)) == pytest.approx(np.arange(495, 500).mean())
    assert math.isnan(scan_score(np.full(3, np.nan)))
