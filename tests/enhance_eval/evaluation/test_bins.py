from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.evaluation.bins import (
    DARKNESS,
    NOISE,
    darkness_bins,
    noise_tertiles,
)


def test_bins_of_darkness_include_their_lower_ends():
    found = darkness_bins(np.array([0, 15.9, 16, 31.9, 32, 63.9, 64, 255]))
    assert [DARKNESS[place] for place in found] == ["<16", "<16", "16-32", "16-32", "32-64", "32-64", ">=64", ">=64"]


def test_thirds_of_the_images_by_noise():
    levels = np.random.default_rng(0).permutation(30).astype(float)
    found = noise_tertiles(levels)
    assert np.bincount(found).tolist() == [10, 10, 10]
    assert all(levels[found == place].max() < levels[found == place + 1].min() for place in range(len(NOISE) - 1))
    assert noise_tertiles(np.array([1.0, np.nan, 9.0])).tolist() == [0, -1, 2]
    assert noise_tertiles(np.array([np.nan])).tolist() == [-1]
