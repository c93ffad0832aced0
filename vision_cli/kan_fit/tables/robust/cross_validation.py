"""Smooth networks of small tables, with penalties chosen by cross-validation.

Few validation rows choose by chance: of 20 rows the mean squared error is uncertain by a third. So the penalties of a
smooth network are chosen by the errors of all rows, each under a network that was fitted without its fifth of the rows,
and the network is then fitted to all of them. The same errors give intervals (CV+, Barber et al. 2021).

Rows left out lie beyond the others now and then, so that they also choose between functions that are held at the end of
their range and functions that go on linearly.

Two paths are followed, from stiff to flexible: with a weak penalty on slopes, and, for sums of functions alone, with
strong ones, by which the straight lines at their beginning are a ridge regression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vision_cli.core.runs import interrupts
from vision_cli.kan_fit.names import Continuation
from vision_cli.kan_fit.networks.dense import SKAN, continued, plan_network, project_network
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, Step
from vision_cli.kan_fit.tables.levenberg_marquardt import Penalty, fit_levenberg_marquardt

FOLDS = 5
MOST_ROWS = 3000
"""Rows above which the validation rows are enough to choose by."""

_MOST_PARAMETERS = 700
_ROUGHNESS = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
FINE_ROUGHNESS = (*_ROUGHNESS, 1e-6, 1e-7, 1e-8)
"""Penalties from stiff to flexible where nodes have the spaces that they need, some of which oscillate."""

_SLOPE, _SHRINKING_SLOPES, _FINE_SLOPE = 1e-3, (1e-1, 1e-2), 1e-6
_WORSE_IN_A_ROW = 3
_STEPS = 12
_DAMPING, _DAMPING_OF_SUMS = 1e-2, 1e-9
"""Of the first step of a fit; sums of functions are linear in their weights, and need hardly any."""

_CLEARLY = 1.02
_PHASE = "left out"


def can_cross_validate(problem: Problem, shape: Sequence[int], space: str, grid: int) -> bool:
    """Return whether there are few enough rows, and parameters, to fit a shape of network to each four fifths."""
    rows = len(problem.x) + len(problem.x_val)
    parameters = SKAN(plan_network(shape, (space,), grid=grid)).parameters_in_use()
    return rows <= MOST_ROWS and parameters <= _MOST_PARAMETERS


def folds_of(rows: int, seed: int) -> tuple[Tensor, ...]:
    """Return the row numbers of each fold, of training rows followed by validation rows."""
    return torch.from_numpy(np.random.default_rng((seed, 4)).permutation(rows)).chunk(FOLDS)


def cross_validated(
    problem: Problem,
    label: str,
    shape: Sequence[int],
    space: str,
    grid: int,
    seed: int,
    ways: Sequence[Continuation],
    modes: Sequence[str] = (),
) -> Candidate:
    """Return a smooth network of a shape, fitted to training and validation rows.

    Its score is the mean squared residual of the rows left out, which it keeps, training rows first.

    Parameters
    ----------
    problem
        The data.
    label
        Name of the candidate.
    shape, space, grid
        Of the network.
    seed
        Of the initial weights and of the folds.
    ways
        Continuations outside the range to choose from.
    modes
        Space of each input of a sum of functions, instead of ``space``; penalties may then be smaller.
    """
    x, y = problem.everything
    folds = folds_of(len(x), seed)
    slopes = (_SLOPE,) if len(shape) > 2 else (*_SHRINKING_SLOPES, _SLOPE)
    plans = plan_network(shape, (modes[0] if modes else space,), grid=grid)
    path_of_roughness: tuple[float, ...] = _ROUGHNESS
    if modes:
        plans = (replace(plans[0], modes=tuple((name,) for name in modes)),)
        slopes, path_of_roughness = (_FINE_SLOPE,), FINE_ROUGHNESS
    start = SKAN(plans, torch.Generator().manual_seed(seed * 1000)).to(x)
    with torch.no_grad():
        for layer in start.each_layer():
            # Random splines are far rougher than the stiff end of the path allows; it begins with the smooth part.
            layer.weight[layer.plan.inputs :] = 0
    steps: list[Step] = []
    best, errors, path, outside = (
        math.inf,
        torch.zeros_like(y),
        [Penalty(rough=_ROUGHNESS[0], slope=slopes[0])],
        ways[0],
    )
    for slope in slopes:
        networks = [start] * FOLDS
        worse, least = 0, math.inf
        followed: list[Penalty] = []
        for rough in path_of_roughness:
            followed.append(Penalty(rough=rough, slope=slope))
            found = {way: torch.zeros_like(y) for way in ways}
            losses = []
            for number, fold in enumerate(folds):
                rest = _without(len(x), fold)
                networks[number], loss = _fitted(networks[number], x[rest], y[rest], followed[-1], problem.bounds)
                for way in ways:
                    found[way][fold] = continued(networks[number], way).predict(x[fold]) - y[fold]
                losses.append(loss)
            scores = {way: float(found[way].square().mean()) for way in ways}
            # Outside their range few rows decide: the first way is kept unless another is clearly better.
            better = min(ways, key=lambda way: scores[way] * (1 if way == ways[0] else _CLEARLY))
            score = scores[better]
            if not math.isfinite(score):
                break
            steps.append(Step(label, _PHASE, grid, len(steps) + 1, math.sqrt(np.mean(losses)), math.sqrt(score)))
            worse, least = (0, score) if score < least else (worse + 1, least)
            if score < best:
                best, errors, path, outside = score, found[better], list(followed), better
            if worse == _WORSE_IN_A_ROW:
                break
    network = start
    for penalty in path:
        network, _ = _fitted(network, x, y, penalty, problem.bounds)
    return Candidate(label, continued(network, outside), best, tuple(steps), path[-1], tuple(errors[:, 0].tolist()))


def _without(rows: int, fold: Tensor) -> Tensor:
    kept = torch.ones(rows, dtype=torch.bool)
    kept[fold] = False
    return kept.nonzero().squeeze(1)


def _fitted(start: SKAN, x: Tensor, y: Tensor, penalty: Penalty, bounds: Tensor | None) -> tuple[SKAN, float]:
    """Return a network fitted from another one, and its mean squared residual with the penalty.

    The ranges of its hidden nodes are those of the fitted network.
    """
    interrupts.check()
    network = project_network(start, x, bounds=bounds)
    damping = _DAMPING if len(network.plans) > 1 else _DAMPING_OF_SUMS
    result = fit_levenberg_marquardt(network, x, y, steps=_STEPS, penalty=penalty, damping=damping)
    return project_network(network, x, bounds=bounds), result.best
