from __future__ import annotations

import math

import numpy as np
import pytest

from vision_cli.enhance_eval.evaluation.bins import (
    DARKNESS,
    NOISE,
    darkness_bins,
    mean_luma,
    noise_level,
    noise_tertiles,
)
from vision_cli.enhance_eval.pipeline.consistency import as_truth
from vision_cli.enhance_eval.values import Detections


def test_luma_of_colours():
    picture = np.zeros((4, 4, 3), np.float32)
    picture[..., 1] = 1
    assert mean_luma(picture) == pytest.approx(255 * 0.587)
    assert mean_luma(np.ones((4, 4, 3), np.float32)) == pytest.approx(255)


def test_bins_of_darkness_include_their_lower_ends():
    found = darkness_bins(np.array([0, 15.9, 16, 31.9, 32, 63.9, 64, 255]))
    assert [DARKNESS[place] for place in found] == ["<16", "<16", "16-32", "16-32", "32-64", "32-64", ">=64", ">=64"]


@pytest.mark.parametrize("sigma", [2.0, 8.0, 20.0])
def test_noise_is_estimated_over_planes_and_edges(sigma):
    y, x = np.mgrid[:256, :256]
    scene = 90 + 0.2 * x + 0.1 * y + 30 * (x > 120)
    noisy = scene + np.random.default_rng(0).normal(0, sigma, scene.shape)
    picture = np.repeat((noisy / 255)[..., None], 3, axis=2).astype(np.float32)
    assert noise_level(picture) == pytest.approx(sigma, rel=0.1)


def test_a_plane_has_no_noise_and_a_speck_none_to_see():
    assert noise_level(np.full((8, 8, 3), 0.5, np.float32)) == pytest.approx(0, abs=1e-4)
    assert math.isnan(noise_level(np.zeros((2, 2, 3), np.float32)))


def test_thirds_of_the_images_by_noise():
    levels = np.random.default_rng(0).permutation(30).astype(float)
    found = noise_tertiles(levels)
    assert np.bincount(found).tolist() == [10, 10, 10]
    assert all(levels[found == place].max() < levels[found == place + 1].min() for place in range(len(NOISE) - 1))
    assert noise_tertiles(np.array([1.0, np.nan, 9.0])).tolist() == [0, -1, 2]
    assert noise_tertiles(np.array([np.nan])).tolist() == [-1]


def test_detections_of_a_reference_become_objects():
    corners = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = as_truth(Detections(corners, np.float32([0.9, 0.5, 0.4]), np.array([3, 1, 2])))
    np.testing.assert_array_equal(found.corners, corners[:2])
    assert found.labels.tolist() == [3, 1]
    assert not found.ignored.any()
