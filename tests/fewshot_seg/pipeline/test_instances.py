"""Single objects of a mask."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from vision_cli.fewshot_seg.pipeline.instances import split_instances


def discs(size, *circles):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.any([np.hypot(rows - y, columns - x) < radius for y, x, radius in circles], axis=0)


def test_touching_discs_are_told_apart_and_numbered_by_size():
    mask = discs((120, 160), (40, 40, 20), (40, 72, 20), (90, 120, 15), (90, 40, 12))
    found = split_instances(mask)
    assert found.max() == 4
    assert (np.diff(np.bincount(found.ravel())[1:]) <= 0).all()
    assert found[40, 40] != found[40, 72]
    np.testing.assert_array_equal(found > 0, mask)


def test_long_and_bent_objects_stay_whole():
    bent = np.zeros((100, 100), bool)
    bent[10:90, 10:20] = bent[80:90, 10:90] = True
    rows, columns = np.mgrid[:120, :160]
    ellipse = ((rows - 60) / 20) ** 2 + ((columns - 80) / 60) ** 2 < 1
    for mask in (bent, ellipse, np.ones((40, 90), bool)):
        assert split_instances(mask).max() == 1


def test_specks_are_left_out_and_nothing_gives_nothing():
    mask = discs((80, 80), (40, 40, 20))
    mask[2, 2] = True
    assert split_instances(mask)[2, 2] == 0
    assert split_instances(np.zeros((20, 20), bool)).max() == 0


@given(seed=st.integers(0, 1000), level=st.floats(-0.5, 1.5))
@settings(max_examples=20)
def test_objects_lie_within_connected_pieces(seed, level):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64)), 4)
    mask = noise / noise.std() > level
    found = split_instances(mask)
    assert not found[~mask].any()
    pieces, _ = ndimage.label(mask, np.ones((3, 3)))
    for number in range(1, found.max() + 1):
        assert len(np.unique(pieces[found == number])) == 1
