"""Dong: the negative of a dark picture looks like haze, and haze can be removed (Dong et al., ICME 2011)."""

from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.methods.classical.values import finished
from vision_cli.enhance_eval.values import Picture

_BRIGHTEST = 100
_LEAST_TRANSMISSION = 0.02


def dong(picture: Picture, *, omega: float = 0.8) -> Picture:
    """Remove the haze of the negative.

    The airlight is the brightest of the 100 pixels of the negative whose darkest colour is highest; the transmission
    ``t = 1 - omega min(R / A)`` (eq. 4) is squared and doubled where it is below a half (eq. 6).

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    omega
        Share of the haze that is removed.
    """
    negative = 1 - picture.astype(np.float64)
    pixels = negative.reshape(-1, 3)
    haziest = np.argsort(pixels.min(axis=1), kind="stable")[-_BRIGHTEST:]
    airlight = np.maximum(pixels[haziest][pixels[haziest].sum(axis=1).argmax()], 1 / 255)
    transmission = 1 - omega * np.minimum((negative / airlight).min(axis=2), 1)
    transmission = np.where(transmission < 0.5, 2 * transmission**2, transmission)
    clear = (negative - airlight) / np.maximum(transmission, _LEAST_TRANSMISSION)[..., None] + airlight
    return finished(1 - clear)
