"""The node equation, and projections onto other grids and modes that keep the function."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional

from vision_cli.kan_fit.names import PAPER_POOL
from vision_cli.kan_fit.networks.dense import CURVE_POINTS, SKAN, plan_network, project_network
from vision_cli.kan_fit.networks.spaces import SPACES

POOL = ("bspline", "cheby", "fourier")


def made(widths=(2, 3, 1), pool=POOL, seed=0, **options):
    network = SKAN(plan_network(widths, pool, **options), torch.Generator().manual_seed(seed)).double()
    return network, torch.rand(200, widths[0], generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("level", ["node", "edge", "layer"])
def test_a_layer_is_the_node_equation(level):
    network, x = made((2, 3), level=level)
    layer = network.each_layer()[0]
    layer.logits.data.normal_(generator=torch.Generator().manual_seed(2))
    layer.center.copy_(torch.tensor([0.1, -0.2]))
    layer.scale.copy_(torch.tensor([0.9, 1.1]))
    gates = layer.gates()
    expected = layer.bias.expand(len(x), 3).clone()
    for i, j in itertools.product(range(2), range(3)):
        u = (x[:, i] - layer.center[i]) * layer.scale[i]
        base = (layer.node == i) & (layer.mode == -1)
        expected[:, j] += layer.weight[base, j] * functional.silu(u)
        for m, name in enumerate(POOL):
            columns = (layer.node == i) & (layer.mode == m)
            inside = u.clamp(-1, 1)
            space = SPACES[name]
            values = space.value(inside, int(columns.sum()))
            values = values + space.derivative(inside, int(columns.sum())) * (u - inside)[:, None]
            expected[:, j] += gates[i, j, m] * (values @ layer.weight[columns, j])
    assert torch.allclose(layer(x), expected)
    assert torch.allclose(layer.edge_outputs(x).sum(1) + layer.bias, expected)


def test_slopes_of_features_are_those_of_autograd():
    network, x = made((3, 2), pool=PAPER_POOL)
    layer = network.each_layer()[0]
    layer.scale.copy_(torch.tensor([0.5, 1.0, 1.3]))
    x.requires_grad_()
    weights = torch.rand(len(layer.node), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (layer.features(x) @ weights).sum().backward()
    ours = torch.zeros_like(x).index_add_(1, layer.node, layer.feature_slopes(x.detach()) * weights)
    assert torch.allclose(x.grad, ours)


def test_refining_splines_keeps_the_function():
    network, x = made(pool=("bspline",), grid=5)
    start = project_network(network, x)
    finer = project_network(start, x, grid=10)
    assert {plan.grid for plan in finer.plans} == {10}
    # Splines on half the intervals hold the coarser ones; where ranges are extended by a margin they do nearly.
    difference = (finer(x) - start(x)).detach()
    assert float(difference.std() / start(x).detach().std()) < 1e-4


def test_new_ranges_are_those_observed():
    network, x = made(pool=("cheby",))
    moved = project_network(network, 3 * x + 5)
    for layer, taken in zip(moved.each_layer(), moved.layer_inputs(3 * x + 5), strict=False):
        u = (taken - layer.center) * layer.scale
        assert float(u.abs().max()) <= 1 + 1e-9
        assert float(u.abs().max()) > 0.97
    known = project_network(network, x, bounds=torch.tensor([[-2.0, -2.0], [2.0, 2.0]]).double())
    assert torch.allclose(known.each_layer()[0].scale, torch.full((2,), 0.5).double())


def test_selected_networks_compute_only_what_they_selected():
    network, x = made()
    selected = project_network(network, x, modes=[["cheby", "fourier"], ["bspline"] * 3])
    first = selected.each_layer()[0]
    assert first.logits is None
    assert len(first.node) == 2 + SPACES["cheby"].count(5) + SPACES["fourier"].count(5)
    assert selected.parameters_in_use() < network.parameters_in_use() / 2


def test_removed_edges_do_nothing_and_are_not_counted():
    network, x = made((2, 3, 1), pool=("cheby",))
    before = network.parameters_in_use()
    network.each_layer()[0].edges[1] = 0
    assert torch.equal(network(x), network(torch.stack([x[:, 0], x[:, 1] * 0], dim=1)))
    assert before - network.parameters_in_use() == 3 * (1 + SPACES["cheby"].count(5))


def test_the_curve_of_an_edge_is_its_function_over_the_observed_range_with_mean_zero():
    network, x = made((2, 1))
    layer = network.each_layer()[0]
    points, values = layer.edge_curve(x, 1, 0)
    assert points.shape == values.shape == (CURVE_POINTS,)
    assert (points[0], points[-1]) == (float(x[:, 1].min()), float(x[:, 1].max()))
    inputs = torch.zeros(CURVE_POINTS, 2, dtype=torch.float64)
    inputs[:, 1] = torch.from_numpy(points)
    expected = layer.edge_outputs(inputs)[:, 1, 0].detach()
    assert torch.allclose(torch.from_numpy(values), expected - expected.mean())
