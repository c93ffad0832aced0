"""A portrait that needs neither files nor torch."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.forgery_detect.simulation.camera import SIDE, Photograph
from vision_cli.forgery_detect.simulation.pixels import blurred, rounded
from vision_cli.forgery_detect.simulation.portraits import Portrait

BOX = np.array([260.0, 240.0, 380.0, 380.0])


def make_portrait(name="someone", seed=0, landmarks=None):
    """Paint skin with texture of its own in every channel on a coloured wall, ``(900, 920, 3)``."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:900, :920].astype(np.float32)
    left, top, width, height = BOX
    away = ((x - left - width / 2) / (0.42 * width)) ** 2 + ((y - top - 0.55 * height) / (0.55 * height)) ** 2
    inside = (1 / (1 + np.exp(12 * (away - 1))))[..., None]
    wall = np.array([90, 120, 150]) + 20 * np.sin(x / 90)[..., None]
    skin = np.array([200, 150, 125]) - 30 * away.clip(0, 2)[..., None]
    grain = blurred(rng.standard_normal((900, 920, 3), dtype=np.float32), 0.8) * 8
    return Portrait(name, rounded(inside * skin + (1 - inside) * wall + grain), BOX.copy(), landmarks)


@pytest.fixture(scope="session")
def someone():
    return make_portrait()


@pytest.fixture(scope="session")
def photograph(someone):
    """A photograph of 1024 pixels with the face in its middle."""
    picture = np.ascontiguousarray(someone.picture[:900, :900])
    from vision_cli.forgery_detect.simulation.pixels import resized

    scale = SIDE / 900
    return Photograph(resized(picture, SIDE), someone.box * scale)
