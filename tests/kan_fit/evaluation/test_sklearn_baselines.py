"""The baselines of every fit and every classifier."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vision_cli.kan_fit.evaluation.sklearn_baselines import (
    classifier_scores,
    fit_baseline_classifiers,
    fit_baseline_regressors,
)
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.tables.splits import split_rows


def test_regressors_are_scored_on_validation_and_test_rows():
    inputs = np.random.default_rng(0).uniform(-1, 1, (200, 1))
    target = 100 + 10 * inputs[:, 0]
    split = split_rows(200, 0.2, 0.2, 0)
    test = inputs[split.test], target[split.test]
    perceptron, trees, ridge, mean = fit_baseline_regressors(inputs, target, split, test, 0)
    assert perceptron.name.startswith("MLP 64-64")
    # Weights and biases of 1-64-64-1.
    assert perceptron.parameters == 2 * 64 + 64 * 65 + 65
    assert trees.parameters is None
    assert max(perceptron.val_rmse, perceptron.test_rmse) < 0.5
    assert max(trees.val_rmse, trees.test_rmse) < 2
    assert (ridge.name, ridge.parameters) == ("ridge regression", 2)
    assert ridge.test_rmse < 0.01
    assert mean.test_rmse == pytest.approx(np.sqrt(np.mean((test[1] - target[split.train].mean()) ** 2)))


def test_large_images_are_reduced_for_classifiers():
    labels = np.arange(40) % 2
    pixels = np.zeros((40, 20, 18, 3), np.uint8)
    pixels[labels == 1, :, 9:] = 255
    images = Images(pixels, labels, tuple(map(str, range(40))))
    scores = fit_baseline_classifiers(images, images, 0)
    assert [one.name.split(",")[-1].strip() for one in scores] == ["16 x 16 grey)"] * 2
    # Inputs are 16 x 16 grey pixels, the output is one logit.
    assert scores[0].parameters == 257 * 64 + 65 * 64 + 65
    assert scores[0].test_accuracy == 1


def test_scores_of_probabilities():
    found = classifier_scores("m", 3, np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1]), 1.5)
    assert (found.test_accuracy, found.seconds) == (1.0, 1.5)
    assert found.test_nll == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)
