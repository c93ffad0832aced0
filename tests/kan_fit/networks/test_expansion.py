"""Gates of a layer, and the columns of its basis."""

from __future__ import annotations

import pytest
import torch

from vision_cli.kan_fit.networks.dense import SKANLayer
from vision_cli.kan_fit.networks.expansion import LayerPlan

POOL = ("bspline", "cheby", "fourier")


@pytest.mark.parametrize("level", ["node", "edge", "layer"])
def test_gates_add_up_to_one_and_close_on_one_mode(level):
    layer = SKANLayer(LayerPlan((POOL, POOL), 3, level=level)).double()
    layer.logits.data.normal_(generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer.gates().sum(-1), torch.ones(2, 3, dtype=torch.float64))
    layer.tau = 1e-3
    assert float(layer.gates().detach().max(-1).values.min()) > 0.999
    layer.tau, layer.is_hard = 1.0, True
    hard = layer.gates()
    assert torch.equal(hard.detach(), (hard == hard.max(-1, keepdim=True).values).double())
    hard.square().sum().backward()
    assert layer.logits.grad.abs().sum() > 0


def test_an_unselected_layer_knows_which_modes_each_node_has():
    plan = LayerPlan((("cheby", "fourier"), ("cheby",)), 1)
    layer = SKANLayer(plan, torch.Generator().manual_seed(0))
    assert layer.gates()[1, 0].tolist() == [1.0, 0.0]
    assert plan.pool == ("cheby", "fourier")
    assert not plan.is_selected


def test_columns_of_selected_modes_are_those_of_the_selected_layer():
    whole = SKANLayer(LayerPlan((POOL, POOL), 1))
    modes = ["fourier", "bspline"]
    selected = SKANLayer(LayerPlan(tuple((name,) for name in modes), 1))
    u = torch.rand(5, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(whole.functions(u)[:, whole.columns_of(modes)], selected.functions(u))
