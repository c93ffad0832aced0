"""Residuals for intervals are of rows that the network was not fitted to."""

from __future__ import annotations

import math

import numpy as np
import torch

from vision_cli.kan_fit.networks.dense import SKAN, plan_network, project_network
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, fit_candidate
from vision_cli.kan_fit.tables.levenberg_marquardt import Penalty
from vision_cli.kan_fit.tables.robust.intervals import conformal_residuals


def noise(rows, val):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(rows + val, 1, generator=generator, dtype=torch.float64) for _ in range(2))
    return Problem(x[:rows], y[:rows], x[rows:], y[rows:])


def test_few_validation_rows_are_joined_by_rows_left_out_of_fits():
    data = noise(40, 10)
    network = project_network(SKAN(plan_network((1, 1), ("bspline",))).double(), data.x)
    start = Candidate("n", network, math.inf)
    # A network that knows its rows, almost: of pure noise, rows left out have larger residuals.
    final = fit_candidate(data, start, "full", 10, penalty=Penalty(rough=1e-6, slope=1e-6))
    found = conformal_residuals(data, final, 0)
    assert len(found) == 50
    assert (np.diff(found) >= 0).all()
    fitted = float((final.network.predict(data.x) - data.y).square().mean())
    assert np.mean(found**2) > fitted


def test_many_validation_rows_suffice():
    data = noise(30, 600)
    network = project_network(SKAN(plan_network((1, 1), ("cheby",))).double(), data.x)
    found = conformal_residuals(data, Candidate("n", network, 1.0), 0)
    assert found.tolist() == sorted(data.y_val.abs()[:, 0].tolist())
