"""Natural scene statistics: coefficients, halving, and fits to samples of known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import gennorm

from vision_cli.enhance_eval.quality import natural_scenes as scenes


def test_coefficients_are_those_of_a_gaussian_window():
    levels = np.random.default_rng(0).uniform(0, 255, (20, 31))
    options = {"sigma": 7 / 6, "radius": 3, "mode": "nearest"}
    mean = gaussian_filter(levels, **options)
    deviation = np.sqrt(np.abs(gaussian_filter(levels**2, **options) - mean**2))
    coefficients, found = scenes.normalised(levels)
    np.testing.assert_allclose(found, deviation, atol=1e-6)
    np.testing.assert_allclose(coefficients, (levels - mean) / (deviation + 1), atol=1e-6)


def test_halving_is_the_bicubic_reduction_of_pillow_away_from_the_border():
    from PIL import Image

    levels = np.random.default_rng(0).uniform(0, 255, (40, 52)).astype(np.float32)
    expected = np.asarray(Image.fromarray(levels).resize((26, 20), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(scenes.halved(levels.astype(float))[2:-2, 2:-2], expected[2:-2, 2:-2], atol=1e-2)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0, 3.5])
def test_symmetric_fits_find_shape_and_deviation(shape):
    samples = gennorm.rvs(shape, scale=2.0, size=(3, 40_000), random_state=0)
    shapes, deviations = scenes.symmetric_fits(samples)
    np.testing.assert_allclose(shapes, shape, rtol=0.06)
    np.testing.assert_allclose(deviations, gennorm.std(shape, scale=2.0), rtol=0.03)


@pytest.mark.parametrize(("shape", "left", "right"), [(1.0, 1.0, 3.0), (2.0, 2.0, 1.0), (0.8, 1.0, 1.0)])
def test_asymmetric_fits_find_shape_and_both_sides(shape, left, right):
    rng = np.random.default_rng(0)
    magnitude = np.abs(gennorm.rvs(shape, size=60_000, random_state=1))
    is_left = rng.random(60_000) < left / (left + right)
    samples = np.where(is_left, -left, right) * magnitude
    shapes, lefts, rights = scenes.asymmetric_fits(samples[None])
    assert shapes[0] == pytest.approx(shape, rel=0.06)
    scale = scenes.scale_factor(shapes)[0]
    assert lefts[0] * scale == pytest.approx(left, rel=0.05)
    assert rights[0] * scale == pytest.approx(right, rel=0.05)
    mean = (rights - lefts)[0] * scale * scenes.mean_factor(shapes)[0]
    assert mean == pytest.approx(samples.mean(), abs=0.05)


def test_a_constant_has_finite_fits():
    for fit in (scenes.asymmetric_fits, scenes.symmetric_fits):
        assert all(np.isfinite(one).all() for one in fit(np.zeros((2, 50))))
