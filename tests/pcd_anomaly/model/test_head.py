"""Training of the head: clusters, descent, fallback."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from vision_cli.pcd_anomaly.model.embedding import TrainedHead
from vision_cli.pcd_anomaly.model.head import GroupSet, _new_head, balanced_kmeans, train_head
from vision_cli.pcd_anomaly.options import HeadOptions


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


def test_embeddings_keep_large_deviations_and_an_untrained_head_changes_nothing():
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
