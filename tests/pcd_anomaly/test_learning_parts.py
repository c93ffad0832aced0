"""Losses, head, encoder, bank and centres, against their formulas, known optima and other libraries."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from vision_cli.core.errors import MissingError
from vision_cli.pcd_anomaly.model.head import GroupSet, TrainedHead, _new_head, balanced_kmeans, train_head
from vision_cli.pcd_anomaly.model.losses import cluster_means, inter_cluster_uniformity, intra_cluster_alignment, push
from vision_cli.pcd_anomaly.model.networks import PointMAE, load_point_mae
from vision_cli.pcd_anomaly.options import HeadOptions
from vision_cli.pcd_anomaly.scoring.agcs import indicator_weights, select_centres
from vision_cli.pcd_anomaly.scoring.bank import greedy_coreset, nearest_in_bank, projected
from vision_cli.pcd_anomaly.surfaces.farthest import farthest_points


def unit(count, width, seed=0):
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_iun_is_the_formula_and_nought_where_all_clusters_are_one():
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


def test_push_is_nought_beyond_the_margin_and_its_square_at_the_centroid():
    z = unit(4, 3)
    assert float(push(z, -z)) == 0
    assert float(push(z, z)) == pytest.approx(0.25, rel=1e-4)


def test_cluster_means_are_unit_vectors_of_the_clusters_that_occur():
    z = unit(6, 3)
    means = cluster_means(z, torch.tensor([0, 0, 2, 2, 2, 0]), 4)
    assert means.shape == (2, 3)
    assert torch.allclose(means[1], F.normalize(z[2:5].mean(0), dim=0))


def test_kmeans_clusters_are_balanced():
    rows = torch.cat([torch.randn(900, 2), torch.randn(100, 2) + 8])
    label, centroids = balanced_kmeans(rows, 10, torch.Generator().manual_seed(0))
    sizes = torch.bincount(label, minlength=10)
    assert len(centroids) == 10
    assert sizes.min() > 20
    assert sizes.max() < 320


def groups(count=600, width=8):
    generator = np.random.default_rng(0)
    centres = generator.uniform(size=(count, 3)).astype(np.float32)
    vectors = np.hstack([centres, generator.normal(0, 0.1, (count, width - 3))]).astype(np.float32)
    again = vectors + generator.normal(0, 0.02, vectors.shape).astype(np.float32)
    return GroupSet(vectors, again, centres, np.zeros(count, np.int64), vectors[:50] + 1, centres[:50])


def test_training_lowers_the_loss_and_is_the_same_twice():
    options = HeadOptions(clusters=8, batch=256)
    first, second = (train_head(groups(), options, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.history[-1] < first.history[0] - 0.5
    assert first.history == second.history
    z = first.network(torch.from_numpy(groups().vectors))
    assert torch.allclose(z.norm(dim=1), torch.ones(600))


def test_a_head_keeps_how_far_a_group_is_off_and_moves_nothing_before_it_is_trained():
    made, options = groups(), HeadOptions(clusters=8, steps=60, batch=256)
    trained = train_head(made, options, torch.Generator().manual_seed(3))
    bare = train_head(made, replace(options, steps=0), torch.Generator().manual_seed(3))
    new = TrainedHead(_new_head(8, torch.Generator().manual_seed(3)), bare.mean, bare.scale, ())
    assert torch.allclose(new.embed(made.vectors), bare.embed(made.vectors))
    far = made.vectors[:20] + 50 * bare.scale
    assert torch.cdist(trained.embed(far), trained.embed(made.vectors)).min() > 10


def test_a_loss_that_is_not_finite_falls_back_to_plain_vectors():
    bad = groups()
    bad.vectors[:] = np.nan
    head = train_head(bad, HeadOptions(clusters=8, steps=5, batch=64), torch.Generator().manual_seed(0))
    assert head.network is None


def test_a_checkpoint_in_the_published_layout_loads_and_a_wrong_one_names_what_is_missing(tmp_path):
    network = PointMAE()
    state = {f"module.MAE_encoder.{name}": value for name, value in network.state_dict().items()}
    torch.save({"base_model": state}, tmp_path / "good.pth")
    loaded = load_point_mae(tmp_path / "good.pth")
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), loaded.state_dict().values(), strict=True)
    )
    del state["module.MAE_encoder.blocks.blocks.3.attn.qkv.weight"]
    torch.save({"base_model": state}, tmp_path / "bad.pth")
    with pytest.raises(MissingError, match=r"1 tensors missing.*blocks\.blocks\.3\.attn\.qkv\.weight \(missing\)"):
        load_point_mae(tmp_path / "bad.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(MissingError, match="cannot be read as a checkpoint"):
        load_point_mae(tmp_path / "text.pth")


def test_tokens_of_point_mae_are_three_blocks_wide():
    network = PointMAE(width=48, depth=4, heads=2, taps=(1, 3)).eval()
    assert network(torch.randn(1, 5, 16, 3), torch.randn(1, 5, 3)).shape == (1, 5, 96)


def test_a_coreset_covers_all_rows_as_well_as_its_radius_says():
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32))
    chosen = greedy_coreset(vectors, 60)
    assert len(set(chosen.tolist())) == 60
    radius = torch.cdist(vectors, vectors[chosen]).min(dim=1).values.max()
    apart = torch.cdist(vectors[chosen], vectors[chosen]).fill_diagonal_(math.inf).min()
    # Greedy k-centre: what is chosen lies at least as far apart as anything is from it.
    assert apart >= radius - 1e-3


def test_wide_vectors_are_projected_so_that_their_distances_stay():
    wide = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 1152)).astype(np.float32))
    found = projected(wide)
    assert found.shape == (40, 128)
    pairs = torch.triu_indices(40, 40, 1)
    ratio = (torch.cdist(found, found) / torch.cdist(wide, wide))[pairs[0], pairs[1]]
    assert abs(float(ratio.mean()) - 1) < 0.02
    assert float(ratio.std()) < 0.1
    assert torch.equal(projected(found), found)


def test_nearest_in_the_bank_agrees_with_scikit_learn():
    generator = np.random.default_rng(1)
    queries, bank = (generator.normal(size=(n, 6)).astype(np.float32) for n in (3000, 200))
    distance, number = nearest_in_bank(torch.from_numpy(queries), torch.from_numpy(bank))
    expected, place = NearestNeighbors(n_neighbors=1).fit(bank).kneighbors(queries)
    assert np.allclose(distance.numpy(), expected[:, 0], atol=1e-3)
    assert (number.numpy() == place[:, 0]).mean() > 0.999


def test_the_gate_keeps_queries_to_their_own_place():
    bank, places = torch.tensor([[0.0], [5.0]]), torch.tensor([[0.0, 0, 0], [1.0, 0, 0]])
    distance, number = nearest_in_bank(torch.tensor([[0.0]]), bank, torch.tensor([[1.0, 0, 0]]), places, 0.5)
    assert (float(distance), int(number)) == (5.0, 1)


def test_farthest_points_spread_evenly():
    points = np.random.default_rng(0).uniform(size=(4000, 3))
    chosen = farthest_points(points, 100)
    nearest = NearestNeighbors(n_neighbors=2).fit(points[chosen]).kneighbors(points[chosen])[0][:, 1]
    assert nearest.min() > 0.6 * nearest.mean()


def test_hot_places_get_eight_centres_at_least_and_many_more_than_their_share():
    points = np.random.default_rng(0).uniform(size=(5000, 3)) * [1, 1, 0]
    hot = np.linalg.norm(points - [0.5, 0.5, 0], axis=1) < 0.05
    plain = select_centres(points, 200, None, 0.02)
    drawn = select_centres(points, 200, np.where(hot, 5.0, 0.1) + 0.01 * points[:, 0], 0.02)
    assert hot[drawn].sum() >= max(8, 3 * hot[plain].sum())
    assert len(np.unique(drawn)) == len(drawn)


def test_an_unknown_indicator_has_no_weight():
    assert indicator_weights(np.array([0.0, 1.0, 2.0, np.nan, 100.0]))[[3, 4]].tolist() == [1.0, 11.0]
