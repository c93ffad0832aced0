"""Changes of the skin's colours: what rigid motion explains of them, and what blood and light do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.rppg_adapt.faces.colour_changes import ColourChanges

SIZE, COUNT = 24, 90
TIMES = np.arange(COUNT) / 30
WAVE = np.sin(2 * np.pi * 1.2 * TIMES)


def picture():
    """Return a blurred oval of skin with eyes before a dark background, and the weights of its skin."""
    rows, columns = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    skin = ((rows / 10) ** 2 + (columns / 7) ** 2 < 1).astype(np.float32)
    skin[8:11, 7:10] = skin[8:11, 14:17] = 0
    skin = cv2.GaussianBlur(skin, (0, 0), 1.5)
    return 40 + skin[..., None] * np.array([150.0, 90, 60]), skin


def frames_of(change):
    """Return frames ``(T, S, S, 3)``, each the picture changed by a function of the picture, the skin and the wave."""
    pixels, skin = picture()
    made = np.stack([change(pixels, skin, value) for value in WAVE])
    noise = np.random.default_rng(0).normal(0, 0.3, made.shape)
    return np.clip(np.rint(made + noise), 0, 255).astype(np.uint8), skin


def moved(pixels, _, value):
    turn = 0.01 * value
    matrix = np.float32([[1.005, -turn, 0.6 * value], [turn, 1.005, 0.4 * value]])
    return cv2.warpAffine(pixels, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)


def test_motion_explains_the_changes_of_a_photograph_that_moves():
    changes = ColourChanges.of(*frames_of(moved))
    left = (changes.total - changes.of_motion).std(axis=0)
    assert (changes.total.std(axis=0) > 1e-3).all()
    assert (left < 0.3 * changes.total.std(axis=0)).all()


@pytest.mark.parametrize("place", ["skin", "all"])
def test_blood_and_light_are_no_motion(place):
    def lit(pixels, skin, value):
        where = skin[..., None] if place == "skin" else 1.0
        return pixels * (1 + 0.01 * value * where)

    changes = ColourChanges.of(*frames_of(lit))
    assert np.corrcoef(changes.total[:, 1], WAVE)[0, 1] > 0.99
    assert (changes.of_motion.std(axis=0) < 0.1 * changes.total.std(axis=0)).all()
