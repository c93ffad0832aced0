"""The lightness order error against the comparison of all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.enhance_eval.quality.lightness_order import loe


def all_pairs(picture, source):
    """Compute it as it is defined: local maxima by hand, every sample with every other."""

    def samples(one):
        grey = np.rint(255 * one.max(axis=2)).astype(int)
        height, width = grey.shape
        step = max(1, min(height, width) // 50)
        rows = [step * (k + 1) - 1 for k in range(height // step)]
        columns = [step * (k + 1) - 1 for k in range(width // step)]
        return np.array(
            [[grey[max(r - 7, 0) : r + 8, max(c - 7, 0) : c + 8].max() for c in columns] for r in rows]
        ).ravel()

    after, before = samples(picture), samples(source)
    different = (before[:, None] <= before[None]) != (after[:, None] <= after[None])
    return different.sum(axis=1).mean()


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), height=st.integers(1, 60), width=st.integers(1, 60), levels=st.integers(2, 256))
def test_it_is_the_comparison_of_all_pairs(seed, height, width, levels):
    rng = np.random.default_rng(seed)
    picture, source = (
        (rng.integers(0, levels, (height, width, 3)) / np.float32(levels - 1)).astype(np.float32) for _ in range(2)
    )
    assert loe(picture, source) == pytest.approx(all_pairs(picture, source))


def test_samples_lie_a_fiftieth_apart():
    rng = np.random.default_rng(0)
    picture, source = (rng.random((110, 163, 3), dtype=np.float32) for _ in range(2))
    assert loe(picture, source) == pytest.approx(all_pairs(picture, source))


def test_a_rising_curve_changes_no_order():
    source = (np.arange(100 * 120).reshape(100, 120, 1) // 50 % 100 / np.float32(255)).repeat(3, axis=2)
    assert loe(np.clip(2 * source, 0, 1), source) == 0
    assert loe(1 - source, source) > 0
