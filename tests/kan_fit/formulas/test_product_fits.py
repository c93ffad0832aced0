"""Products compute what they are written as, and their fits follow the derivatives of their errors."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from vision_cli.kan_fit.formulas.factors import FACTORS
from vision_cli.kan_fit.formulas.product_fits import ProductFits, ProductForm

BY_NAME = {factor.name: factor for factor in FACTORS}
WAVE = ProductForm((BY_NAME["exp"], BY_NAME["sin"]), ("powers", "pairs"))


@pytest.fixture
def inputs():
    return np.random.default_rng(0).uniform(0.5, 2, (60, 2))


@pytest.fixture
def target(inputs):
    return inputs[:, 0] * np.exp(-inputs[:, 1]) * np.sin(inputs[:, 0] * inputs[:, 1] + 0.3) + 0.2


def test_a_product_is_written_as_it_computes(inputs, target):
    fits = ProductFits(inputs, target)
    constants = fits.draw(WAVE, np.random.default_rng(1))[0]
    product = fits.product(WAVE, constants)
    symbols = sympy.symbols("a b", positive=True)
    written = sympy.lambdify(symbols, product.expression(symbols), "numpy")
    assert written(*inputs.T) == pytest.approx(product(inputs), rel=1e-9)
    assert set(product.operator_names().values()) >= {"exp", "sin"}
    assert product.complexity >= 4


def test_steps_follow_the_gradient_of_the_loss(inputs, target):
    fits = ProductFits(inputs, target)
    constants = fits.draw(WAVE, np.random.default_rng(1))[:3]
    constants[:, fits.slices(WAVE)[2]] *= 0.1
    loss, residual, jacobian = fits._evaluated(WAVE, constants)
    # Kaufman's Jacobian gives the exact gradient of the loss with A and e eliminated.
    gradient = 2 * np.einsum("bn,bnp->bp", residual, jacobian) / len(target)
    for place in np.flatnonzero(fits.free(WAVE)):
        moved = constants.copy()
        moved[:, place] += 1e-6
        slope = (fits._evaluated(WAVE, moved)[0] - loss) / 1e-6
        assert gradient[:, place] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_constants_without_support_are_left_out(inputs):
    target = inputs[:, 0] ** 2 * np.exp(-inputs[:, 1] / 3)
    form = ProductForm((BY_NAME["exp"],), ("sum",))
    fits = ProductFits(inputs, target + 1e-3 * np.random.default_rng(1).normal(size=len(inputs)))
    constants, losses = fits.fit(form, fits.draw(form, np.random.default_rng(2)), 60)
    product = fits.product(form, fits.simplified(form, constants[losses.argmin()]))
    assert product.powers.tolist() == [2, 0]
    assert product.nodes[0][0] == 0
    assert product.nodes[0][1] == pytest.approx(-1 / 3, rel=0.02)


def test_inputs_with_negative_values_have_no_powers(inputs):
    signed = inputs - [1.0, 0.0]
    fits = ProductFits(signed, inputs[:, 0])
    assert fits.positive.tolist() == [False, True]
