"""The space of each input of a noisy sum of functions is that which it was made with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.kan_fit.fits import compute_only
from vision_cli.kan_fit.networks.spaces import SPACES, evaluate
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.candidates import Problem
from vision_cli.kan_fit.tables.robust.modes import choose_modes
from vision_cli.kan_fit.tables.selection import search

POOL = ("bspline", "cheby", "fourier", "wavelet")


def planted(spaces, seed, rows=1000, noise=0.02):
    """Return a sum of random functions of spaces on grid 5, each of unit variance, with noise."""
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.uniform(-1, 1, (rows, len(spaces))))
    y = torch.zeros(rows, dtype=torch.float64)
    for column, name in zip(x.T, spaces, strict=True):
        count = SPACES[name].count(5)
        part = evaluate(SPACES[name], column, count) @ torch.from_numpy(rng.normal(size=count))
        y += (part - part.mean()) / part.std()
    y = (y - y.mean()) / y.std() + noise * torch.from_numpy(rng.normal(size=rows))
    held = rows // 5
    return Problem(x[held:], y[held:, None], x[:held], y[:held, None])


@pytest.mark.parametrize("spaces", [POOL, ("fourier", "wavelet", "bspline", "cheby")])
def test_planted_spaces_are_found(spaces):
    found = choose_modes(planted(spaces, 5), POOL, (5, 10))
    assert found.names == spaces
    assert found.grid == 5
    assert [set(one) for one in found.residuals] == [set(POOL)] * 4
    assert all(residuals[name] < 0.03 for residuals, name in zip(found.residuals, spaces, strict=True))


def test_the_search_offers_the_network_of_the_planted_spaces():
    settings = SearchOptions(pool=("cheby", "fourier"), refine=(5,), restarts=1, steps=6)
    spaces = ("fourier", "cheby")
    problem = planted(spaces, 1, rows=400)
    found = search(problem, [()], settings, compute_only)
    final = found.candidates[-1]
    assert final.name == "2-1 mixed, smooth"
    assert len(final.left_out) == 400
    assert final.network.plans[0].modes == (("fourier",), ("cheby",))
    assert final.score < 2 * 0.02**2
    kept = [(one.node, one.mode) for one in found.choices if one.candidate == final.name and one.kept]
    assert kept == list(enumerate(spaces))
