"""Measures against a reference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vision_cli.enhance_eval.quality import full_reference as measures


def pair(seed=0, shape=(24, 30)):
    rng = np.random.default_rng(seed)
    reference = rng.random((*shape, 3), dtype=np.float32)
    return np.clip(reference * 0.5 + rng.normal(0, 0.02, reference.shape), 0, 1).astype(np.float32), reference


def test_equal_pictures_score_best():
    _, reference = pair()
    assert measures.psnr_rgb(reference, reference) == measures.MOST_DB
    assert measures.psnr_gtmean(reference, reference) == measures.MOST_DB
    assert measures.ssim_y(reference, reference) == pytest.approx(1)
    for other in (measures.mae, measures.ciede2000, measures.lightness_error, measures.gmsd):
        assert other(reference, reference) == pytest.approx(0, abs=1e-9)


def test_matching_the_mean_hides_a_wrong_exposure():
    picture, reference = pair()
    assert measures.psnr_gtmean(picture, reference) > measures.psnr_rgb(picture, reference) + 3


def test_psnr_with_the_mean_matched_by_hand():
    picture, reference = pair()
    weights = np.array([0.299, 0.587, 0.114])
    scaled = np.clip(picture * ((reference @ weights).mean() / (picture @ weights).mean()), 0, 1)
    expected = -10 * math.log10(((scaled.astype(float) - reference) ** 2).mean())
    assert measures.psnr_gtmean(picture, reference) == pytest.approx(expected, abs=1e-3)
    black = np.zeros_like(picture)
    assert measures.psnr_gtmean(black, reference) == measures.psnr_rgb(black, reference)


def test_a_difference_of_lightness_alone():
    dark, bright = (np.full((4, 4, 3), level, dtype=np.float32) for level in (0.2, 0.6))
    assert measures.lightness_error(dark, bright) == pytest.approx(63.2228 - 21.2467, abs=0.01)
    assert measures.mae(dark, bright) == pytest.approx(0.4)


def test_gmsd_by_convolution():
    from scipy.ndimage import convolve

    picture, reference = pair()
    weights = np.array([0.299, 0.587, 0.114])
    kernel = np.array([[1, 0, -1]] * 3) / 3

    def magnitude(one):
        small = (255 * (one @ weights)).reshape(12, 2, 15, 2).mean(axis=(1, 3))
        return np.hypot(convolve(small, kernel), convolve(small, kernel.T))[1:-1, 1:-1]

    one, other = magnitude(picture), magnitude(reference)
    expected = ((2 * one * other + 170) / (one**2 + other**2 + 170)).std()
    assert measures.gmsd(picture, reference) == pytest.approx(expected, rel=1e-6)


def test_what_is_too_small_has_no_value():
    tiny = np.ones((3, 9, 3), dtype=np.float32)
    assert math.isnan(measures.gmsd(tiny, tiny))
    assert math.isnan(measures.ssim_rgb(tiny, tiny))
