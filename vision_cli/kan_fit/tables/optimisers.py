"""Optimisers of a fit: Levenberg-Marquardt, L-BFGS, or AdamW on mini-batches, chosen by the size of the problem."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.errors import NumericalError
from vision_cli.kan_fit.names import Method
from vision_cli.kan_fit.networks.dense import SKAN
from vision_cli.kan_fit.tables.levenberg_marquardt import (
    NO_PENALTY,
    OptimiseResult,
    Penalty,
    fit_levenberg_marquardt,
    mean_square,
)

LM_PARAMETERS = 3000
_NUMBERS_AT_ONCE = 1 << 27
_ROWS_FOR_BATCHES = 200_000
_BATCH = 4096
_ADAM_RATE, _ADAM_DECAY = 3e-3, 1e-6
_LBFGS_STEPS_A_STEP = 10


def choose_method(rows: int, parameters: int) -> Method:
    """Return the method for a size: AdamW for very many rows, Levenberg-Marquardt for few parameters, else L-BFGS."""
    if rows > _ROWS_FOR_BATCHES or rows * parameters > _NUMBERS_AT_ONCE:
        return "adamw"
    return "lm" if parameters <= LM_PARAMETERS else "lbfgs"


def minimise(
    network: SKAN,
    x: Tensor,
    y: Tensor,
    validation: tuple[Tensor, Tensor],
    *,
    steps: int,
    penalty: Penalty = NO_PENALTY,
    method: Method = "auto",
    on_step: Callable[[float, float], None] = lambda _loss, _score: None,
) -> OptimiseResult:
    """Minimise the mean squared residual; leave the network with the parameters of the least validation error.

    Parameters
    ----------
    network, x, y, validation
        See :func:`vision_cli.kan_fit.tables.levenberg_marquardt.fit_levenberg_marquardt`.
    steps
        Steps of Levenberg-Marquardt or epochs of AdamW; L-BFGS takes ten times as many.
    penalty
        Added to the mean squared residual; its ``group`` by Levenberg-Marquardt only.
    method
        ``auto`` for that of `choose_method`.
    on_step
        Called with the loss and the validation score after each step.

    Raises
    ------
    NumericalError
        If the loss becomes non-finite.
    """
    parameters = sum(p.numel() for p in network.parameters())
    chosen = choose_method(len(x), parameters) if method == "auto" else method
    if chosen == "lm":
        return fit_levenberg_marquardt(
            network, x, y, steps=steps, validation=validation, penalty=penalty, on_step=on_step
        )
    if chosen == "lbfgs":
        return _fit_lbfgs(network, x, y, validation, steps * _LBFGS_STEPS_A_STEP, penalty, on_step)
    return _fit_batches(network, x, y, validation, steps, penalty, on_step)


class _BestParameters:
    """The parameters of the least validation error so far, and the history."""

    def __init__(self, network: SKAN, validation: tuple[Tensor, Tensor]) -> None:
        self.network, self.validation = network, validation
        self.losses: list[float] = []
        self.scores = [self.measure()]
        self.score = self.scores[0]
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    def measure(self) -> float:
        return mean_square(self.network, *self.validation)

    def record(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise NumericalError("the loss is not finite; finite values expected.", hint="Lower the grid, or use lm.")
        self.losses.append(loss)
        self.scores.append(self.measure())
        if self.scores[-1] < self.score:
            self.score = self.scores[-1]
            self.state = {name: value.clone() for name, value in self.network.state_dict().items()}

    def finish(self) -> OptimiseResult:
        self.network.load_state_dict(self.state)
        return OptimiseResult(len(self.losses), tuple(self.losses), tuple(self.scores), self.score)


def _loss(network: SKAN, x: Tensor, y: Tensor, penalty: Penalty) -> Tensor:
    total: Tensor = (network(x) - y).square().mean()
    for layer in network.each_layer():
        total = total + penalty.ridge * layer.weight.square().sum()
    if penalty.entropy:
        total = total + penalty.entropy * network.gate_entropy()
    return total


def _fit_lbfgs(
    network: SKAN,
    x: Tensor,
    y: Tensor,
    validation: tuple[Tensor, Tensor],
    steps: int,
    penalty: Penalty,
    on_step: Callable[[float, float], None],
) -> OptimiseResult:
    from scipy.optimize import minimize

    parameters = list(network.parameters())
    best = _BestParameters(network, validation)
    seen = [math.inf]

    def put(values: NDArray[np.float64]) -> None:
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(torch.from_numpy(values).to(parameters[0]), parameters)

    def evaluate(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        put(values)
        loss = _loss(network, x, y, penalty)
        gradients = torch.autograd.grad(loss, parameters)
        seen[0] = float(loss)
        return seen[0], torch.cat([g.reshape(-1) for g in gradients]).double().cpu().numpy()

    def after(values: NDArray[np.float64]) -> None:
        put(values)
        best.record(seen[0])
        on_step(seen[0], best.scores[-1])

    start = torch.nn.utils.parameters_to_vector(parameters).detach().double().cpu().numpy()
    options = {"maxiter": steps, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-12, "maxfun": 2 * steps}
    minimize(evaluate, start, jac=True, method="L-BFGS-B", callback=after, options=options)
    return best.finish()


def _fit_batches(
    network: SKAN,
    x: Tensor,
    y: Tensor,
    validation: tuple[Tensor, Tensor],
    epochs: int,
    penalty: Penalty,
    on_step: Callable[[float, float], None],
) -> OptimiseResult:
    """Minimise by AdamW with a cosine schedule; an epoch counts as a step."""
    best = _BestParameters(network, validation)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_ADAM_RATE, weight_decay=_ADAM_DECAY, foreach=False)
    generator = torch.Generator().manual_seed(0)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = _ADAM_RATE * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        total = 0.0
        for rows in torch.randperm(len(x), generator=generator).split(_BATCH):
            loss = _loss(network, x[rows], y[rows], penalty)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        best.record(total / len(x))
        on_step(best.losses[-1], best.scores[-1])
    return best.finish()
