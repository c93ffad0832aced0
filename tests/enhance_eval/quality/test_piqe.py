"""PIQE against a block-by-block computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.enhance_eval.quality.natural_scenes import normalised
from vision_cli.enhance_eval.quality.piqe import piqe


def block_by_block(picture):
    grey = np.rint(255 * (picture @ np.array([0.299, 0.587, 0.114])))
    grey = np.pad(grey, [(0, -side % 16) for side in grey.shape], mode="symmetric")
    coefficients = normalised(grey)[0]
    total, active = 0.0, 0
    for row in range(0, grey.shape[0], 16):
        for column in range(0, grey.shape[1], 16):
            block = coefficients[row : row + 16, column : column + 16]
            variance = block.var(ddof=1)
            if variance <= 0.1:
                continue
            active += 1
            edges = [block[0], block[15], block[:, 0], block[:, 15]]
            if any(edge[k : k + 6].std(ddof=1) < 0.1 for edge in edges for k in range(11)):
                total += 1 - variance
            centre = np.concatenate([block[:, 7], block[:, 8]]).std(ddof=1)
            surround = np.delete(np.delete(block, 7, axis=1), 8, axis=1).std(ddof=1)
            ratio = centre / surround if surround > 0 else 0.0
            sigma = math.sqrt(variance)
            if sigma > 2 * abs(sigma - ratio) / max(sigma, ratio):
                total += variance
    return 100 * (total + 1) / (active + 1)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), height=st.integers(16, 60), width=st.integers(16, 60), noise=st.floats(0, 0.2))
def test_it_is_the_sum_over_blocks(seed, height, width, noise):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    base = 0.5 + 0.4 * np.sin(rows / 3) * (columns > width / 2)
    picture = np.clip(base[..., None] + rng.normal(0, noise, (height, width, 3)), 0, 1).astype(np.float32)
    assert piqe(picture) == pytest.approx(block_by_block(picture), rel=1e-9)


def test_noise_scores_worse_than_a_gradient():
    rows = np.repeat(np.linspace(0, 1, 64)[:, None], 64, axis=1)[..., None].repeat(3, axis=2).astype(np.float32)
    noisy = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    assert piqe(noisy) > 50
    assert piqe(np.zeros((64, 64, 3), dtype=np.float32)) == 100
    assert 0 <= piqe(rows) <= 100
    assert math.isnan(piqe(rows[:15]))
