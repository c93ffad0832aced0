"""Features of pixels, against scikit-image, SciPy and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import skimage.color
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision_cli.fewshot_seg.pixels.features import (
    CLASSIC_COUNT,
    COUNT,
    all_features,
    classic_features,
    lab,
    positions,
)


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    smooth = scipy.ndimage.gaussian_filter(rng.random((80, 90, 3)), (3, 3, 0))
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)


def test_there_are_as_many_as_stated_and_the_classic_ones_come_first(picture):
    assert classic_features(picture).shape == (80, 90, CLASSIC_COUNT) == (80, 90, 27)
    everything = all_features(picture)
    assert everything.shape == (80, 90, COUNT) == (80, 90, 52)
    np.testing.assert_array_equal(everything[..., :CLASSIC_COUNT], classic_features(picture))


def test_lab_is_that_of_scikit_image(picture):
    np.testing.assert_allclose(50 * lab(picture), skimage.color.rgb2lab(picture), atol=0.4)


def test_blurs_are_gaussians_of_scipy(picture):
    found = classic_features(picture)[..., 3:15]
    for place, width in enumerate((1, 2, 4, 8)):
        expected = scipy.ndimage.gaussian_filter(lab(picture), (width, width, 0), mode="mirror", truncate=4)
        np.testing.assert_allclose(found[..., 3 * place : 3 * place + 3], expected, atol=2e-3)


@settings(max_examples=10)
@given(arrays(np.uint8, st.tuples(st.integers(24, 40), st.integers(24, 40), st.just(3))))
def test_features_of_any_picture_are_finite(picture):
    assert np.isfinite(all_features(picture)).all()


def test_a_flat_picture_has_no_texture():
    found = all_features(np.full((40, 40, 3), 120, np.uint8))
    np.testing.assert_allclose(found[..., 15:20], 0, atol=1e-4)
    np.testing.assert_allclose(found[..., 23:27], 0, atol=1e-4)
    np.testing.assert_allclose(found[..., 42:48], 0, atol=1e-4)


def test_standardised_colours_do_not_depend_on_the_contrast_in_lab(picture):
    first, second = (all_features(values)[..., 36:42] for values in (picture, _flattened(picture)))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.99
    assert np.abs(first - second).mean() < 0.15


def test_positions_run_from_corner_to_corner():
    places = positions(5, 9)
    np.testing.assert_allclose(places[0, 0], (0, 0))
    np.testing.assert_allclose(places[-1, -1], (1, 1))
    np.testing.assert_allclose(places[2, 4], (0.5, 0.5))


def _flattened(picture):
    colours = skimage.color.rgb2lab(picture)
    median = np.median(colours, axis=(0, 1))
    return np.rint(skimage.color.lab2rgb(median + 0.7 * (colours - median)) * 255).astype(np.uint8)
