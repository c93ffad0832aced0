"""Small fits that several test files share."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch

from tests.program import vcli
from vision_cli.kan_fit.formulas.from_network import find_formula
from vision_cli.kan_fit.formulas.operators import read_library
from vision_cli.kan_fit.formulas.suites import find_function
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.candidates import Problem
from vision_cli.kan_fit.tables.data import Column, TableData
from vision_cli.kan_fit.tables.pipeline import fit
from vision_cli.kan_fit.tables.splits import split_rows

KEPT = Path(__file__).with_name("expsin")
"""A model that an earlier version wrote: exp(sin(pi x) + y²) in a network [2, 1, 1].

Made by ``vcli kan-fit fit --function expsin --width 1 --refine 5,10,20 --pool cheby --rows 500``.
"""


QUICK = SearchOptions(pool=("bspline", "cheby", "fourier"), refine=(5, 10), restarts=1, steps=8)


CLASSIFIER = ("--channels", "3", "--pool", "bspline,cheby", "--epochs", "6", "--batch-size", "16", "--no-pictures")
"""Options of a short training of a small classifier."""


def kan_fit(*words, cwd):
    """Run a command of the task in a process."""
    return vcli("kan-fit", *words, cwd=cwd)


def rows_of(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def problem(name, rows=500):
    inputs, values = find_function(name).sample(rows, np.random.default_rng(0))
    x, y = torch.from_numpy(inputs), torch.from_numpy((values - values.mean()) / values.std()).unsqueeze(1)
    held = rows // 5
    return Problem(x[held:], y[held:], x[:held], y[:held])


def compute_only(_name, compute):
    return compute()


def fitted(name, hidden, rows=600):
    target = find_function(name)
    inputs, values = target.sample(rows, np.random.default_rng(0))
    columns = tuple(Column(variable) for variable in target.variables)
    table = TableData(inputs, target.variables, values, columns, "y")
    bounds = np.array([target.ranges.get(variable, (-1, 1)) for variable in target.variables]).T
    settings = SearchOptions(pool=("cheby", "bspline"), refine=(5, 10, 20))
    return fit(inputs, values, split_rows(rows, 0.2, 0.0, 0), table, [hidden], settings, bounds=bounds).model


def formula_of(model):
    return find_formula(model, model.sample_inputs, model.sample_target, read_library(None))
