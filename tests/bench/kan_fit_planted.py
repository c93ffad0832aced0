"""Spaces that ``kan-fit`` gives the inputs of noisy sums of functions, beside those that the functions were made of.

    python tests/bench/kan_fit_planted.py

Four tables of 2,000 rows and four inputs, with noise of 2 % of the target's standard deviation: the functions of
``member`` are random members of each space on five intervals; those of ``other`` are a sine, a polynomial, a broken
line and a bump.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from vision_cli.kan_fit.names import DEFAULT_POOL
from vision_cli.kan_fit.networks.spaces import SPACES, evaluate
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.data import Column, TableData
from vision_cli.kan_fit.tables.pipeline import fit
from vision_cli.kan_fit.tables.splits import split_rows

ROWS, NOISE, GRID = 2000, 0.02, 5


def member(rng, space, u):
    """Return a random member of a space."""
    count = SPACES[space].count(GRID)
    return evaluate(SPACES[space], torch.from_numpy(u), count).numpy() @ rng.normal(size=count)


def other(rng, space, u):
    """Return a function that is like the members of a space."""
    if space == "fourier":
        return np.sin(np.pi * rng.integers(3, 7) * u + rng.uniform(0, 6))
    if space == "cheby":
        return np.polynomial.chebyshev.chebval(u, np.r_[0, rng.normal(size=6)[: rng.integers(3, 6)]])
    if space == "bspline":
        return np.interp(u, np.linspace(-1, 1, 6), rng.normal(size=6))
    t = (u - rng.uniform(-0.5, 0.5)) / rng.uniform(0.15, 0.3)
    return (1 - t * t) * np.exp(-t * t / 2)


def planted(seed, function):
    """Return inputs ``(N, 4)``, a noisy target ``(N,)`` and the space of each input."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (ROWS, len(DEFAULT_POOL)))
    spaces = [DEFAULT_POOL[number] for number in rng.permutation(len(DEFAULT_POOL))]
    y = np.zeros(ROWS)
    for u, space in zip(x.T, spaces, strict=True):
        part = function(rng, space, u)
        y += (part - part.mean()) / part.std()
    return x, (y - y.mean()) / y.std() + NOISE * rng.normal(size=ROWS), spaces


def main():
    """Fit all tables; print the spaces and how many are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    for function in (member, other):
        right = 0
        for seed in seeds:
            x, y, spaces = planted(seed, function)
            names = tuple("abcd")
            table = TableData(x, names, y, tuple(map(Column, names)), "y")
            settings = SearchOptions(restarts=1)
            found = fit(x, y, split_rows(ROWS, 0.2, 0.0, 0), table, [()], settings)
            modes = [one[0] for one in found.model.network.plans[0].modes]
            right += sum(a == b for a, b in zip(modes, spaces, strict=True))
            print(function.__name__, seed, found.final.name, *(f"{a}:{b}" for a, b in zip(spaces, modes, strict=True)))
        print(f"{function.__name__}: {right} of {4 * len(seeds)} right")


if __name__ == "__main__":
    main()
