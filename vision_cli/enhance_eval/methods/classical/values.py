"""Arithmetic that the classical methods share: brightness channels and how a new one is put into a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture

Channel = NDArray[np.float32]
LEVELS = 256


def value(picture: Picture) -> Channel:
    """Return the largest of the three colours a pixel, ``(H, W)``: the V of HSV."""
    return np.asarray(picture.max(axis=2), dtype=np.float32)


def with_value(picture: Picture, new: NDArray[np.floating]) -> Picture:
    """Return the picture with another V and the hue and saturation that it had; black becomes grey.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    new
        ``(H, W)``; counts as within [0, 1].
    """
    old = value(picture)
    target = np.clip(new, 0, 1).astype(np.float32)
    # A ratio to the smallest of floats would overflow; below a thousandth of a level there is no colour.
    is_black = old < 1e-6
    ratio = target / np.where(is_black, 1, old)
    return finished(np.where(is_black[..., None], target[..., None], picture * ratio[..., None]))


def finished(picture: NDArray[np.floating]) -> Picture:
    """Return the values as float32 within [0, 1]."""
    return np.asarray(np.clip(picture, 0, 1), dtype=np.float32)


def grey_levels(channel: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return values in [0, 1] as grey levels."""
    return np.asarray(np.rint(255 * np.clip(channel, 0, 1)), dtype=np.uint8)


def through_curve(channel: NDArray[np.floating], curve: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return values in [0, 1] mapped by a curve given at 256 levels, linear between them."""
    return np.asarray(np.interp(channel, np.linspace(0, 1, LEVELS), curve), dtype=np.float64)
