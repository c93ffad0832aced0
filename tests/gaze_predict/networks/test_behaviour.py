"""Graph and matching: patches against direct sampling, equations, and gradients that reach the points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from vision_cli.gaze_predict.networks.graph import BehaviourGraph, EdgeConvolution, NodeVectors, patches
from vision_cli.gaze_predict.networks.matching import (
    BehaviourBranch,
    BehaviourMatching,
    GraphConvolution,
    log_sinkhorn,
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_patches_are_bilinear_samples_one_cell_apart():
    rng = np.random.default_rng(0)
    maps = rng.random((2, 3, 20, 24))
    points = rng.uniform(0.3, 0.7, (2, 4, 2))
    cut = patches(torch.from_numpy(maps), torch.from_numpy(points))
    assert cut.shape == (2, 4, 3, 6, 6)
    for film, node, channel in ((0, 0, 0), (1, 3, 2), (0, 2, 1)):
        x, y = points[film, node] * (24, 20) - 0.5
        rows, columns = np.mgrid[:6, :6] - 2.5
        wanted = map_coordinates(maps[film, channel], [rows + y, columns + x], order=1)
        np.testing.assert_allclose(cut[film, node, channel].numpy(), wanted, atol=1e-6)


@settings(max_examples=20)
@given(st.integers(2, 9), st.floats(0.1, 4), st.integers(0, 10**6))
def test_sinkhorn_is_doubly_stochastic(size, spread, seed):
    scores = torch.randn(3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * spread
    found = log_sinkhorn(scores, 200).exp()
    torch.testing.assert_close(found.sum(1), torch.ones(3, size, dtype=torch.float64))
    torch.testing.assert_close(found.sum(2), torch.ones(3, size, dtype=torch.float64), atol=0.02, rtol=0)


def test_twenty_rounds_are_enough_for_normalised_scores():
    scores = torch.randn(50, 8, 8)
    found = log_sinkhorn(scores).exp()
    torch.testing.assert_close(found.sum(1), torch.ones(50, 8))
    torch.testing.assert_close(found.sum(2), torch.ones(50, 8), atol=0.01, rtol=0)


def test_sinkhorn_of_a_clear_match_is_that_permutation():
    order = torch.randperm(8)
    scores = torch.nn.functional.one_hot(order, 8).float()[None] * 30
    assert log_sinkhorn(scores)[0].argmax(1).tolist() == order.tolist()


def test_an_edge_convolution_is_the_greatest_over_the_nearest():
    layer = EdgeConvolution(3, 8, neighbours=3)
    nodes = torch.randn(1, 8, 3)
    near = torch.cdist(nodes, nodes)[0].argsort(1)[:, :3]
    edges = torch.stack([torch.cat([nodes[0, i].expand(3, 3), nodes[0, near[i]] - nodes[0, i]], 1) for i in range(8)])
    values = torch.nn.functional.leaky_relu(layer.norm(layer.layer(edges.permute(2, 0, 1)[None])), 0.2)
    torch.testing.assert_close(layer(nodes)[0], values[0].amax(2).T)


def test_the_graph_of_the_paper_has_1024_channels_a_node():
    graph = BehaviourGraph(100)
    assert graph.width == 1024
    assert graph(torch.randn(2, 8, 100)).shape == (2, 8, 1024)


def test_a_graph_convolution_follows_its_equation():
    layer = GraphConvolution(4)
    x = torch.randn(1, 5, 4)
    q = x[0] @ layer.attend.weight.T
    adjacency = torch.softmax(q @ q.T / 2, 1)
    wanted = adjacency @ torch.relu(layer.neighbours(x[0])) + torch.relu(layer.own(x[0]))
    torch.testing.assert_close(layer(x)[0], wanted)


def test_matching_does_not_depend_on_the_order_of_nodes():
    matching = BehaviourMatching(6, 12).eval()
    first, second = torch.randn(1, 8, 6), torch.randn(1, 8, 6)
    order = torch.randperm(8)
    plain, moved = matching(first, second), matching(first[:, order], second)
    torch.testing.assert_close(plain[:, order], moved, atol=1e-4, rtol=1e-4)


def branch(**parts):
    return BehaviourBranch(5, (8, 8), 8, 16, **parts)


@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("matching", [True, False])
def test_the_loss_of_matching_moves_the_predicted_points(graph, matching):
    network = branch(graph=graph, matching=matching)
    logits, features = torch.randn(2, 16, 16), torch.randn(2, 5, 16, 16)
    predicted = torch.rand(2, 8, 2) * 0.6 + 0.2
    predicted.requires_grad_()
    true = torch.rand(2, 8, 2) * 0.6 + 0.2
    found = network(logits, features, predicted, true)
    assert found.shape == (2, 8, 8)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(2, 8))
    (-found.diagonal(dim1=1, dim2=2).mean()).backward()
    assert (predicted.grad.abs().amax((1, 2)) > 1e-6).all()
    assert all(one.grad is not None for one in network.parameters())


def test_the_gradient_at_a_point_is_that_of_differences():
    nodes = NodeVectors(2, 4).double()
    logits, features = torch.randn(1, 16, 16).double(), torch.randn(1, 2, 16, 16).double()
    points = torch.tensor([[[0.41, 0.63]]], dtype=torch.float64, requires_grad=True)
    (value,) = nodes(logits, features, points)
    value.square().sum().backward()
    step = 1e-3
    for axis in range(2):
        moved = [points.detach().clone() for _ in range(2)]
        moved[0][..., axis] += step
        moved[1][..., axis] -= step
        ahead, behind = (nodes(logits, features, one)[0].detach().square().sum() for one in moved)
        difference = float((ahead - behind) / (2 * step))
        assert float(points.grad[0, 0, axis]) == pytest.approx(difference, rel=0.05, abs=0.05)
