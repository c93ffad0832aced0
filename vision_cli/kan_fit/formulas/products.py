"""Search for a formula in the data, as a product of powers and of one or two functions.

Many laws are products of functions that no sum of edges contains: a damped oscillation, A exp(-g t) cos(w t), or a law
of radiation, n^3 / (exp(n / T) - 1). A candidate is

    y = e + A prod_i x_i^p_i prod_j g_j(n_j),

with nodes n_j that are powers, c prod_i x_i^q_i + b, weighted sums of the inputs, or weighted sums of the inputs and of
their products in pairs. A and e are eliminated from the fit (variable projection, Golub and Pereyra 1973). The few
other constants are fitted by Levenberg-Marquardt from many initial values at once, as an oscillation is only found from
a frequency nearby. Constants that the data do not support are then left out, and exponents made multiples of a half,
where the Bayesian information criterion (Schwarz 1978) allows it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs import interrupts
from vision_cli.kan_fit.formulas.factors import FACTORS, Factor, NodeKind
from vision_cli.kan_fit.formulas.operators import Operator
from vision_cli.kan_fit.formulas.product_fits import EXACT, Product, ProductFits, ProductForm

Array = NDArray[np.float64]

_SCREENED_ROWS, _SCREEN_STEPS = 200, 20
_MOST_INPUTS = 5
_PROMISING, _KEPT_STARTS = 10, 3
_SIMPLIFIED = 4
_PAIRED = ("exp", "sin", "1/(exp - 1)", "1/(1 + x)")


def search_products(
    inputs: Array, target: Array, held_inputs: Array, held_target: Array, allowed: Sequence[Operator], *, seed: int = 0
) -> list[Product]:
    """Return products that fit the target, the best first.

    Parameters
    ----------
    inputs, target, held_inputs, held_target, allowed, seed
        As of :func:`vision_cli.kan_fit.formulas.search.search_operators`.

    Returns
    -------
    list of Product
        By their scores; empty for more than five inputs, or where no candidate is finite on all rows.

    Raises
    ------
    Interrupted
        If a signal stops the run.
    """
    if inputs.shape[1] > _MOST_INPUTS:
        return []
    names = {operator.name for operator in allowed}
    generator = np.random.default_rng((seed, 6))
    few, scale = ProductFits(inputs[:_SCREENED_ROWS], target[:_SCREENED_ROWS]), float(target.std()) or 1.0
    everything = ProductFits(inputs, target)
    screened: list[tuple[float, ProductForm, Array]] = []
    with np.errstate(all="ignore"):
        for form in _forms(names, few):
            interrupts.check()
            start = few.draw(form, generator)
            constants, losses = few.fit(form, start, _SCREEN_STEPS)
            order = np.argsort(losses)[:_KEPT_STARTS]
            if math.isfinite(losses[order[0]]):
                screened.append((float(losses[order[0]]), form, constants[order]))
            if losses[order[0]] < EXACT:
                break
        screened.sort(key=lambda one: one[0])
        refitted: list[tuple[float, ProductForm, Array]] = []
        for _, form, kept in screened[:_PROMISING]:
            interrupts.check()
            constants, losses = everything.fit(form, kept)
            best = int(np.argmin(losses))
            if math.isfinite(losses[best]):
                refitted.append((float(losses[best]), form, constants[best]))
        refitted.sort(key=lambda one: one[0])
        variance = (float(held_target.std()) or scale) ** 2
        judged = []
        for _, form, found in refitted[:_SIMPLIFIED]:
            product = everything.product(form, everything.simplified(form, found))
            error = float(np.mean((product(held_inputs) - held_target) ** 2)) / variance
            judged.append(replace(product, loss=error))
    return sorted((one for one in judged if math.isfinite(one.loss)), key=lambda one: one.score)


def _forms(names: set[str], rows: ProductFits) -> Iterator[ProductForm]:
    """Return the candidates' forms, those of one factor first."""
    factors = [factor for factor in FACTORS if names.issuperset(factor.needs)]
    has_powers = bool(rows.positive.any()) and names.issuperset({"exp", "log"})
    count = len(rows.positive)

    def kinds_of(factor: Factor) -> list[NodeKind]:
        return [kind for kind in factor.kinds if (kind != "powers" or has_powers) and (kind != "pairs" or count > 1)]

    for factor in factors:
        for kind in kinds_of(factor):
            yield ProductForm((factor,), (kind,))
    paired = [factor for factor in factors if factor.name in _PAIRED]
    for first, second in itertools.combinations_with_replacement(paired, 2):
        if first.name == second.name == "exp":
            continue
        for kinds in itertools.product(kinds_of(first), kinds_of(second)):
            if not (first is second and kinds[0] > kinds[1]):
                yield ProductForm((first, second), kinds)
