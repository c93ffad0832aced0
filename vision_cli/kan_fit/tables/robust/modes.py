"""Mode of each input of a noisy sum of functions.

The smooth networks of noisy tables have one space at all nodes. Where the noise is small, the rows tell which space
each node needs: the function of one node after another is fitted again with each space, the others held. Errors of rows
left out hardly differ between a space that has a function exactly and a flexible one that comes near it. So the space
is that of the least Bayesian information criterion, in which each effective parameter costs the logarithm of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vision_cli.kan_fit.networks.dense import SKAN, plan_network, project_network
from vision_cli.kan_fit.tables.candidates import Problem
from vision_cli.kan_fit.tables.robust.cross_validation import FINE_ROUGHNESS
from vision_cli.kan_fit.tables.robust.roughness import roughness_forms

_RIDGE = 1e-10
_MOST_SWEEPS = 8
_GAINED = 0.999
"""Ratio of the errors of two sweeps above which another one is not worth it."""


@dataclass(frozen=True)
class NodeModes:
    """Modes of the inputs of a sum of functions.

    Attributes
    ----------
    names
        Space of each input.
    grid
        Intervals of the finest range that an input needs.
    residuals
        Root mean square residual by input and space, in standard deviations of the target, with the penalty and the
        grid of the least criterion, when the input was fitted last.
    """

    names: tuple[str, ...]
    grid: int
    residuals: tuple[dict[str, float], ...]


@dataclass(frozen=True)
class _Fit:
    """Fit of one node: its space and grid, criterion, values ``(N,)`` and root mean square residual."""

    space: str
    grid: int
    criterion: float
    values: Tensor
    residual: float


@torch.no_grad()
def choose_modes(problem: Problem, pool: Sequence[str], grids: Sequence[int]) -> NodeModes:
    """Return the space of each input of the sum of functions of the least Bayesian information criterion.

    Parameters
    ----------
    problem
        The data; training and validation rows are used alike.
    pool
        Spaces to choose from.
    grids
        Grids to choose from.
    """
    x, y = problem.everything
    nodes = range(x.shape[1])
    bases = [basis for name in pool for grid in grids for basis in _bases(problem, name, grid)]
    parts = torch.zeros(len(nodes), len(x)).to(x)
    rest = y[:, 0] - y.mean()
    chosen: dict[int, _Fit] = {}
    residuals: dict[int, dict[str, float]] = {}
    before = float("inf")
    for _ in range(_MOST_SWEEPS):
        left = set(nodes)
        while left:
            tried = {node: [one.fit(rest + parts[node]) for one in bases if one.node == node] for node in left}
            node = min(tried, key=lambda node: min(one.criterion for one in tried[node]))
            best = min(tried[node], key=lambda one: one.criterion)
            chosen[node] = best
            by_space = {name: [one for one in tried[node] if one.space == name] for name in pool}
            residuals[node] = {
                name: min(fits, key=lambda one: one.criterion).residual for name, fits in by_space.items()
            }
            rest = rest + parts[node] - best.values
            parts[node] = best.values
            left.remove(node)
        score = float(rest.square().mean())
        if score > _GAINED * before:
            break
        before = score
    return NodeModes(
        tuple(chosen[node].space for node in nodes),
        max(one.grid for one in chosen.values()),
        tuple(residuals[node] for node in nodes),
    )


def _bases(problem: Problem, space: str, grid: int) -> list[_Basis]:
    """Return the functions of each input in a space."""
    x, _ = problem.everything
    plans = plan_network((x.shape[1], 1), (space,), grid=grid)
    layer = project_network(SKAN(plans).to(x), x, bounds=problem.bounds).each_layer()[0]
    features = layer.features(x)
    rough, _ = roughness_forms(layer)
    found = []
    for node in range(x.shape[1]):
        own = layer.node == node
        found.append(_Basis(node, space, grid, features[:, own], rough[own][:, own]))
    return found


class _Basis:
    """Functions of one input, with the solutions of their penalised fits.

    Parameters
    ----------
    node, space, grid
        Number of the input, and its functions.
    features
        Values of the functions, ``(N, F)``.
    rough
        Form of the penalty, ``(F, F)``.
    """

    def __init__(self, node: int, space: str, grid: int, features: Tensor, rough: Tensor) -> None:
        self.node, self.space, self.grid = node, space, grid
        self._features = features - features.mean(0)
        normal = self._features.T @ self._features
        rows = len(features)
        ridge = _RIDGE * normal.diagonal().mean() * torch.eye(len(normal)).to(normal)
        forms = torch.stack([normal + ridge + rows * weight * rough for weight in FINE_ROUGHNESS])
        self._inverse = torch.linalg.inv(forms)
        self._freedom = (self._inverse @ normal).diagonal(dim1=1, dim2=2).sum(1)

    def fit(self, values: Tensor) -> _Fit:
        """Return the fit of values ``(N,)`` with the penalty of the least criterion."""
        fitted = self._inverse @ (self._features.T @ values) @ self._features.T
        squares = (values - fitted).square().mean(1)
        rows = torch.tensor(float(len(values))).to(values)
        criterion = rows * squares.clamp(min=torch.finfo(values.dtype).tiny).log() + rows.log() * self._freedom
        best = int(criterion.argmin())
        return _Fit(self.space, self.grid, float(criterion[best]), fitted[best], float(squares[best]) ** 0.5)
