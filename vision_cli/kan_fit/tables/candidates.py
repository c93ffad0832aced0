"""Candidate networks of a search: the data that they are fitted to, the networks, the history of their steps."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vision_cli.core.runs import interrupts
from vision_cli.kan_fit.names import Method
from vision_cli.kan_fit.networks.dense import SKAN, project_network
from vision_cli.kan_fit.tables.levenberg_marquardt import NO_PENALTY, Penalty
from vision_cli.kan_fit.tables.optimisers import minimise

_PRUNED_SHARE = 0.01


@dataclass(frozen=True)
class Problem:
    """Data of a search in float64; the target has mean 0 and standard deviation 1.

    Attributes
    ----------
    x, y
        Training data, ``(N, inputs)`` and ``(N, outputs)``.
    x_val, y_val
        Validation data.
    bounds
        Lowest and highest possible inputs, ``(2, inputs)``, where they are known.
    """

    x: Tensor
    y: Tensor
    x_val: Tensor
    y_val: Tensor
    bounds: Tensor | None = None

    def thinned(self, most: int) -> Problem:
        """Return the problem with at most ``most`` training rows."""
        step = -(-len(self.x) // most)
        return self if step < 2 else replace(self, x=self.x[::step], y=self.y[::step])

    @property
    def everything(self) -> tuple[Tensor, Tensor]:
        """Inputs and outputs of the training rows, then of the validation rows."""
        return torch.cat([self.x, self.x_val]), torch.cat([self.y, self.y_val])

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        """Validation data as a pair."""
        return self.x_val, self.y_val


@dataclass(frozen=True)
class Step:
    """A row of the history: one step of a candidate.

    Attributes
    ----------
    candidate, phase, grid, step
        Name of the candidate, name of the phase, intervals of its grid, number of the step from 1.
    loss, val
        Root mean square residual on training and validation data, in standard deviations of the target.
    tau
        Temperature of the gates.
    """

    candidate: str
    phase: str
    grid: int
    step: int
    loss: float
    val: float
    tau: float = 1.0


@dataclass(frozen=True)
class Candidate:
    """A fitted network.

    Attributes
    ----------
    name
        Widths and pool, as in ``2-5-1 cheby``.
    network
        With the parameters of the least validation error, or fitted to all rows.
    score
        Mean squared residual on the validation data, or of all rows left out.
    steps
        History of the fit.
    penalty
        Penalty that it was fitted with last.
    left_out
        Residual of each training row and then of each validation row under a network fitted without it; empty where
        the network was fitted to the training rows alone.
    """

    name: str
    network: SKAN
    score: float
    steps: tuple[Step, ...] = ()
    penalty: Penalty = NO_PENALTY
    left_out: tuple[float, ...] = ()

    def validation_residuals(self, problem: Problem) -> Tensor:
        """Return the residuals of the validation rows, which the network was not fitted to, ``(N, outputs)``."""
        if self.left_out:
            return torch.tensor(self.left_out[len(problem.x) :], dtype=torch.float64).unsqueeze(1).to(problem.x.device)
        return self.network.predict(problem.x_val) - problem.y_val


@dataclass(frozen=True)
class ModeScore:
    """A row of ``selection.csv``: a mode of a node with its gate, contribution and validation error.

    Attributes
    ----------
    candidate, layer, node, mode
        Name of the candidate, numbers from 0, name of the space.
    gate, contribution
        Mean gate, and contributed variance, after the selective phase; None where modes were compared by fits.
    val
        Root mean square residual on validation data of the network with this mode, in standard deviations of the
        target; None where modes were ranked by contribution.
    kept
        Whether the mode was chosen.
    """

    candidate: str
    layer: int
    node: int
    mode: str
    gate: float | None
    contribution: float | None
    val: float | None
    kept: bool


def fit_candidate(
    problem: Problem,
    candidate: Candidate,
    phase: str,
    steps: int,
    *,
    penalty: Penalty = NO_PENALTY,
    tau: float = 1.0,
    optimiser: Method = "auto",
) -> Candidate:
    """Fit a candidate further; return it with the steps added to its history."""
    interrupts.check()
    network = candidate.network
    network.set_gates(tau=tau)
    rows: list[Step] = []
    grid = max(plan.grid for plan in network.plans)

    def record(loss: float, score: float) -> None:
        interrupts.check()
        rows.append(Step(candidate.name, phase, grid, len(rows) + 1, math.sqrt(loss), math.sqrt(score), tau))

    fitted = minimise(
        network,
        problem.x,
        problem.y,
        problem.validation,
        steps=steps,
        penalty=penalty,
        method=optimiser,
        on_step=record,
    )
    return Candidate(candidate.name, network, fitted.best, (*candidate.steps, *rows), penalty)


def pruned(problem: Problem, best: Candidate, steps: int, optimiser: Method) -> Candidate:
    """Return the network without edges of less than 1 % of their layer's greatest standard deviation, fitted again."""
    network = project_network(best.network, problem.x, bounds=problem.bounds)
    with torch.no_grad():
        for layer, spread in zip(network.each_layer(), network.edge_spreads(problem.x), strict=True):
            layer.edges[spread < _PRUNED_SHARE * spread.max()] = 0
        for before, after in itertools.pairwise(network.each_layer()):
            # A node without outgoing edges needs no incoming ones.
            before.edges[:, after.edges.sum(1) == 0] = 0
    candidate = Candidate(f"{best.name}, pruned", network, math.inf, best.steps)
    return fit_candidate(problem, candidate, "pruned", steps, penalty=best.penalty, optimiser=optimiser)
