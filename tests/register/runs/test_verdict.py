"""The verdict on a registration follows from its measures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.runs.verdict import LEAST_DICE, LEAST_LNCC, MANY_FOLDS_PCT, Verdict, judge, judge_batch


def measures(dice=None, lncc=None, landmarks=None, folds=0, share=0.0):
    """Return metrics: Dice and correlation before, after the affine, after all; landmarks before and after."""
    row = {"folds_voxels": folds, "folds_pct": share}
    if dice is not None:
        row |= dict(zip(("dice_before_mean", "dice_affine_mean", "dice_mean"), dice, strict=True))
    if lncc is not None:
        row |= dict(zip(("lncc_before", "lncc_affine", "lncc_after"), lncc, strict=True))
    if landmarks is not None:
        row |= dict(zip(("tre_before_mean_mm", "tre_mean_mm"), landmarks, strict=True))
    return PairMetrics(**row)


@pytest.mark.parametrize(
    ("metrics", "level"),
    [
        (measures(dice=(0.45, 0.6, 0.71)), "good"),
        (measures(dice=(1.0, 1.0, 1.0)), "good"),
        (measures(dice=(0.6, 0.62, 0.616)), "good"),
        (measures(dice=(0.45, 0.73, 0.71)), "caution"),
        (measures(dice=(0.1, 0.2, LEAST_DICE - 0.01)), "caution"),
        (measures(dice=(0.1, 0.2, LEAST_DICE)), "good"),
        (measures(dice=(0.45, 0.6, 0.71), folds=1, share=0.001), "caution"),
        (measures(dice=(0.45, 0.6, 0.71), folds=900, share=MANY_FOLDS_PCT + 0.1), "bad"),
        (measures(dice=(0.7, 0.8, 0.6)), "bad"),
        (measures(lncc=(0.1, 0.2, 0.6)), "good"),
        (measures(lncc=(0.1, 0.7, 0.6)), "caution"),
        (measures(lncc=(0.1, 0.2, LEAST_LNCC - 0.01)), "caution"),
        (measures(lncc=(0.7, 0.6, 0.5)), "bad"),
        (measures(dice=(0.45, 0.6, 0.71), lncc=(0.7, 0.6, 0.5)), "good"),
        (measures(landmarks=(8.0, 1.5), lncc=(0.7, 0.6, 0.5)), "good"),
        (measures(landmarks=(1.5, 8.0), dice=(0.45, 0.6, 0.71)), "bad"),
        (PairMetrics(dice_mean=0.8, lncc_after=0.7), "good"),
        (PairMetrics(lncc_before=float("nan"), lncc_after=float("nan")), "caution"),
        (PairMetrics(), "caution"),
    ],
)
def test_the_level_follows_from_the_measures(metrics, level):
    assert judge(metrics).level == level


def test_a_good_registration_is_told_in_its_numbers():
    assert judge(measures(dice=(0.45, 0.6, 0.71))).text == (
        "The images fit. Mean Dice 0.71 after, 0.45 before. No voxel folds."
    )


def test_a_caution_names_each_reason():
    text = judge(measures(dice=(0.2, 0.45, 0.41), folds=12, share=0.034)).text
    assert text == (
        "Look at the pictures before you use this registration. Mean Dice 0.41 after, 0.20 before. "
        "After the affine alone, mean Dice was better: 0.45. A mean Dice below 0.5 is low. "
        "12 voxels fold (0.034 % of the subject)."
    )


def test_a_registration_that_did_harm_is_called_bad():
    assert judge(measures(landmarks=(1.5, 8.25))).text == (
        "The images fit worse than before the registration. Mean landmark error 8.25 mm after, 1.50 mm before. "
        "No voxel folds."
    )


@pytest.mark.parametrize(
    ("levels", "failed", "level"),
    [
        ({"a": "good", "b": "good"}, (), "good"),
        ({"a": "caution", "b": "good"}, (), "caution"),
        ({"a": "caution", "b": "bad"}, (), "bad"),
        ({"a": "good"}, ("c",), "bad"),
        ({}, (), "plain"),
    ],
)
def test_a_batch_is_as_bad_as_its_worst_pair(levels, failed, level):
    verdicts = {name: Verdict(one, "") for name, one in levels.items()}
    assert judge_batch(verdicts, failed, PairMetrics()).level == level


def test_a_batch_names_the_pairs_to_look_at():
    verdicts = {name: Verdict("caution", "") for name in "abcdefg"} | {"h": Verdict("good", "")}
    found = judge_batch(verdicts, ["x"], PairMetrics(dice_mean=0.6, dice_before_mean=0.4))
    assert found.text == (
        "1 of 9 pairs fits. 7 should be looked at: a, b, c, d, e and 2 more. 1 failed: x. "
        "Median over the pairs: mean Dice 0.60 after, 0.40 before."
    )


@pytest.mark.parametrize(
    ("angle", "mirrored", "level"), [(44.0, False, "good"), (97.0, False, "caution"), (0.0, True, "caution")]
)
def test_an_affine_that_contradicts_the_headers_comes_first(angle, mirrored, level):
    found = judge(replace(measures(dice=(0.1, 0.6, 0.71)), rotation_deg=angle, mirrored=mirrored))
    assert found.level == level
    assert ("LEFT AND RIGHT MAY BE SWAPPED" in found.text) == (level == "caution")
