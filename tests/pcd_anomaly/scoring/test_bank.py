"""Coreset and nearest neighbours of the memory bank, against their definitions and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from vision_cli.pcd_anomaly.scoring.bank import greedy_coreset, nearest_in_bank, projected


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


def test_the_size_of_the_steps_changes_no_distance():
    generator = torch.Generator().manual_seed(0)
    queries, bank = torch.randn(500, 8, generator=generator), torch.randn(300, 8, generator=generator)
    places, bank_places = torch.rand(500, 3, generator=generator), torch.rand(300, 3, generator=generator)
    whole = nearest_in_bank(queries, bank, places, bank_places, 0.2)
    parts = nearest_in_bank(queries, bank, places, bank_places, 0.2, rows=64)
    assert np.allclose(whole[0], parts[0], atol=1e-5)
    assert torch.equal(whole[1], parts[1])
