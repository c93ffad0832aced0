"""Two forests of a class: what they see, how supports are pooled, and what is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.fewshot_seg.scenes import scene, support
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.pixels.learning import PixelModel, pixel_values

SIDE = 64


@pytest.fixture(scope="module")
def model():
    return PixelModel([support(0)], seed=0, side=SIDE)


def test_the_class_is_found_elsewhere(model):
    picture, mask = scene(1)
    look = model.look(picture)
    assert iou(look.mix > 0.5, mask) > 0.85
    np.testing.assert_allclose(look.mix, (look.plain + look.positional) / 2)


def test_a_seed_gives_the_same_forests_again(model):
    picture, _ = scene(1)
    again = PixelModel([support(0)], seed=0, side=SIDE)
    np.testing.assert_array_equal(model.look(picture).mix, again.look(picture).mix)


def test_a_query_of_another_shape_is_worked_at_as_many_pixels(model):
    look = model.look(scene(1, height=90, width=300)[0])
    assert look.mix.size == pytest.approx(SIDE * SIDE, rel=0.05)
    assert look.mix.shape[1] > 3 * look.mix.shape[0]


def test_a_negative_support_says_what_the_class_is_not():
    picture, mask = scene(3)
    brighter = replace(support(4), picture=np.roll(support(4).picture, 1, axis=2))
    decoy = replace(brighter, mask=np.zeros_like(mask))
    query = decoy.picture
    alone = PixelModel([support(0)], seed=0, side=SIDE).look(query).plain
    warned = PixelModel([support(0), decoy], seed=0, side=SIDE)
    assert warned.look(query).plain.mean() < alone.mean()
    assert iou(warned.look(picture).mix > 0.5, mask) > 0.8
    assert len(warned.positives) == 1


def test_several_supports_are_pooled():
    model = PixelModel([support(seed) for seed in range(3)], seed=0, side=SIDE)
    picture, mask = scene(9)
    assert len(model.positives) == 3
    assert iou(model.look(picture).mix > 0.5, mask) > 0.85


def test_a_mask_that_fills_the_support_fills_the_query():
    full = replace(support(0), mask=np.ones((64, 64), np.bool_))
    model = PixelModel([full], seed=0, side=SIDE)
    np.testing.assert_array_equal(model.look(scene(1)[0]).mix, 1)
    assert model.cross_fit[0][1].mix.shape == (64, 64)


def test_the_support_is_judged_on_blocks_that_were_not_learned_from(model):
    ((one, look),) = model.cross_fit
    assert iou(look.mix > 0.5, one.shown.mask) > 0.7
    trained = model.look(one.shown.picture)
    # Held out, the same pixels are less certain than where they were learned.
    assert np.abs(look.plain - one.shown.mask).mean() > np.abs(trained.plain - one.shown.mask).mean()


def test_a_mirrored_copy_keeps_the_positions_from_before():
    picture, _ = scene(0)
    values = pixel_values(picture, mirrored=True).reshape(64, 64, 54)
    np.testing.assert_allclose(values[0, 0, -2:], (0, 1))
