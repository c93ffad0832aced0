"""The losses are their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from vision_cli.pcd_anomaly.model.losses import cluster_means, inter_cluster_uniformity, intra_cluster_alignment, push


def unit(count, width, seed=0):
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_iun_is_the_formula_and_zero_where_all_clusters_are_equal():
    means = unit(6, 4)
    total = sum(
        math.exp(-2 * float((means[k] - means[m]).square().sum())) for k in range(6) for m in range(6) if k != m
    )
    assert float(inter_cluster_uniformity(means)) == pytest.approx(math.log(total / 30), rel=1e-5)
    assert float(inter_cluster_uniformity(means[:1].expand(5, -1))) == pytest.approx(0, abs=1e-5)


def test_iun_of_opposite_poles_is_minus_eight():
    poles = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]])
    assert float(inter_cluster_uniformity(poles)) == pytest.approx(-8)


def test_ian_is_the_formula_and_no_gradient_runs_into_centroids():
    z, centroids, again = unit(5, 3, 1).requires_grad_(), unit(5, 3, 2).requires_grad_(), unit(5, 3, 3)
    loss = intra_cluster_alignment(z, centroids, again)
    expected = (z - centroids).square().sum(1).mean() + (z - again).square().sum(1).mean()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()))
    loss.backward()
    assert centroids.grad is None


def test_push_is_zero_beyond_the_margin_and_its_square_at_the_centroid():
    z = unit(4, 3)
    assert float(push(z, -z)) == 0
    assert float(push(z, z)) == pytest.approx(0.25, rel=1e-4)


def test_cluster_means_are_unit_vectors_of_the_clusters_that_occur():
    z = unit(6, 3)
    means = cluster_means(z, torch.tensor([0, 0, 2, 2, 2, 0]), 4)
    assert means.shape == (2, 3)
    assert torch.allclose(means[1], F.normalize(z[2:5].mean(0), dim=0))
