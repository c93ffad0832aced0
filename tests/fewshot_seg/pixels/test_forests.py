"""Forests on pixels."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.fewshot_seg.pixels.forests import PixelForest


def data(count=400):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, 5)).astype(np.float32)
    return values, values[:, 1] > 0, np.ones(count, np.float32)


def test_a_forest_learns_a_threshold():
    values, labels, weights = data()
    forest = PixelForest(values, labels, weights, seed=0, trees=20)
    assert ((forest.probability(values) > 0.5) == labels).mean() > 0.95


@pytest.mark.parametrize("label", [True, False])
def test_where_all_are_the_same_every_answer_is(label):
    values, _, weights = data(30)
    forest = PixelForest(values, np.full(30, label), weights, seed=0)
    np.testing.assert_array_equal(forest.probability(values), float(label))
    assert forest.leaves(values, 20).shape[0] == 30


def test_no_pixels_means_no_class():
    forest = PixelForest(np.zeros((0, 5), np.float32), np.zeros(0, np.bool_), np.zeros(0, np.float32), seed=0)
    np.testing.assert_array_equal(forest.probability(np.ones((3, 5), np.float32)), 0)


def test_no_two_trees_share_a_leaf():
    values, labels, weights = data()
    forest = PixelForest(values, labels, weights, seed=0, trees=8)
    leaves = forest.leaves(values, 6)
    assert leaves.shape == (400, 6)
    seen = [set(column.tolist()) for column in leaves.T]
    assert sum(map(len, seen)) == len(set.union(*seen))


def test_pixels_of_one_leaf_have_one_answer():
    values, labels, weights = data()
    forest = PixelForest(values, labels, weights, seed=0, trees=1)
    leaves, probability = forest.leaves(values, 1)[:, 0], forest.probability(values)
    for leaf in set(leaves.tolist()):
        assert len(set(probability[leaves == leaf].tolist())) == 1
