"""Smiles against the neutral face of the same person."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.paired_smiles import exact_interval, paired_smiles


def test_shares_ties_and_the_area():
    found = paired_smiles(
        np.array([0.1, 0.9, 0.5, 0.5, 0.8, 0.2, 0.7]),
        [False, True, False, True, False, True, True],
        ["ann", "ann", "bob", "bob", "eve", "eve", "zoe"],
    )
    assert (found.pairs, found.above) == (3, 1)
    assert found.share == pytest.approx(1 / 3)
    # Of 4 smiles and 3 neutral faces, 6 pairs are in order and one is tied.
    assert found.auc == pytest.approx((3 + 1.5 + 1 + 2) / 12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 51), (51, 51), (49, 51), (20, 51)])
def test_the_interval_is_the_exact_one(successes, trials):
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert exact_interval(successes, trials) == pytest.approx((expected.low, expected.high))


def test_nobody_with_both_is_an_error():
    with pytest.raises(InputError, match="no person with a smile and a neutral face"):
        paired_smiles(np.array([0.1, 0.2]), [True, False], ["ann", "bob"])
    with pytest.raises(InputError, match="1 scores, 2 labels"):
        paired_smiles(np.array([0.1]), [True, False], ["ann", "ann"])
