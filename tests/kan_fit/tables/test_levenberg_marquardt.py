"""Levenberg-Marquardt: the Jacobian is that of autograd, known minima are found."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from vision_cli.core.errors import NumericalError
from vision_cli.kan_fit.networks.dense import SKAN, plan_network, project_network
from vision_cli.kan_fit.tables.levenberg_marquardt import NO_PENALTY, Penalty, _State, fit_levenberg_marquardt


def problem(rows=80, seed=0):
    x = torch.rand(rows, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return x, torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:] ** 2)


def network(widths=(2, 2, 1), pool=("cheby", "bspline"), level="node", seed=0):
    made = SKAN(plan_network(widths, pool, level=level), torch.Generator().manual_seed(seed)).double()
    for layer in made.each_layer():
        if layer.logits is not None:
            layer.logits.data.normal_(generator=torch.Generator().manual_seed(seed))
    return made


@pytest.mark.parametrize("level", ["node", "edge", "layer"])
@pytest.mark.parametrize("pool", [("cheby",), ("cheby", "bspline", "fourier")], ids=len)
def test_the_jacobian_is_that_of_autograd(level, pool):
    net = network((2, 3, 2, 2), pool, level)
    net.each_layer()[1].edges[1, 0] = 0
    net.set_gates(tau=0.7)
    x, _ = problem(7)
    state = _State(net, x, torch.zeros(7, 2, dtype=torch.float64), NO_PENALTY)
    with torch.no_grad():
        found = state._jacobians(slice(0, 7))
    for output, (jacobian, residual) in enumerate(found):
        assert torch.allclose(residual, net(x)[:, output])
        for row in range(7):
            net.zero_grad()
            net(x)[row, output].backward()
            expected = []
            for layer, kept in zip(net.each_layer(), state.kept, strict=True):
                expected += [layer.weight.grad.reshape(-1)[kept], layer.bias.grad]
                expected += [] if layer.logits is None else [layer.logits.grad.reshape(-1)]
            assert torch.allclose(jacobian[row], torch.cat(expected), atol=1e-12)


def test_gradients_of_penalties_are_those_of_their_values():
    net = network()
    x, y = problem()
    penalty = Penalty(ridge=1e-2, group=3e-2, entropy=5e-2)
    state = _State(net, x, y, penalty)
    with torch.no_grad():
        _, gradient = state.normal_equations()
    for place in range(0, len(state.values), 5):
        step = torch.zeros_like(state.values)
        step[place] = 1e-6
        numeric = (state.loss(state.values + step) - state.loss(state.values - step)) / 2e-6
        # The gradient is of half the loss.
        assert float(gradient[place]) == pytest.approx(numeric / 2, rel=1e-4, abs=1e-7)


def test_a_network_without_hidden_nodes_is_least_squares():
    x, y = problem(300)
    net = project_network(network((2, 1), ("cheby",)), x)
    features = net.each_layer()[0].features(x).detach().numpy()
    design = np.column_stack([features, np.ones(len(x))])
    expected = np.linalg.lstsq(design, y.numpy(), rcond=None)[1][0] / len(x)
    found = fit_levenberg_marquardt(net, x, y, steps=20, penalty=Penalty(ridge=0.0))
    assert found.losses[-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_the_minimum_is_scipys():
    x, y = problem(200)
    net = project_network(network((2, 1, 1), ("cheby",)), x)
    start = torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy().copy()

    def residual(values):
        torch.nn.utils.vector_to_parameters(torch.from_numpy(values), net.parameters())
        with torch.no_grad():
            return (net(x) - y)[:, 0].numpy()

    theirs = 2 * least_squares(residual, start, method="lm", max_nfev=4000).cost / len(x)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(start), net.parameters())
    ours = fit_levenberg_marquardt(net, x, y, steps=300, tolerance=1e-9, penalty=Penalty(ridge=0.0)).losses[-1]
    assert ours <= 1.05 * theirs


def test_steps_never_raise_the_loss_and_the_best_validation_is_kept():
    x, y = problem(60)
    x_val, y_val = problem(60, seed=1)
    net = network(pool=("bspline",))
    found = fit_levenberg_marquardt(net, x, y, steps=40, validation=(x_val, y_val), tolerance=0)
    assert all(after <= before for before, after in zip(found.losses, found.losses[1:], strict=False))
    assert found.best == min(found.scores)
    with torch.no_grad():
        assert float((net(x_val) - y_val).square().mean()) == pytest.approx(found.best, rel=1e-12)


def test_removed_edges_stay_removed():
    x, y = problem(60)
    net = network(pool=("cheby",))
    net.each_layer()[0].edges[0, 1] = 0
    fit_levenberg_marquardt(net, x, y, steps=5)
    assert torch.equal(net.each_layer()[0].edge_outputs(x)[:, 0, 1], torch.zeros(60, dtype=torch.float64))


def test_a_start_that_is_not_finite_is_refused():
    x, y = problem(20)
    y[3] = math.nan
    with pytest.raises(NumericalError, match="initial residual is not finite"):
        fit_levenberg_marquardt(network(), x, y, steps=3)
