"""Methods that map each value by one curve: gain, gamma, logarithm."""

from __future__ import annotations

import math

import numpy as np

from vision_cli.enhance_eval.methods.classical.values import finished
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.luma import luma32
from vision_cli.io.pictures.srgb import decode_srgb, encode_srgb


def none(picture: Picture) -> Picture:
    """Return the picture as it is: the control that all others are compared with."""
    return picture.copy()


def gain(picture: Picture, *, percentile: float = 99.5) -> Picture:
    """Multiply the light so that a percentile of all values becomes white: a longer exposure and nothing else.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    percentile
        Of the values of all pixels and channels.
    """
    light = decode_srgb(picture)
    white = float(np.percentile(light, percentile))
    return encode_srgb(light / white) if white > 0 else picture.copy()


def gamma(picture: Picture, *, gamma: float = 2.2) -> Picture:
    """Raise the values to ``1 / gamma``."""
    return finished(picture ** np.float32(1 / gamma))


def auto_gamma(picture: Picture, *, target: float = 0.5) -> Picture:
    """Raise the values to the power that takes the mean luma to a target.

    The power is that of a picture of one grey at the mean, ``log(target) / log(mean)``; it is kept within 1/10 and 10.
    """
    mean = min(max(float(luma32(picture).mean()), 1e-6), 1 - 1e-6)
    power = min(max(math.log(target) / math.log(mean), 0.1), 10.0)
    return finished(picture ** np.float32(power))


def log(picture: Picture, *, strength: float = 50.0) -> Picture:
    """Map values by ``log(1 + strength * x) / log(1 + strength)``."""
    return finished(np.log1p(strength * picture) / np.log1p(strength))
