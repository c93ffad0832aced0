"""How well cues tell classes apart: found where they do, and seldom where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, mannwhitneyu
from sklearn.metrics import roc_auc_score

from vision_cli.forgery_detect.evaluation import cues as cues_module
from vision_cli.forgery_detect.evaluation.cues import (
    Numbers,
    Templates,
    Words,
    holm,
    measure_cue,
    permuted_aucs,
    random_halves,
    rank_aucs,
)


def labels_of(count):
    return np.repeat([0, 1], count)


def measured(cue, count, seed=0):
    rng = np.random.default_rng(seed)
    labels = labels_of(count)
    return measure_cue(cue, labels, random_halves(labels, rng), rng)


def test_a_word_of_each_class_is_found_and_named():
    found = measured(Words("file format", ["png"] * 20 + ["jpeg"] * 20), 20)
    assert (found.auc, found.detail) == (1.0, "real png, fake jpeg")
    assert found.p_value < 0.001


def test_words_that_each_file_has_for_itself_tell_nothing():
    found = measured(Words("digest", [str(number) for number in range(40)]), 20)
    assert (found.auc, found.p_value) == (0.5, 1.0)


@pytest.mark.parametrize(("sign", "word"), [(1, "higher"), (-1, "lower")])
def test_a_column_that_differs_is_found_in_its_direction(sign, word):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 5))
    values[30:, 3] += sign * 4
    found = measured(Numbers("trace", list("abcde"), values), 30)
    assert found.auc > 0.95
    assert found.detail == f"d, {word} in fake"


def overlaid(rng, share):
    values = np.rint(40 * rng.normal(size=(80, 8, 200))).clip(-127, 127).astype(np.int8)
    values[40 : 40 + int(40 * share), 6, :30] = 110
    return Templates("caption", [str(place) for place in range(8)], values)


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_an_overlay_is_found_and_its_place_named(share):
    found = measured(overlaid(np.random.default_rng(0), share), 40)
    assert found.auc > 0.8
    assert found.detail == "6"
    assert found.p_value < 0.001


def test_a_weak_pattern_everywhere_is_not_found():
    rng = np.random.default_rng(0)
    pattern = 8 * rng.normal(size=(8, 200))
    values = 30 * rng.normal(size=(80, 8, 200))
    values[40:] += pattern
    found = measured(Templates("caption", list("abcdefgh"), np.rint(values).clip(-127, 127).astype(np.int8)), 40)
    assert found.auc < 0.7


def test_false_alarms_are_no_more_than_said(monkeypatch):
    monkeypatch.setattr(cues_module, "PERMUTATIONS", 399)
    count, alarms, trials = 20, 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(2 * count, 20))
        words = [str(value) for value in rng.integers(0, 4, 2 * count)]
        for cue in (Numbers("a", ["x"], values[:, :1]), Numbers("b", ["y"] * 20, values), Words("c", words)):
            alarms += measured(cue, count, seed).p_value < 0.05
            trials += 1
    assert trials == 60
    assert alarms <= 3


def test_permuted_aucs_have_the_moments_of_the_rank_statistic():
    rng = np.random.default_rng(0)
    labels, scores = labels_of(20), rng.normal(size=40)
    permuted = permuted_aucs(labels, scores, rng)
    assert permuted.mean() == pytest.approx(0.5, abs=0.01)
    assert permuted.var() == pytest.approx(41 / (12 * 20 * 20), rel=0.1)
    observed = mannwhitneyu(scores[labels == 1], scores[labels == 0], alternative="greater", method="exact")
    assert np.mean(permuted >= observed.statistic / 400 - 1e-12) == pytest.approx(observed.pvalue, abs=0.03)


def test_permutations_come_in_parts_where_files_are_many(monkeypatch):
    monkeypatch.setattr(cues_module, "_MOST_DRAWN", 100)
    permuted = permuted_aucs(labels_of(20), np.arange(40.0), np.random.default_rng(0))
    assert len(permuted) == cues_module.PERMUTATIONS
    assert permuted.std() == pytest.approx(np.sqrt(41 / (12 * 20 * 20)), rel=0.1)


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**31))
def test_halves_part_the_files_with_both_classes_in_each(reals, fakes, seed):
    labels = np.repeat([0, 1], [reals, fakes])
    first, second = random_halves(labels, np.random.default_rng(seed))
    assert sorted([*first, *second]) == list(range(reals + fakes))
    for half in (first, second):
        assert set(labels[half]) == {0, 1}
    assert all(abs(int((labels[first] == one).sum()) - int((labels[second] == one).sum())) <= 1 for one in (0, 1))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_no_correction_and_bonferroni(p_values):
    corrected = np.array(holm(p_values))
    plain = np.array(p_values)
    assert (corrected >= plain - 1e-12).all()
    assert (corrected <= np.minimum(1, plain * len(plain)) + 1e-12).all()
    # It never refuses more than the control of the false discovery rate.
    assert (corrected >= false_discovery_control(plain) - 1e-9).all()
    assert (np.diff(corrected[np.argsort(plain, kind="stable")]) >= -1e-12).all()


def test_holm_of_known_values():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_ranks_give_the_auc_of_every_column():
    labels = np.repeat([0, 1], [30, 20])
    values = np.round(np.random.default_rng(5).normal(size=(50, 6)), 1)
    assert rank_aucs(labels, values) == pytest.approx([roc_auc_score(labels, column) for column in values.T])
