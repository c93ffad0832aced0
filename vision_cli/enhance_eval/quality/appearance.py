"""What a picture looks like by itself: light, contrast, information, colour, sharpness, noise."""

from __future__ import annotations

import math

import numpy as np

from vision_cli.enhance_eval.quality.luma import grey_levels
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.luma import luma

_CLIPPED = 254.5 / 255
_CRUSHED = 0.5 / 255


def mean_luma(picture: Picture) -> float:
    """Return the mean luma, grey levels."""
    return float(255 * luma(picture).mean())


def contrast(picture: Picture) -> float:
    """Return the standard deviation of the luma, grey levels (RMS contrast)."""
    return float(255 * luma(picture).std())


def entropy(picture: Picture) -> float:
    """Return the entropy of the histogram of grey levels, bit."""
    counts = np.bincount(grey_levels(picture).astype(np.int64).ravel())
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum() + 0.0)


def colourfulness(picture: Picture) -> float:
    """Return the colourfulness M3 of Hasler and Suesstrunk 2003 on grey levels."""
    red, green, blue = (255 * picture[..., channel].astype(np.float64) for channel in range(3))
    opponents = red - green, (red + green) / 2 - blue
    spread = math.hypot(*(float(one.std()) for one in opponents))
    return spread + 0.3 * math.hypot(*(float(one.mean()) for one in opponents))


def average_gradient(picture: Picture) -> float:
    """Return the mean magnitude of the luma's gradient, root of the mean of both squares, grey levels a pixel."""
    levels = 255 * luma(picture)
    if min(levels.shape) < 2:
        return math.nan
    across, down = np.diff(levels[:-1], axis=1), np.diff(levels[:, :-1], axis=0)
    return float(np.sqrt((across**2 + down**2) / 2).mean())


def noise(picture: Picture) -> float:
    """Return the noise's standard deviation by the mask of Immerkaer 1996, grey levels; NaN below 3 px.

    The mask cancels what changes linearly; edges and texture that remain make it an upper estimate.
    """
    levels = 255 * luma(picture)
    if min(levels.shape) < 3:
        return math.nan
    across = levels[:, :-2] - 2 * levels[:, 1:-1] + levels[:, 2:]
    response = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(math.sqrt(math.pi / 2) * np.abs(response).mean() / 6)


def clipped_share(picture: Picture) -> float:
    """Return the share of the pixels with a channel at white."""
    return float((picture.max(axis=2) >= _CLIPPED).mean())


def crushed_share(picture: Picture) -> float:
    """Return the share of the pixels that are black in all channels."""
    return float((picture.max(axis=2) < _CRUSHED).mean())
