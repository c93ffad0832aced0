"""Heavy-tailed inputs are scaled where that predicts better, and the scaling is the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from vision_cli.kan_fit.tables.robust.scaling import IDENTITY, Scaling, choose_scalings, heavy_tail_scaling

INCOMES = np.exp(np.random.default_rng(0).normal(10, 1.5, 400))
SCALINGS = (IDENTITY, Scaling("log", 0.0, 1e-3), Scaling("asinh", 2.0, 0.5))


def test_only_heavy_tails_are_scaled():
    rng = np.random.default_rng(1)
    assert heavy_tail_scaling(INCOMES).kind == "log"
    assert heavy_tail_scaling(INCOMES - INCOMES.mean()).kind == "asinh"
    assert heavy_tail_scaling(rng.normal(size=400)) == IDENTITY
    assert heavy_tail_scaling((rng.uniform(size=400) < 0.01) * 1.0) == IDENTITY


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda one: one.kind)
def test_arrays_tensors_and_formulas_are_scaled_alike(scaling):
    values = np.geomspace(0.01, 1e6, 9)
    expected = scaling(values)
    assert scaling.tensor(torch.from_numpy(values)).numpy() == pytest.approx(expected, rel=1e-12)
    x = sympy.Symbol("x")
    assert [float(scaling.expression(x).subs(x, value)) for value in values] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("target", "kind"), [(np.log(INCOMES), "log"), (INCOMES, "identity")])
def test_the_scaling_is_that_of_the_least_error(target, kind):
    inputs = INCOMES[:, None]
    (found,) = choose_scalings(inputs[:300], target[:300], inputs[300:], target[300:])
    assert found.kind == kind


@pytest.mark.parametrize("words", [("exp", 0, 1), ("log", 0, 0), ("asinh", float("nan"), 1)])
def test_other_scalings_are_refused(words):
    with pytest.raises(ValueError, match="is no scaling"):
        Scaling(*words)
