"""Faces whose colour follows their luma: what generators have in common whether they paint too much or too little.

The fine detail of luma is scaled down or up; the detail of chroma is mostly dropped, and colour follows luma instead.
"""

from __future__ import annotations

import numpy as np

from vision_cli.forgery_detect.simulation.pixels import blurred, log_uniform, rounded
from vision_cli.forgery_detect.values import Picture

_LUMA = (0.4, 2.2)
"""Smallest and largest factor on the detail of luma; on that of chroma it is 0 to 0.6."""


def follow_luma(picture: Picture, rng: np.random.Generator) -> tuple[Picture, str]:
    """Return a photograph with repainted detail, and ``deficit`` or ``excess`` by what became of that of its luma."""
    import cv2

    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb), np.float32)
    base = blurred(planes, log_uniform(rng, 0.8, 4) * picture.shape[0] / 768)
    detail = planes - base
    factor = log_uniform(rng, *_LUMA)
    luma = detail[..., 0] * np.float32(factor)
    chroma = np.float32(rng.uniform(0, 0.6)) * detail[..., 1:]
    if rng.random() < 0.5:
        sigma = rng.uniform(0.6, 1.6)
        grain = blurred(rng.standard_normal(luma.shape, dtype=np.float32), sigma)
        grain -= blurred(grain, 2 * sigma)
        luma += grain / grain.std() * blurred(np.abs(detail[..., 0]), 5) * np.float32(rng.uniform(0.2, 1))
    # The colour of a place, so that its detail is lighter or darker of the same hue.
    hue = (base[..., 1:] - 128) / (base[..., :1] + 20)
    painted = base.copy()
    painted[..., 0] += luma
    painted[..., 1:] += chroma + hue * luma[..., None] * np.float32(rng.uniform(0.5, 1))
    repainted = np.asarray(cv2.cvtColor(rounded(painted), cv2.COLOR_YCrCb2RGB), np.uint8)
    return repainted, "deficit" if factor < 1 else "excess"
