"""Cues measured on files that their rules were not made on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

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

LABELS = np.repeat([0, 1], [30, 20])


def measured(cue, seed=0):
    rng = np.random.default_rng(seed)
    return measure_cue(cue, LABELS, random_halves(LABELS, rng), rng)


def test_halves_have_both_classes_and_every_file_once():
    first, second = random_halves(LABELS, np.random.default_rng(0))
    assert sorted([*first, *second]) == list(range(50))
    assert LABELS[first].sum() == LABELS[second].sum() == 10


def test_a_word_of_one_class_tells_and_words_of_their_own_do_not():
    told = measured(Words("format", ["png" if label else "jpg" for label in LABELS]))
    assert (told.auc, told.detail) == (1.0, "real jpg, fake png")
    assert told.p_value < 0.001
    assert measured(Words("size", [str(number) for number in range(50)])).auc == 0.5


def test_a_column_is_chosen_with_its_direction():
    values = np.random.default_rng(1).normal(size=(50, 200))
    nothing = measured(Numbers("n", [str(number) for number in range(200)], values))
    assert nothing.auc == pytest.approx(0.5, abs=0.2)
    assert nothing.p_value > 0.01
    values[:, 7] -= 5 * LABELS
    found = measured(Numbers("n", [str(number) for number in range(200)], values))
    assert (found.auc > 0.98, found.detail) == (True, "7, lower in fake")


def test_a_pattern_at_one_place_is_found_among_noise_that_is_not():
    rng = np.random.default_rng(2)
    values = rng.integers(-1, 2, (50, 3, 400)).astype(np.int8)
    nothing = measured(Templates("t", ["a", "b", "c"], values))
    assert nothing.auc == pytest.approx(0.5, abs=0.2)
    pattern = rng.integers(-1, 2, 60)
    values[LABELS == 1, 1, :60] = pattern
    found = measured(Templates("t", ["a", "b", "c"], values))
    assert (found.auc > 0.98, found.detail) == (True, "b")


def test_permutations_are_centred_and_as_wide_as_mann_and_whitney_say():
    scores = np.random.default_rng(3).normal(size=50)
    found = permuted_aucs(LABELS, scores, np.random.default_rng(4))
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    assert found.std() == pytest.approx(np.sqrt(51 / (12 * 30 * 20)), rel=0.05)
    assert found.min() <= roc_auc_score(LABELS, scores) <= found.max()


def test_ranks_give_the_auc_of_every_column():
    values = np.round(np.random.default_rng(5).normal(size=(50, 6)), 1)
    assert rank_aucs(LABELS, values) == pytest.approx([roc_auc_score(LABELS, column) for column in values.T])


def test_corrected_p_values_keep_their_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
