"""PSNR and SSIM against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vision_cli.metrics.image_quality import psnr, ssim

SAME = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}


def pair(seed, shape):
    """Return a picture of smooth and rough parts, and one that differs by gain, offset and noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    base = 0.5 + 0.4 * np.sin(rows / rng.uniform(1, 20)) * np.cos(columns / rng.uniform(1, 20))
    reference = base[..., None] * rng.uniform(0.2, 1, 3) + rng.normal(0, rng.uniform(0, 0.2), (*shape, 3))
    picture = reference * rng.uniform(0.2, 1.5) + rng.normal(0, rng.uniform(0.001, 0.3), (*shape, 3))
    return tuple(np.clip(one, 0, 1).astype(np.float32) for one in (picture, reference))


def assert_as_scikit_image(picture, reference):
    expected = peak_signal_noise_ratio(reference.astype(float), picture.astype(float), data_range=1)
    assert psnr(picture, reference) == pytest.approx(expected, abs=0.01)
    colour = structural_similarity(picture.astype(float), reference.astype(float), channel_axis=2, **SAME)
    assert ssim(picture, reference) == pytest.approx(colour, abs=1e-4)
    grey = structural_similarity(picture[..., 1].astype(float), reference[..., 1].astype(float), **SAME)
    assert ssim(picture[..., 1], reference[..., 1]) == pytest.approx(grey, abs=1e-4)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), height=st.integers(11, 40), width=st.integers(11, 40))
def test_both_are_those_of_scikit_image(seed, height, width):
    assert_as_scikit_image(*pair(seed, (height, width)))


@pytest.mark.slow
def test_both_are_those_of_scikit_image_on_500_pictures():
    rng = np.random.default_rng(1)
    for seed in range(500):
        assert_as_scikit_image(*pair(seed, tuple(rng.integers(11, 160, 2))))


def test_equal_pictures():
    picture, _ = pair(0, (20, 20))
    assert psnr(picture, picture) == math.inf
    assert ssim(picture, picture) == pytest.approx(1)


def test_ssim_is_not_defined_below_its_window():
    assert math.isnan(ssim(np.ones((10, 40)), np.ones((10, 40))))
