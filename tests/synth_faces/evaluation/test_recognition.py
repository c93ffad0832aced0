"""Recognised expressions, against scikit-learn and a bootstrap of single faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from vision_cli.core.errors import InputError, UsageError
from vision_cli.metrics.resampling import image_resamples, interval
from vision_cli.synth_faces.evaluation.recognition import recognition, require_independent_judge

CLASSES = ("a", "b", "c", "d")
pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40).map(np.array)


@settings(max_examples=50)
@given(pairs)
def test_measures_are_those_of_scikit_learn(found):
    labels, predicted = found.T
    measured = recognition(predicted, labels, CLASSES, resamples=3)
    present = np.unique(labels)
    assert measured.accuracy.value == pytest.approx(metrics.accuracy_score(labels, predicted))
    recall = metrics.recall_score(labels, predicted, labels=present, average=None, zero_division=0)
    assert measured.balanced_accuracy.value == pytest.approx(recall.mean())
    f1 = metrics.f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    assert measured.macro_f1.value == pytest.approx(f1)
    assert np.array_equal(measured.confusion, metrics.confusion_matrix(labels, predicted, labels=range(4)))
    assert np.isnan(measured.recall).tolist() == [n not in present for n in range(4)]


def made(count=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    return np.where(rng.random(count) < 0.7, labels, rng.integers(0, 4, count)), labels


def test_intervals_are_those_of_drawing_faces():
    predicted, labels = made()
    measured = recognition(predicted, labels, CLASSES, resamples=4000, seed=1)
    counts = image_resamples(len(labels), 4000, 2)
    accuracy = counts @ (predicted == labels) / len(labels)
    assert measured.accuracy.interval() == pytest.approx(interval(accuracy), abs=0.005)
    assert measured.accuracy.samples.std() == pytest.approx(accuracy.std(), rel=0.05)


def test_faces_of_a_person_are_drawn_together():
    predicted, labels = np.repeat(made(50), 8, axis=1)
    people = [f"person {n // 8}" for n in range(400)]
    alone = recognition(predicted, labels, CLASSES)
    together = recognition(predicted, labels, CLASSES, groups=people)
    assert together.accuracy.value == alone.accuracy.value
    assert together.accuracy.samples.std() == pytest.approx(alone.accuracy.samples.std() * 8**0.5, rel=0.1)


def test_the_same_seed_gives_the_same_interval():
    predicted, labels = made()
    one, same = (recognition(predicted, labels, CLASSES, seed=4) for _ in range(2))
    assert one.macro_f1.interval() == same.macro_f1.interval()


def test_what_does_not_fit_is_said():
    with pytest.raises(InputError, match="a pair a face expected"):
        recognition(np.zeros(2, int), np.zeros(3, int), CLASSES)
    with pytest.raises(InputError, match="a pair a face expected"):
        recognition(np.zeros(0, int), np.zeros(0, int), CLASSES)
    with pytest.raises(InputError, match="outside 0 to 3"):
        recognition(np.array([4]), np.array([0]), CLASSES)


def test_a_judge_that_was_the_guide_is_refused():
    require_independent_judge("ab" * 32, "cd" * 32, "")
    with pytest.raises(UsageError, match=r"abababababab\.\.\. guided the generation"):
        require_independent_judge("ab" * 32, "", "AB" * 32)
