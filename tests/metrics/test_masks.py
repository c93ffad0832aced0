"""Overlap and boundary of masks, against a reference that goes pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from vision_cli.metrics.masks import MaskCounts, boundary_f, count_masks


def reference(predicted, truth, ignored, tolerance=2.0):
    """Return IoU, background IoU, Dice and boundary F of single pixels and their neighbours."""
    pixels = [(p, t) for p, t, i in zip(predicted.flat, truth.flat, ignored.flat, strict=True) if not i]
    inter, union = sum(p and t for p, t in pixels), sum(p or t for p, t in pixels)
    back, back_union = sum(not (p or t) for p, t in pixels), sum(not (p and t) for p, t in pixels)
    total = sum(map(sum, pixels))

    def contour(mask):
        padded = np.pad(mask, 1, mode="edge")
        places = np.argwhere(mask) + 1
        return np.array([(y, x) for y, x in places if not all(padded[[y - 1, y + 1, y, y], [x, x, x - 1, x + 1]])])

    lines = [contour(predicted).reshape(-1, 2) - 1, contour(truth).reshape(-1, 2) - 1]
    unknown = np.argwhere(ignored)
    counted = [np.array([len(unknown) == 0 or cdist([p], unknown).min() > tolerance for p in s], bool) for s in lines]
    near = [
        np.array([len(o) > 0 and cdist([p], o).min() <= tolerance for p in s], bool) for s, o in (lines, lines[::-1])
    ]
    if not any(c.any() for c in counted):
        f = math.nan if any(map(len, lines)) else float(inter == union)
    else:
        p, r = ((n & c).sum() / c.sum() if c.any() else 0.0 for n, c in zip(near, counted, strict=True))
        f = 2 * p * r / (p + r) if p and r else 0.0
    ratios = (inter / union if union else 1.0), (back / back_union if back_union else 1.0)
    return *ratios, (2 * inter / total if total else 1.0), f


def random_masks(seed):
    """Make two smooth masks that overlap, and unknown pixels; some are empty or full."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 14, 2))
    y, x = np.mgrid[: shape[0], : shape[1]]
    level = rng.choice([0.0, 0.3, 0.6, 2.0], p=[0.1, 0.4, 0.4, 0.1])
    wave = np.sin(x * rng.uniform(0.2, 1) + y * rng.uniform(0.2, 1)) / 2 + 0.5
    masks = [wave + rng.normal(0, 0.1, shape) < level + rng.normal(0, 0.05) for _ in range(2)]
    if rng.random() < 0.15:
        masks[rng.integers(2)] = np.zeros(shape, dtype=bool)
    return *masks, rng.random(shape) < rng.choice([0.0, 0.02, 1.0], p=[0.5, 0.47, 0.03])


def test_measures_equal_a_reference_on_a_thousand_random_pairs():
    kinds = set()
    for seed in range(1000):
        predicted, truth, ignored = random_masks(seed)
        counts = count_masks(predicted, truth, ignored if ignored.any() or seed % 2 else None)
        found = counts.iou, counts.background_iou, counts.dice, boundary_f(predicted, truth, ignored)
        np.testing.assert_allclose(found, reference(predicted, truth, ignored), rtol=1e-12, err_msg=str(seed))
        kinds.add((bool(predicted.any()), bool(truth.any()), bool(ignored.any())))
    assert len(kinds) == 8


def test_counts_add_up():
    first, second = MaskCounts(3, 5, 4, 20), MaskCounts(0, 0, 2, 10)
    total = first + second
    assert total == MaskCounts(3, 5, 6, 30)
    assert (total.union, total.background_both, total.background_union) == (8, 22, 27)


def test_a_contour_two_pixels_away_is_found_and_three_pixels_away_not():
    truth = np.zeros((20, 30), dtype=bool)
    truth[:, :10] = True
    for distance, expected in ((2, 1.0), (3, 0.0)):
        predicted = np.zeros_like(truth)
        predicted[:, : 10 + distance] = True
        assert boundary_f(predicted, truth) == expected


def test_masks_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape expected"):
        count_masks(np.zeros((2, 3), bool), np.zeros((3, 2), bool))
    with pytest.raises(ValueError, match="one shape expected"):
        boundary_f(np.zeros((2, 3), bool), np.zeros((2, 3), bool), np.zeros((3, 2), bool))
