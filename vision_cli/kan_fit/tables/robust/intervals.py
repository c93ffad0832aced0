"""Residuals for conformal intervals: of rows that a network was not fitted to, nor chosen by.

Where many rows validate, their residuals do (split conformal, Lei et al. 2018). Where few do, the network was chosen by
them, and their residuals are too small: the chosen network is then fitted again without each fifth of all rows in turn,
and the residuals of these fifths are pooled (cross-conformal, Vovk 2015; CV+ of Barber et al. 2021 with one centre).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.kan_fit.networks.dense import SKAN, project_network
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, fit_candidate
from vision_cli.kan_fit.tables.levenberg_marquardt import Penalty
from vision_cli.kan_fit.tables.robust.cross_validation import MOST_ROWS, folds_of

_ENOUGH_VALIDATION_ROWS = 500
_ALMOST_EXACT = 1e-4
_STEPS, _FORGETTING_STEPS, _VALIDATION = 12, 6, 0.2
_FORGETTING = Penalty(rough=10.0, slope=1e-2)


def conformal_residuals(problem: Problem, final: Candidate, seed: int) -> NDArray[np.float64]:
    """Return absolute residuals in standard deviations of the target, ascending, ``(M,)``.

    Parameters
    ----------
    problem
        The data.
    final
        The chosen network.
    seed
        Of the division into fifths.
    """
    if final.left_out:
        return np.sort(np.abs(final.left_out))
    own = final.validation_residuals(problem).abs()[:, 0]
    rows = len(problem.x) + len(problem.x_val)
    if len(own) >= _ENOUGH_VALIDATION_ROWS or rows > MOST_ROWS or final.score < _ALMOST_EXACT:
        return np.sort(own.cpu().numpy())
    return np.sort(_all_left_out(problem, final, seed))


def left_out_score(problem: Problem, candidate: Candidate, seed: int) -> float:
    """Return the mean squared residual of all rows under networks like a candidate's that were fitted without them."""
    return float(np.mean(_all_left_out(problem, candidate, seed) ** 2))


def _all_left_out(problem: Problem, final: Candidate, seed: int) -> NDArray[np.float64]:
    x, y = problem.everything
    folds = [fold.to(x.device) for fold in folds_of(len(x), seed)]
    order = torch.cat(folds)
    return np.concatenate([_left_out(problem, x, y, order, fold, final) for fold in folds])


def _left_out(
    problem: Problem, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, fold: torch.Tensor, final: Candidate
) -> NDArray[np.float64]:
    """Return the residuals of a fifth of the rows under a network that was fitted to the others."""
    rest = order[~torch.isin(order, fold)]
    held = max(round(_VALIDATION * len(rest)), 1)
    part = replace(problem, x=x[rest[held:]], y=y[rest[held:]], x_val=x[rest[:held]], y_val=y[rest[:held]])
    # The network knows the rows left out: almost straight functions, fitted first, do not.
    network = _projected(final.network, part)
    for penalty, steps in ((_FORGETTING, _FORGETTING_STEPS), (final.penalty, _STEPS), (final.penalty, _STEPS)):
        started = Candidate(final.name, network, math.inf, penalty=penalty)
        validated = replace(part, x_val=part.x, y_val=part.y) if penalty is _FORGETTING else part
        fitted = fit_candidate(validated, started, "fifth left out", steps, penalty=penalty, optimiser="auto")
        network = _projected(fitted.network, part)
    return np.asarray((fitted.network.predict(x[fold]) - y[fold]).abs()[:, 0].cpu().numpy())


def _projected(network: SKAN, part: Problem) -> SKAN:
    return project_network(network, part.x, bounds=part.bounds)
