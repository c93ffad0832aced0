"""A weighted mean of networks is one network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.kan_fit.networks.dense import SKAN, continued, plan_network, project_network
from vision_cli.kan_fit.tables.candidates import Candidate, Problem
from vision_cli.kan_fit.tables.robust.stacking import mean_network, stacked, stacking_weights

X = torch.randn(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def network(seed, *hidden):
    plans = plan_network((3, *hidden, 1), ("bspline",), grid=3)
    first = project_network(SKAN(plans, torch.Generator().manual_seed(seed)).double(), X)
    return project_network(first, X)


@pytest.mark.parametrize("way", ["linear", "hold"])
def test_networks_of_other_depths_are_added(way):
    members = [(0.2, network(0)), (0.5, network(1, 2)), (0.3, network(2, 4, 2))]
    made = mean_network(members, X)
    assert made.widths == (3, 7, 4, 1)
    expected = sum(weight * continued(one, way).predict(X) for weight, one in members)
    assert torch.allclose(continued(made, way).predict(X), expected, atol=1e-9)
    edges = sum(int(layer.edges.sum()) for _, one in members for layer in one.each_layer())
    # The sum of functions passes two more nodes, the network of one hidden layer one.
    assert sum(int(layer.edges.sum()) for layer in made.each_layer()) == edges + 3


def test_weights_are_those_of_independent_errors():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(4000, 1))
    residuals = common + rng.normal(size=(4000, 4)) * [1, 1, 2, 9]
    # Inverse variances of what is not common, without the smallest.
    assert stacking_weights(residuals) == pytest.approx([4 / 9, 4 / 9, 1 / 9, 0], abs=0.04)


def test_a_mean_that_is_no_better_is_not_made():
    target = X.sum(1, keepdim=True)
    problem = Problem(X[:50], target[:50], X[50:], target[50:])
    rng = np.random.default_rng(1)

    def candidate(name, errors):
        return Candidate(name, network(len(name)), float(np.mean(np.square(errors))), left_out=tuple(errors))

    own = rng.normal(size=60)
    assert stacked(problem, "mean", [candidate("a", own), candidate("bb", 2 * own)]) is None
    made = stacked(problem, "mean", [candidate("a", own), candidate("bb", rng.normal(size=60))])
    assert made is not None
    assert made.score < 0.7
    assert made.score == pytest.approx(np.mean(np.square(made.left_out)))
