"""Overlays and rows of pictures."""

from __future__ import annotations

import numpy as np

from tests.fewshot_seg.scenes import scene, support
from vision_cli.fewshot_seg.figures.panels import draw_overlay, draw_panel
from vision_cli.fewshot_seg.values import Segmentation


def test_an_overlay_tints_the_mask_and_nothing_else():
    picture, mask = scene(0)
    drawn = draw_overlay(picture, [mask])
    changed = (drawn != picture).any(axis=2)
    assert changed[mask].all()
    assert drawn.shape == picture.shape
    assert changed[~mask].mean() < 0.05


def test_large_pictures_are_reduced():
    picture = np.zeros((200, 3200, 3), np.uint8)
    assert draw_overlay(picture, [np.zeros((200, 3200), bool)]).shape == (100, 1600, 3)


def test_a_truth_is_a_line():
    picture, mask = scene(0)
    drawn = draw_overlay(picture, [], truth=mask)
    yellow = (np.abs(drawn.astype(int) - (255, 242, 0)) < 40).all(axis=2)
    assert yellow.any()
    assert not yellow[0].any()


def test_a_panel_has_a_row_a_class():
    picture, mask = scene(1)
    found = Segmentation(mask.astype(np.float32), mask, 0.9, 0.8, "mix", uncertainty=mask.astype(np.float32))
    one, two = (draw_panel(picture, [(support(0), found)] * count) for count in (1, 2))
    assert two.shape == (2 * one.shape[0], *one.shape[1:])
