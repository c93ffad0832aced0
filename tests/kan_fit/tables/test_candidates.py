"""A candidate keeps the history of its fit."""

from __future__ import annotations

import math

import pytest
import torch

from tests.kan_fit.fits import problem
from vision_cli.kan_fit.networks.dense import SKAN, plan_network
from vision_cli.kan_fit.tables.candidates import Candidate, fit_candidate


def test_a_fit_continues_the_history_of_its_candidate():
    data = problem("xy", 100)
    plans = plan_network((2, 1, 1), ("cheby",))
    start = Candidate("2-1-1 cheby", SKAN(plans, torch.Generator().manual_seed(0)).double(), math.inf)
    first = fit_candidate(data, start, "full", 3)
    second = fit_candidate(data, first, "pruned", 2, tau=0.5)
    assert second.steps[: len(first.steps)] == first.steps
    assert {step.phase for step in second.steps} == {"full", "pruned"}
    assert (second.steps[-1].tau, second.steps[-1].grid) == (0.5, 5)
    with torch.no_grad():
        score = float((second.network(data.x_val) - data.y_val).square().mean())
    assert score == pytest.approx(second.score, rel=1e-9)
