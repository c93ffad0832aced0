"""Crops are exact means of areas, skin is told from what is none, maps keep blocks apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.phantoms.faces.face_paint import Features
from vision_cli.phantoms.faces.faces import Face
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.surroundings import Skin, encode_srgb
from vision_cli.rppg_adapt.faces.crops import area_crop, exposure, skin_trace, skin_weights, st_map


def noise(size=(90, 120), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def test_a_crop_of_whole_pixels_is_opencvs_mean_of_areas():
    pixels = noise()
    found = area_crop(pixels, np.array([10, 20, 72, 54]), 18)
    expected = cv2.resize(pixels[20:74, 10:82].astype(np.float32), (18, 18), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_a_ramp_moves_by_exactly_the_shift_of_the_box():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (100, 200, 3)).copy()
    crops = [area_crop(ramp, np.array([40 + shift, 10, 72, 72]), 36) for shift in (0.0, 0.37)]
    np.testing.assert_allclose(crops[1] - crops[0], 0.37, atol=1e-3)


def test_outside_the_picture_its_edge_is_repeated():
    pixels = np.full((40, 40, 3), 7, np.uint8)
    np.testing.assert_allclose(area_crop(pixels, np.array([-30.0, -30, 60, 60]), 12), 7, atol=1e-4)
    np.testing.assert_allclose(area_crop(pixels, np.array([100.0, 100, 60, 60]), 12), 7, atol=1e-4)


@pytest.mark.parametrize("melanin", [0.0, 0.5, 1.0])
def test_skin_of_every_shade_counts_and_eyes_do_not(melanin):
    drawn = Face(Features(), Skin(melanin), 1).render((200, 200), pose=Pose(scale=0.4))
    left, top, width, height = drawn.box
    box = np.array([left - 0.06 * width, top + 0.11 * height, 1.12 * width, 0.86 * height])
    crop = area_crop(encode_srgb(drawn.radiance), box)
    weights = skin_weights(crop)
    true = area_crop(np.repeat((255 * drawn.skin).astype(np.uint8)[..., None], 3, axis=2), box)[..., 0] / 255
    skin, other = weights[true > 0.95].mean(), weights[true < 0.1].mean()
    assert skin > 0.4
    assert other < 0.25 * skin


def test_a_trace_is_the_mean_under_the_weights():
    crop = np.random.default_rng(1).uniform(0, 255, (6, 6, 3)).astype(np.float32)
    weights = np.zeros((6, 6), np.float32)
    weights[2, 3], weights[4, 1] = 1, 3
    np.testing.assert_allclose(skin_trace(crop, weights), (crop[2, 3] + 3 * crop[4, 1]) / 4, rtol=1e-5)


def test_white_and_black_skin_is_noticed():
    weights = np.ones((4, 4), np.float32)
    bright, dark = np.full((4, 4, 3), 255, np.float32), np.full((4, 4, 3), 10, np.float32)
    assert exposure(bright, weights)[0] == pytest.approx(1, abs=1e-4)
    assert exposure(dark, weights) == (0.0, True)


def test_a_map_has_a_row_a_block_between_zero_and_one():
    frames = np.full((30, 36, 36, 3), 100, np.uint8)
    frames[::2, :4, :4] = 110
    found = st_map(frames)
    assert found.shape == (64, 30, 6)
    assert found.min() == 0
    assert found.max() == 1
    np.testing.assert_allclose(found[0, :4, 1], [1, 0, 1, 0], atol=1e-5)
    assert (found[20] == 0).all()
