"""Agreement on action units, against analysis of variance, scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.au_agreement import au_agreement, icc_3_1, pearson


def icc_by_variance(ratings):
    """ICC(3,1) from the two-way table of sums of squares, a cell at a time (Shrout and Fleiss 1979, Table 2)."""
    n, k = ratings.shape
    grand = sum(float(cell) for row in ratings for cell in row) / (n * k)
    rows = sum(k * (float(row.mean()) - grand) ** 2 for row in ratings)
    columns = sum(n * (float(column.mean()) - grand) ** 2 for column in ratings.T)
    total = sum((float(cell) - grand) ** 2 for row in ratings for cell in row)
    between = rows / (n - 1)
    error = (total - rows - columns) / ((n - 1) * (k - 1))
    return (between - error) / (between + (k - 1) * error)


SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_oracle_has_the_published_value():
    assert icc_by_variance(SHROUT_FLEISS) == pytest.approx(0.71, abs=0.005)


@pytest.mark.parametrize("seed", range(5))
def test_icc_is_that_of_the_analysis_of_variance(seed):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 5, 30)
    measured = 0.6 * true + rng.normal(0, 1, 30) + 1
    assert icc_3_1(true, measured) == pytest.approx(icc_by_variance(np.stack([true, measured], 1)))
    assert pearson(true, measured) == pytest.approx(stats.pearsonr(true, measured).statistic)


def test_consistency_does_not_mind_an_offset_but_a_scale():
    true = np.arange(6.0)
    assert icc_3_1(true, true + 2) == pytest.approx(1)
    assert icc_3_1(true, true[::-1]) == pytest.approx(-1)
    assert icc_3_1(true, 0.2 * true) < 0.5 < pearson(true, 0.2 * true)
    assert np.isnan(icc_3_1(np.ones(3), np.ones(3)))
    assert np.isnan(icc_3_1(np.ones(1), np.ones(1)))


def test_all_measures_of_several_units():
    rng = np.random.default_rng(0)
    true = np.round(rng.uniform(0, 5, (60, 3)))
    true[:, 2] = 0
    true[:5, 0] = np.nan
    measured = np.clip(np.nan_to_num(true) + rng.normal(0, 1, (60, 3)), 0, 5)
    found = au_agreement(true, measured, ("1", "12", "27"))
    first, smile, never = found.units
    assert (first.faces, smile.faces) == (55, 60)
    shown, seen = true[:, 1] >= 1, measured[:, 1] >= 1
    assert smile.f1 == pytest.approx(metrics.f1_score(shown, seen))
    assert smile.accuracy == pytest.approx(metrics.accuracy_score(shown, seen))
    assert smile.base_rate == pytest.approx(shown.mean())
    assert smile.mae == pytest.approx(np.abs(true[:, 1] - measured[:, 1]).mean())
    assert np.isnan(never.pearson)
    assert np.isnan(never.icc)
    assert found.mean("pearson") == pytest.approx((first.pearson + smile.pearson) / 2)


def test_a_unit_that_nobody_has_or_knows_has_no_f1():
    found = au_agreement(np.array([[0, np.nan], [0, np.nan]]), np.zeros((2, 2)), ("1", "2"))
    assert np.isnan(found.units[0].f1)
    assert found.units[0].accuracy == 1
    assert found.units[1].faces == 0
    assert np.isnan(found.mean("f1"))


def test_what_does_not_fit_is_said():
    with pytest.raises(InputError, match=r"\(faces, AUs\) expected"):
        au_agreement(np.zeros((2, 2)), np.zeros((2, 3)), ("1", "2"))
    with pytest.raises(InputError, match="not finite"):
        au_agreement(np.zeros((1, 1)), np.full((1, 1), np.nan), ("1",))
