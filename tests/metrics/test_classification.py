"""Measures of classification against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from vision_cli.core.errors import InputError
from vision_cli.metrics.classification import classification_measures, confusion


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(5, 80))
def test_they_agree_with_scikit_learn(seed, classes, count):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), count)
    labels = rng.integers(0, classes, count)
    found = classification_measures(probabilities, labels)
    predicted = probabilities.argmax(1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    present = np.unique(labels)
    recall = metrics.recall_score(labels, predicted, labels=present, average=None, zero_division=0)
    np.testing.assert_allclose(found.recall[present], recall)
    assert found.balanced_accuracy == pytest.approx(recall.mean())
    assert found.nll == pytest.approx(metrics.log_loss(labels, probabilities, labels=range(classes)), rel=1e-6)
    expected = metrics.confusion_matrix(labels, predicted, labels=range(classes))
    np.testing.assert_array_equal(confusion(predicted, labels, classes), expected)


def test_the_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.6, 0.4], [0.4, 0.6]])
    found = classification_measures(probabilities, np.array([0, 1, 0, 1]))
    # Bins of 0.95 (two, half right) and of 0.6 (two, both right).
    assert found.ece == pytest.approx((2 * abs(0.5 - 0.95) + 2 * abs(1 - 0.6)) / 4)


def test_a_calibrated_prediction_has_next_to_no_error():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 200_000)
    labels = (rng.uniform(size=len(sure)) > sure).astype(int)
    assert classification_measures(np.column_stack([sure, 1 - sure]), labels).ece < 0.005


@pytest.mark.parametrize(
    ("labels", "message"), [([], "0 labels"), ([0], "1 labels"), ([0, 2], "0 to 1 expected"), ([-1, 0], "-1 to 0")]
)
def test_numbers_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        classification_measures(np.full((2, 2), 0.5), np.array(labels, dtype=np.int64))
