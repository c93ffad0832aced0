"""Grids as fine as the rows allow: few enough parameters, and no function within a gap of the data alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vision_cli.kan_fit.networks.dense import SKAN, plan_network
from vision_cli.kan_fit.networks.spaces import SPACES
from vision_cli.kan_fit.tables.candidates import Problem
from vision_cli.kan_fit.tables.optimisers import LM_PARAMETERS

ROWS_A_PARAMETER = 3
"""Fewest training rows a parameter."""

_ROWS_A_SQUARED_DEGREE = 4
_INTERVALS_A_GAP, _FEWEST_VALUES = 2.0, 10


def grids_for(problem: Problem, shape: Sequence[int], pool: Sequence[str], refine: Sequence[int]) -> tuple[int, ...]:
    """Return the grids whose networks have at most a third as many parameters as rows, and few enough to optimise.

    Grids with polynomials whose squared degree is near the number of rows are left out, too: they oscillate between the
    outermost row and the end of the range, where there are neither training nor validation data. So are grids, of any
    space, finer than the widest gap between the values of an input.
    """
    limit = min(problem.y.numel() / ROWS_A_PARAMETER, LM_PARAMETERS)
    polynomials = [SPACES[name] for name in pool if SPACES[name].kind == "polynomial"]

    gap = _widest_gap(problem.x)

    def is_allowed(grid: int) -> bool:
        if grid * gap > _INTERVALS_A_GAP or any(
            _ROWS_A_SQUARED_DEGREE * space.count(grid) ** 2 > len(problem.y) for space in polynomials
        ):
            return False
        return SKAN(plan_network(shape, pool, grid=grid)).parameters_in_use() <= limit

    return tuple(grid for grid in refine if is_allowed(grid)) or (min(refine),)


def _widest_gap(x: torch.Tensor) -> float:
    """Return the widest gap between neighbouring values of an input, as a share of its range.

    Inputs of few values, as categories have, are passed over: no other values are to be expected.
    """
    widest = 0.0
    for column in x.T:
        values = column.unique()
        if len(values) >= _FEWEST_VALUES:
            widest = max(widest, float(values.diff().max() / (values[-1] - values[0])))
    return widest
