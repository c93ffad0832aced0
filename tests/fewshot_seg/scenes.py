"""Small pictures with a known class."""

from __future__ import annotations

import numpy as np

from vision_cli.fewshot_seg.values import Support


def scene(seed, *, height=64, width=64, has_class=True):
    """Return a picture of a red disc on green grass beside a blue bar, and where the disc is."""
    rng = np.random.default_rng(seed)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = (60, 130, 50)
    picture[:, : width // 8] = (40, 60, 170)
    rows, columns = np.mgrid[:height, :width]
    y, x = rng.uniform(0.35, 0.65, 2) * (height, width)
    mask = np.hypot(rows - y, columns - x) < 0.2 * min(height, width)
    mask &= has_class
    picture[mask] = (190, 40, 50)
    picture += rng.normal(0, 8, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), mask


def support(seed, **settings):
    """Return a scene as a support."""
    return Support(f"scene {seed}", *scene(seed, **settings))
