"""What a report says first follows from a rule."""

from __future__ import annotations

import math

from vision_cli.kan_fit.runs.verdicts import (
    FoldErrors,
    classifier_verdict,
    explanation_verdict,
    fit_verdict,
    importance_words,
    shown_r2,
    standing,
)


def test_a_fit_is_good_if_no_other_model_is_better():
    text, level = fit_verdict(0.021, 0.998, {"MLP": 0.05, "trees": 0.9})
    assert text == (
        "The network predicts test rows with an RMSE of 0.021 (R² 0.998); the best other model, MLP, has 0.05."
    )
    assert level == "good"


def test_an_r2_that_is_not_one_is_not_rounded_to_it():
    assert [shown_r2(value) for value in (0.999_96, 1.0, 0.9987, -2.0)] == ["> 0.9999", "1", "0.9987", "-2"]


def test_a_fit_that_a_plain_model_beats_needs_caution():
    text, level = fit_verdict(0.06, 0.9, {"MLP": 0.05, "trees": math.nan})
    assert "MLP, has 0.05. That is better: prefer it" in text
    assert level == "caution"


def test_a_fit_that_explains_nothing_is_bad():
    text, level = fit_verdict(1.1, -0.2, {})
    assert "it was compared with no other model. Always predicting the mean would do as well" in text
    assert level == "bad"


def test_a_target_that_does_not_vary_shows_nothing():
    text, level = fit_verdict(0.0, math.nan, {"MLP": 0.1})
    assert "the same in all test rows" in text
    assert level == "caution"


def test_a_classifier_is_judged_by_the_others_and_by_the_most_frequent_class():
    text, level = classifier_verdict(24, 25, 10, {"CNN": 0.92})
    assert text.startswith(
        "The network classifies 24 of 25 test images rightly (accuracy 0.96); the best other model, CNN"
    )
    assert text.endswith(" has an accuracy of 0.92.")
    assert level == "good"
    assert classifier_verdict(24, 25, 10, {"CNN": 1.0, "MLP": 0.5})[1] == "caution"
    assert classifier_verdict(10, 25, 10, {})[1] == "bad"


def test_an_explanation_without_a_formula_is_plain():
    assert explanation_verdict("y", 3, 0.02) == (
        "The network computes y over 3 edges, with an RMSE of 0.02 on the kept sample.",
        "plain",
    )


def test_a_formula_is_good_if_it_says_what_the_network_learned():
    text, level = explanation_verdict("y", 3, 0.02, formula="2*a + b**2", formula_rmse=0.02, network_rmse=0.021)
    assert "It is y = 2*a + b**2, with an RMSE of 0.02 where the network has 0.021." in text
    assert level == "good"
    text, level = explanation_verdict("y", 3, 0.02, formula="a" * 201, formula_rmse=0.03, network_rmse=0.02)
    assert "the formula of the table below" in text
    assert level == "caution"


def test_pruning_what_is_needed_is_said():
    text, level = explanation_verdict("y", 1, 0.02, pruned_rmse=0.5)
    assert "Pruning takes the RMSE to 0.5. An edge that was left out is needed" in text
    assert level == "caution"
    assert explanation_verdict("y", 1, 0.02, pruned_rmse=0.0201)[1] == "plain"


def test_the_summary_says_of_whom_ours_is_not_ahead():
    scores = [("S-KAN", 0.6), ("MLP", 0.7), ("ridge", 0.5)]
    assert standing(scores) == "test RMSE 0.6: not ahead of ridge (0.5)"
    assert standing(scores[:2]) == "test RMSE 0.6: ahead of all; the next is MLP (0.7)"
    ours, near = FoldErrors("S-KAN", (0.6, 0.7, 0.5)), FoldErrors("ridge", (0.5, 0.8, 0.5))
    assert (ours.mean, round(near.half, 3)) == (0.6, 0.43)
    assert "; over 3 folds 0.6, within the noise of the best other, ridge (0.6;" in standing(scores, [ours, near])
    worse = FoldErrors("mean", (1.6, 1.72, 1.5))
    assert "ahead of the best other, mean" in standing(scores, [ours, worse])
    assert "behind the best other" in standing(scores, [worse, ours])


def test_importance_is_said_in_words():
    text = importance_words("y", {"a": 2.0, "b": 0.5, "c": 0.001, "d": -0.01}, 0.3)
    assert text == (
        "y depends most on a (RMSE + 2 when shuffled), then on b (RMSE + 0.5 when shuffled). "
        "Hardly used or not at all: c, d."
    )
    assert importance_words("y", {"a": 0.0}, 0.3) == "y depends on no column that was given."
