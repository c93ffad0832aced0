"""Rows at the edge of the data and in its gaps, by which networks are validated where there are few rows.

A random division leaves hardly any validation row outside the range of the training rows, although new tables have
some: about two a column for as many rows. So the outermost rows, and those whose absence leaves the widest gaps, are
left out together, networks are fitted to the others again, and their errors on the rows left out count beside those on
the validation rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.kan_fit.names import Continuation
from vision_cli.kan_fit.networks.dense import continued, project_network
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, fit_candidate

SHARE = 0.1
"""Share of the training rows that are left out, and weight of their error beside that of the validation rows."""

_FEWEST_ROWS, _FEWEST_VALUES = 5, 10
_STEPS, _MOST_ROWS = 12, 2000
CONTINUATIONS: tuple[Continuation, ...] = ("linear", "hold")
"""What functions do outside their range: the first is preferred."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EdgeErrors:
    """Errors of the chosen network beyond the rows that it was fitted to.

    Attributes
    ----------
    distances
        How far rows lie outside the range of the fitted rows, in ranges of the farthest input, ``(M,)``.
    residuals
        Absolute errors in standard deviations of the target, ``(M,)``.
    """

    distances: Array
    residuals: Array


def sparse_rows(inputs: Array) -> NDArray[np.bool_]:
    """Return which rows lie at the edges or in the gaps of the data, about a tenth, ``(N,)``."""
    count = len(inputs)
    holes = np.zeros(count)
    for column in inputs.T:
        values, place, repeats = np.unique(column, return_inverse=True, return_counts=True)
        if len(values) < _FEWEST_VALUES:
            continue
        span = values[-1] - values[0]
        # A value that other rows share leaves no hole; the ends come first, those that lie farthest out before others.
        around = np.concatenate([[span], values[2:] - values[:-2], [span]]) / span
        around[0] += (values[1] - values[0]) / span
        around[-1] += (values[-1] - values[-2]) / span
        holes = np.maximum(holes, np.where(repeats == 1, around, 0.0)[place])
    most = max(_FEWEST_ROWS, round(SHARE * count))
    chosen = np.zeros(count, dtype=bool)
    chosen[np.argsort(-holes, kind="stable")[:most]] = True
    return chosen & (holes > 0)


def choose_by_sparse_rows(
    problem: Problem, contenders: Sequence[Candidate], outside: Continuation | None
) -> tuple[Candidate, EdgeErrors]:
    """Return the contender, and its continuation, of the least error on validation rows and on sparse rows.

    Parameters
    ----------
    problem
        The data.
    contenders
        Fitted networks.
    outside
        The continuation to use; None to choose one.
    """
    at_edge = torch.from_numpy(sparse_rows(problem.x.cpu().numpy())).to(problem.x.device)
    inner = replace(problem, x=problem.x[~at_edge], y=problem.y[~at_edge]).thinned(_MOST_ROWS)
    tried = CONTINUATIONS if outside is None else (outside,)
    # Few validation rows prefer a rough network by chance, and there are many rough ones.
    handicap = 1 + 1 / math.sqrt(len(problem.x_val))
    best: tuple[float, Candidate, EdgeErrors] | None = None
    for one in contenders:
        network = project_network(one.network, inner.x, bounds=problem.bounds)
        started = Candidate(one.name, network, math.inf, penalty=one.penalty)
        fitted = fit_candidate(inner, started, "sparse rows left out", _STEPS, penalty=one.penalty, optimiser="auto")
        for way in tried:
            own = continued(one.network, way)
            judged = one if one.left_out else replace(one, network=own)
            val = float(judged.validation_residuals(problem).square().mean())
            error = (continued(fitted.network, way).predict(problem.x[at_edge]) - problem.y[at_edge]).abs()
            edge = float(error.square().mean()) if len(error) else val
            score = ((1 - SHARE) * val + SHARE * edge) * (1 if one.penalty.rough else handicap)
            if math.isfinite(score) and (best is None or score < best[0]):
                chosen = replace(one, network=own, score=val)
                best = score, chosen, _edge_errors(inner.x, problem.x[at_edge], error)
    if best is None:
        return contenders[0], EdgeErrors(np.zeros(0), np.zeros(0))
    return best[1], best[2]


def _edge_errors(x: torch.Tensor, left_out: torch.Tensor, error: torch.Tensor) -> EdgeErrors:
    low, high = x.amin(0).cpu().numpy(), x.amax(0).cpu().numpy()
    far = distances_outside(left_out.cpu().numpy(), low, high)
    return EdgeErrors(far[far > 0], error[:, 0].cpu().numpy()[far > 0])


def distances_outside(inputs: Array, lowest: Array, highest: Array) -> Array:
    """Return how far rows lie outside a range, in ranges of the farthest input, ``(N,)``; 0 for rows within."""
    span = np.where(highest > lowest, highest - lowest, 1.0)
    excess = np.maximum(lowest - inputs, inputs - highest) / span
    return np.asarray(np.maximum(excess, 0).max(axis=1))
