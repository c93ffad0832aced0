"""Heat maps beside masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vision_cli.forgery_detect.evaluation.localisation import Localisation, localise, mean_of


def test_a_map_that_is_the_mask_is_perfect_and_its_opposite_is_nothing():
    mask = np.zeros((112, 112), np.float32)
    mask[20:60, 30:80] = 1
    right, wrong = localise(mask, mask), localise(1 - mask, mask)
    assert (right.pixel_auc, right.is_pointed) == (1.0, True)
    assert (wrong.pixel_auc, wrong.is_pointed) == (0.0, False)


def test_pixels_are_ranked_as_scikit_learn_ranks_them():
    rng = np.random.default_rng(0)
    heat, mask = rng.random((112, 112), np.float32), rng.random((112, 112), np.float32)
    assert localise(heat, mask).pixel_auc == pytest.approx(roc_auc_score((mask >= 0.5).ravel(), heat.ravel()))


def test_coarse_maps_are_spread_over_the_mask():
    heat = np.zeros((7, 7), np.float32)
    heat[5, 1] = 1
    mask = np.zeros((448, 448), np.float32)
    mask[320:384, 64:128] = 1
    found = localise(heat, mask)
    assert found.is_pointed
    assert found.pixel_auc > 0.99


def test_a_mask_of_one_kind_has_no_curve():
    heat = np.random.default_rng(1).random((7, 7), np.float32)
    assert math.isnan(localise(heat, np.ones((64, 64), np.float32)).pixel_auc)


def test_means_leave_faces_without_a_curve_out():
    found = mean_of([Localisation(0.9, True), Localisation(0.7, False), Localisation(math.nan, True)])
    assert (found.faces, found.pixel_auc, found.pointed) == (2, pytest.approx(0.8), 0.5)
    assert mean_of([]).faces == 0
