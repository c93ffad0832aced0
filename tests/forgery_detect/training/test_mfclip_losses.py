"""Tests of `vision_cli.forgery_detect.training.mfclip.losses`."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from vision_cli.forgery_detect.training.mfclip.losses import contrast_loss, prediction_loss


def test_published_contrast_is_the_mean_of_both_diagonals():
    scores = torch.randn(5, 5, dtype=torch.float64)
    found = contrast_loss(scores, torch.zeros(5, dtype=torch.int64), is_soft=False)
    values = scores.numpy()
    rows, columns = (np.diag(log_softmax(values, axis=axis)).mean() for axis in (1, 0))
    np.testing.assert_allclose(found, -0.5 * (rows + columns))


def test_soft_contrast_is_the_published_one_where_all_prompts_differ():
    scores = torch.randn(5, 5)
    torch.testing.assert_close(
        contrast_loss(scores, torch.arange(5), is_soft=True), contrast_loss(scores, torch.arange(5), is_soft=False)
    )


def test_soft_contrast_is_least_where_faces_of_a_prompt_are_alike():
    prompts = torch.tensor([0, 0, 1, 1])
    same = (prompts[:, None] == prompts[None]).float()
    alike, own = 30 * same, 30 * torch.eye(4)
    soft = contrast_loss(alike, prompts, is_soft=True)
    np.testing.assert_allclose(soft, np.log(2), atol=1e-6)
    assert soft < contrast_loss(own, prompts, is_soft=True)


def test_prediction_is_the_divergence_of_scipy():
    texts, predicted = torch.randn(3, 8, dtype=torch.float64) * 30, torch.randn(3, 8, dtype=torch.float64) * 30
    wanted = entropy(softmax(texts.numpy() / 20, axis=1), softmax(predicted.numpy() / 20, axis=1), axis=1).mean()
    np.testing.assert_allclose(prediction_loss(texts, predicted, is_detached=True), 0.5 * 400 * wanted)


def test_texts_learn_of_their_prediction_only_as_published():
    for is_detached in (True, False):
        texts, predicted = torch.randn(2, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
        prediction_loss(texts, predicted, is_detached=is_detached).backward()
        assert (texts.grad is None) == is_detached
        assert predicted.grad.abs().max() > 0
