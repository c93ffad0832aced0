"""What a picture looks like by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.measure import shannon_entropy

from vision_cli.enhance_eval.quality import appearance


def grey(level, shape=(20, 30)):
    return np.full((*shape, 3), level, dtype=np.float32)


def test_a_flat_picture():
    flat = grey(0.5)
    assert appearance.mean_luma(flat) == pytest.approx(127.5)
    for measure in (
        appearance.contrast,
        appearance.entropy,
        appearance.colourfulness,
        appearance.average_gradient,
        appearance.noise,
        appearance.clipped_share,
        appearance.crushed_share,
    ):
        assert measure(flat) == pytest.approx(0, abs=1e-6), measure.__name__


def test_entropy_is_that_of_scikit_image():
    picture = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
    levels = np.rint(255 * (picture @ np.array([0.299, 0.587, 0.114])))
    assert appearance.entropy(picture) == pytest.approx(shannon_entropy(levels))


@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_noise_on_a_slope_is_found(sigma):
    rng = np.random.default_rng(0)
    slope = np.linspace(60, 180, 200)[:, None] + np.zeros((200, 200))
    picture = np.repeat((slope + rng.normal(0, sigma, slope.shape))[..., None] / 255, 3, axis=2)
    assert appearance.noise(picture.astype(np.float32)) == pytest.approx(sigma, rel=0.03)


def test_a_slope_has_its_gradient():
    rows = np.arange(50)[:, None] * 2.0 + np.zeros((50, 40))
    picture = np.repeat(rows[..., None] / 255, 3, axis=2).astype(np.float32)
    assert appearance.average_gradient(picture) == pytest.approx(2 / math.sqrt(2), rel=1e-4)


def test_shares_of_white_and_black():
    picture = grey(0.5, (2, 4))
    picture[0, 0] = [1, 0, 0]
    picture[1, 2:] = 0
    assert appearance.clipped_share(picture) == 1 / 8
    assert appearance.crushed_share(picture) == 2 / 8


def test_colours_are_colourful():
    rng = np.random.default_rng(0)
    colours = rng.random((30, 30, 3), dtype=np.float32)
    assert appearance.colourfulness(colours) > appearance.colourfulness(0.3 * colours + 0.3) > 10


def test_too_small_pictures_have_no_gradient_or_noise():
    assert math.isnan(appearance.noise(grey(0.5, (2, 9))))
    assert math.isnan(appearance.average_gradient(grey(0.5, (1, 9))))
