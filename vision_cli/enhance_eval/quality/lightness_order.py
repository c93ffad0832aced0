"""LOE: how much of the order of lightness an enhancement changes (Wang et al., TIP 2013).

As the low-light community computes it: the largest colour of each pixel on 8 bits, its maximum over 15 x 15 pixels,
one sample every ``floor(min(H, W) / 50)`` pixels, and the mean number of samples whose order to a sample differs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture

_RADIUS = 7
_SAMPLES = 50
_LEVELS = 256


def loe(picture: Picture, source: Picture) -> float:
    """Return the lightness order error of an enhanced picture to its input; 0 is best.

    Orders are compared by ``>=``, so two samples that become equal count once. With grey levels the comparison of all
    pairs is a sum over their joint histogram.

    Parameters
    ----------
    picture
        ``(H, W, 3)``, enhanced.
    source
        What it was made of.
    """
    after, before = _sampled(picture), _sampled(source)
    joint = np.bincount((before * _LEVELS + after).ravel(), minlength=_LEVELS**2).reshape(_LEVELS, _LEVELS)
    # Above[i, j] counts samples of at least i before and at least j after.
    above = np.zeros((_LEVELS + 1, _LEVELS + 1), dtype=np.int64)
    above[:-1, :-1] = joint[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    both = above[:-1, :-1]
    either = above[:-1, :1] + above[:1, :-1] - both
    return float((joint * (either - both)).sum() / joint.sum())


def _sampled(picture: Picture) -> NDArray[np.int64]:
    import cv2

    lightness = np.rint(255 * picture.max(axis=2)).astype(np.uint8)
    window = np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), dtype=np.uint8)
    spread = np.asarray(cv2.dilate(lightness, window)).reshape(lightness.shape)
    # The published program divides by 0 below 50 px; there every pixel is a sample.
    step = max(1, min(lightness.shape) // _SAMPLES)
    return spread[step - 1 :: step, step - 1 :: step].astype(np.int64)
