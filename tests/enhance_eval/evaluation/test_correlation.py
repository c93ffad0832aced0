"""Rank correlations are SciPy's, of the scores and of every resample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vision_cli.enhance_eval.evaluation.correlation import across_images, across_methods, average, kendall, spearman
from vision_cli.metrics.resampling import Resampled, image_resamples, resampled_mean


def scores(seed, methods=6, images=30, noise=0.2):
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 1, methods)
    counts = image_resamples(images, 200, seed)
    return [
        [resampled_mean(one + rng.normal(0, noise, images), counts) for one in level] for _ in range(2)
    ]  # fmt: skip


@given(st.integers(0, 10**6), st.integers(2, 12), st.booleans())
def test_rows_are_correlated_as_by_scipy(seed, methods, ties):
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(0, 4, (5, methods)) if ties else rng.random((5, methods)) for _ in range(2))
    x, y = x.astype(float), y.astype(float)
    for ours, theirs in ((spearman, stats.spearmanr), (kendall, stats.kendalltau)):
        with np.errstate(all="ignore"):
            expected = [
                theirs(a, b).statistic if np.ptp(a) and np.ptp(b) else np.nan for a, b in zip(x, y, strict=True)
            ]
        np.testing.assert_allclose(ours(x, y), expected, atol=1e-12)


def test_the_exact_p_is_that_of_all_orders():
    quality, task = scores(1, methods=5)
    found = across_methods(quality, task)
    x, y = [one.value for one in quality], [one.value for one in task]
    exact = stats.permutation_test(
        (y,), lambda order: stats.spearmanr(x, order).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert found.p == pytest.approx(exact.pvalue)
    assert found.p_tau == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.tau == pytest.approx(stats.kendalltau(x, y).statistic)


def test_methods_that_agree_correlate_and_the_interval_holds_the_value():
    found = across_methods(*scores(0, noise=0.05))
    assert found.rho > 0.9
    assert found.rho_low <= found.rho <= found.rho_high
    assert found.tau_low <= found.tau <= found.tau_high
    assert (found.methods, found.images) == (6, 30)
    assert not found.is_underpowered
    assert found.stars() == ("**" if found.p < 0.01 else "*")


def test_p_of_many_methods_is_about_that_of_scipy_and_of_the_seed():
    quality, task = scores(3, methods=14, noise=6)
    found = across_methods(quality, task, seed=1)
    expected = stats.spearmanr([one.value for one in quality], [one.value for one in task]).pvalue
    assert found.p == pytest.approx(expected, abs=0.03)
    assert found.p == across_methods(quality, task, seed=1).p


def test_few_methods_or_images_have_no_stars():
    assert across_methods(*scores(0, methods=4, noise=0)).stars() == ""
    assert across_methods(*scores(0, images=19, noise=0)).is_underpowered
    assert math.isnan(across_methods(*scores(0, methods=1)).rho)


def test_methods_without_a_score_take_no_part():
    quality, task = scores(0)
    lacking = [Resampled(math.nan, np.full(200, np.nan), 0), *quality[1:]]
    found = across_methods(lacking, task)
    assert found.methods == 5
    assert found.rho == across_methods(quality[1:], task[1:]).rho


def test_ties_leave_a_tau_and_no_variation_leaves_none():
    counts = image_resamples(20, 50, 0)
    constant = [resampled_mean(np.ones(20), counts) for _ in range(5)]
    rising = [resampled_mean(np.full(20, float(level)), counts) for level in (1, 2, 2, 3, 4)]
    assert math.isnan(across_methods(constant, rising).rho)
    assert across_methods(constant, rising).stars() == ""
    assert across_methods(rising, rising).tau == pytest.approx(1)


def test_the_average_over_conditions():
    parts = [across_methods(*scores(seed, noise=3)) for seed in range(3)]
    found = average(parts)
    assert found.rho == pytest.approx(np.mean([one.rho for one in parts]))
    assert found.tau_low < found.tau < found.tau_high
    widths = [one.tau_high - one.tau_low for one in parts]
    assert found.tau_high - found.tau_low < max(widths)
    assert math.isnan(average([]).rho)


def test_images_are_correlated_as_by_scipy_and_drawn_with_all_their_methods():
    rng = np.random.default_rng(0)
    own = rng.normal(0, 1, 40)
    quality = own + rng.normal(0, 1, (3, 40))
    task = own + rng.normal(0, 1, (3, 40))
    task[1, 4] = np.nan
    counts = image_resamples(40, 60, 0)
    found = across_images(quality, task, counts)
    known = np.delete(np.arange(40), 4)
    assert (found.methods, found.images) == (3, 39)
    assert found.rho == pytest.approx(stats.spearmanr(quality[:, known].ravel(), task[:, known].ravel()).statistic)
    drawn = [np.repeat(known, row[known]) for row in counts]
    expected = [stats.spearmanr(quality[:, row].ravel(), task[:, row].ravel()).statistic for row in drawn]
    np.testing.assert_allclose(found._rho_samples, expected, atol=1e-12)
    assert found.rho_low < found.rho < found.rho_high
    assert found.p < 0.05


def test_methods_that_share_their_images_do_not_feign_a_correlation():
    rng = np.random.default_rng(1)
    p = []
    for _ in range(25):
        # Nine methods that change the same images alike: nine values, but the evidence of one.
        quality = rng.normal(0, 1, 30) + rng.normal(0, 0.01, (9, 30))
        task = rng.normal(0, 1, 30) + rng.normal(0, 0.01, (9, 30))
        p.append(across_images(quality, task, np.ones((2, 30), np.int64)).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.15
