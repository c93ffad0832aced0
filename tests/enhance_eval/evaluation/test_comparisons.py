from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.enhance_eval.evaluation.comparisons import (
    Cell,
    Comparison,
    compare_answers,
    compare_quality,
    corrected,
    stars,
)
from vision_cli.enhance_eval.evaluation.significance import holm, mcnemar, wilcoxon
from vision_cli.metrics.resampling import image_resamples

CELL = Cell("ev-4", "gamma", "oa")
COUNTS = image_resamples(40, 300, 0)


def comparison(p, delta=0.1, images=100, cell=CELL):
    return Comparison(cell, 0.6, 0.5, delta, 0.05, 0.15, p, "mcnemar", images, p)


def test_mcnemar_on_a_case_worked_by_hand():
    # 6 won, 1 lost: twice the chance of 6 or 7 of 7 coins.
    right = np.array([True] * 6 + [False] + [True] * 5)
    baseline = np.array([False] * 6 + [True] + [True] * 5)
    assert mcnemar(right, baseline) == pytest.approx(2 * (7 + 1) / 2**7)
    assert mcnemar(right, right) == 1


def test_wilcoxon_on_a_case_worked_by_hand():
    assert wilcoxon(np.arange(1.0, 7)) == pytest.approx(2 / 2**6)
    assert wilcoxon(np.zeros(9)) == 1
    assert wilcoxon(np.array([np.nan, *np.arange(1.0, 7)])) == pytest.approx(2 / 2**6)
    assert math.isnan(wilcoxon(np.array([np.nan])))


def test_holm_on_a_case_worked_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, np.nan, 0.005]), [0.03, 0.06, 0.06, np.nan, 0.02])
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_p_and_that_of_bonferroni(p_values):
    found, p = holm(p_values), np.array(p_values)
    assert (found >= p - 1e-15).all()
    assert (found <= np.minimum(1, p * len(p)) + 1e-12).all()
    assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()


def test_answers_are_compared_in_pairs():
    rng = np.random.default_rng(0)
    baseline = rng.random(40) < 0.5
    right = baseline | (rng.random(40) < 0.5)
    found = compare_answers(CELL, right, baseline, COUNTS)
    assert found.delta == pytest.approx(right.mean() - baseline.mean())
    assert found.low <= found.delta <= found.high
    assert found.test == "mcnemar"
    assert found.verdict() == "up"
    back = compare_answers(CELL, baseline, right, COUNTS)
    assert (back.delta, back.p, back.verdict()) == (-found.delta, found.p, "down")


def test_quality_is_compared_on_images_that_both_have():
    rng = np.random.default_rng(0)
    baseline = rng.normal(10, 3, 40)
    values = baseline + rng.normal(1, 0.5, 40)
    values[3], baseline[5] = np.nan, np.nan
    found = compare_quality(CELL, values, baseline, COUNTS)
    both = np.isfinite(values) & np.isfinite(baseline)
    assert found.images == 38
    assert found.delta == pytest.approx((values - baseline)[both].mean())
    assert found.value - found.baseline == pytest.approx(found.delta)
    assert found.verdict() == "up"
    nothing = compare_quality(CELL, np.full(40, np.nan), baseline, COUNTS)
    assert nothing.verdict() == "n/a"


def test_the_same_values_do_not_differ():
    values = np.random.default_rng(0).random(40)
    found = compare_quality(CELL, values, values.copy(), COUNTS)
    assert (found.delta, found.low, found.high, found.p) == (0, 0, 0, 1)
    right = values > 0.5
    assert compare_answers(CELL, right, right.copy(), COUNTS).p == 1


def test_each_measure_is_corrected_apart():
    other = Cell("ev-4", "gamma", "psnr")
    found = corrected([comparison(0.02), comparison(0.04, cell=other), comparison(0.03)])
    np.testing.assert_allclose([one.p_holm for one in found], [0.04, 0.04, 0.04])


def test_stars_and_verdicts():
    assert [stars(p) for p in (0.0001, 0.005, 0.03, 0.05, math.nan)] == ["***", "**", "*", "", ""]
    assert comparison(0.0001).stars() == "***"
    assert comparison(0.0001, images=19).stars() == ""
    assert comparison(0.0001, images=19).is_underpowered
    assert [comparison(p, delta).verdict() for p, delta in ((0.01, 1), (0.01, -1), (0.2, 1), (math.nan, 1))] == [
        "up", "down", "same", "n/a"
    ]  # fmt: skip


def test_null_answers_are_rejected_in_at_most_7_percent():
    rng = np.random.default_rng(0)
    p = [mcnemar(*(rng.random((2, 100)) < 0.6)) for _ in range(200)]
    assert np.mean(np.array(p) <= 0.05) <= 0.07
