"""Embeddings without a network, and the entries of the memory bank at a place."""

from __future__ import annotations

import numpy as np
import torch

from vision_cli.pcd_anomaly.model.embedding import MemoryBank, TrainedHead


def test_without_a_network_vectors_are_standardised_and_divided_by_the_root_of_their_width():
    vectors = np.random.default_rng(0).normal(3, 2, (500, 4)).astype(np.float32)
    head = TrainedHead(None, vectors.mean(axis=0), vectors.std(axis=0), ())
    embedded = head.embed(vectors)
    assert torch.allclose(embedded.mean(dim=0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(embedded.square().sum(dim=1).mean(), torch.tensor(1.0), atol=1e-3)


def test_groups_are_compared_with_entries_at_the_same_place():
    bank = MemoryBank(torch.tensor([[0.0], [5.0]]), torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]))
    here = np.array([[0.01, 0, 0], [0.99, 0, 0]])
    assert bank.distances(torch.tensor([[1.0], [1.0]]), here).tolist() == [1.0, 4.0]


def test_a_selection_without_entries_is_the_whole_bank():
    bank = MemoryBank(torch.arange(3.0)[:, None], torch.zeros(3, 3))
    assert bank.select(np.array([False, True, True])).vectors.ravel().tolist() == [1.0, 2.0]
    assert len(bank.select(np.zeros(3, bool)).vectors) == 3
