"""The optimisers, and which one a size calls for."""

from __future__ import annotations

import math

import pytest
import torch

from vision_cli.kan_fit.networks.dense import SKAN, plan_network, project_network
from vision_cli.kan_fit.tables.optimisers import choose_method, minimise


def problem(rows=80, seed=0):
    x = torch.rand(rows, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return x, torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:] ** 2)


def network(widths=(2, 2, 1), pool=("cheby", "bspline"), level="node", seed=0):
    made = SKAN(plan_network(widths, pool, level=level), torch.Generator().manual_seed(seed)).double()
    for layer in made.each_layer():
        if layer.logits is not None:
            layer.logits.data.normal_(generator=torch.Generator().manual_seed(seed))
    return made


@pytest.mark.parametrize("method", ["lm", "lbfgs", "adamw"])
def test_every_optimiser_lowers_the_loss(method):
    x, y = problem(400)
    y = (y - y.mean()) / y.std()
    net = project_network(network((2, 2, 1), ("cheby",)), x)
    found = minimise(net, x[:300], y[:300], (x[300:], y[300:]), steps=200 if method == "adamw" else 20, method=method)
    assert found.best < 0.5 * found.scores[0]
    with torch.no_grad():
        assert float((net(x[300:]) - y[300:]).square().mean()) == pytest.approx(found.best, rel=1e-9)


def test_the_method_follows_the_size():
    assert choose_method(2000, 300) == "lm"
    assert choose_method(2000, 5000) == "lbfgs"
    assert choose_method(1_000_000, 100) == "adamw"
    assert choose_method(100_000, 2900) == "adamw"
