"""Functions of products have the derivatives and the symbols that they claim."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from vision_cli.kan_fit.formulas.factors import FACTORS
from vision_cli.kan_fit.formulas.operators import OPERATORS


@pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.name)
def test_values_slopes_and_symbols_of_a_factor_agree(factor):
    nodes = np.array([-2.3, -0.4, 0.2, 1.7, 3.1])
    slope = (factor.value(nodes + 1e-6) - factor.value(nodes - 1e-6)) / 2e-6
    assert factor.slope(nodes) == pytest.approx(slope, rel=1e-6)
    written = [float(factor.symbol(sympy.Float(node))) for node in nodes]
    assert factor.value(nodes) == pytest.approx(written, rel=1e-12)
    assert set(factor.needs) <= set(OPERATORS)


@pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.name)
def test_a_factor_is_finite_far_from_0(factor):
    assert np.isfinite(factor.value(np.array([-1e4, 1e4]))).all()
