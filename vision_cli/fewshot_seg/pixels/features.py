"""What is computed at every pixel: 27 classic features of colour and texture, and 25 relative to the picture.

Classic (baselines use these alone): Lab at five blurs (15), gradients at three scales and their local means (5), local
deviation of lightness at three scales (3), differences of Gaussians (4). Relative: Lab minus its means over 16 and
32 px and the former means (9), Lab standardised by the picture's median and spread at two blurs (6), eigenvalues of the
Hessian at three scales (6), coherence and direction of the structure tensor at two scales (4).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vision_cli.fewshot_seg.values import Floats, Picture

CLASSIC_COUNT = 27
"""Features that the baselines use, the first ones."""

COUNT = 52

_BLURS = (1, 2, 4, 8)
_LAB_SCALE = np.float32(1 / 50)


def lab(picture: Picture) -> Floats:
    """Return CIE L*a*b* divided by 50, ``(H, W, 3)``."""
    import cv2

    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab) * _LAB_SCALE)


def blur(values: Floats, width: float) -> Floats:
    """Return values blurred by a Gaussian with this standard deviation in px."""
    import cv2

    return np.asarray(cv2.GaussianBlur(values, (0, 0), width), np.float32)


def classic_features(picture: Picture) -> Floats:
    """Return the classic features of a picture, ``(H, W, 27)``."""
    colours = lab(picture)
    return np.concatenate(_classic(colours, {width: blur(colours, width) for width in _BLURS}), axis=2)


def all_features(picture: Picture) -> Floats:
    """Return the features of a picture, ``(H, W, 52)``; the first 27 are the classic ones."""
    colours = lab(picture)
    blurred = {width: blur(colours, width) for width in _BLURS}
    return np.concatenate(_classic(colours, blurred) + _relative(colours, blurred), axis=2)


def positions(height: int, width: int) -> Floats:
    """Return row and column of every pixel within 0 to 1, ``(H, W, 2)``."""
    rows = np.linspace(0, 1, height, dtype=np.float32)
    columns = np.linspace(0, 1, width, dtype=np.float32)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=2)


def gradient(values: Floats) -> tuple[Floats, Floats]:
    """Return Sobel's derivatives across and down."""
    import cv2

    return tuple(cv2.Sobel(values, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))  # type: ignore[return-value]


def _classic(colours: Floats, blurred: dict[int, Floats]) -> list[Floats]:
    lightness = colours[..., 0]
    smooth = {width: values[..., 0] for width, values in blurred.items()}
    slopes = [np.hypot(*gradient(smooth[width])) for width in (1, 2, 4)]
    energy = [*slopes, blur(slopes[0], 4), blur(slopes[0], 8)]
    squared = lightness * lightness
    deviation = [np.sqrt(np.maximum(blur(squared, width) - blur(lightness, width) ** 2, 0)) for width in (2, 4, 8)]
    levels = [lightness, *(smooth[width] for width in _BLURS)]
    bands = [fine - coarse for fine, coarse in pairwise(levels)]
    return [colours, *(blurred[width] for width in _BLURS), np.stack([*energy, *deviation, *bands], axis=2)]


def _relative(colours: Floats, blurred: dict[int, Floats]) -> list[Floats]:
    import cv2

    near, far = blur(colours, 16), blur(colours, 32)
    median = np.median(colours, axis=(0, 1))
    spread = np.abs(colours - median).mean(axis=(0, 1)) + np.float32(0.02)
    found = [colours - near, blurred[2] - far, near, (blurred[1] - median) / spread, (blurred[4] - median) / spread]
    for width in (1.5, 3, 6):
        smooth = blur(colours[..., 0], width)
        xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *order) for order in ((2, 0), (0, 2), (1, 1)))
        mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        found.append(np.stack([mean + half, mean - half], axis=2) * np.float32(width))
    across, down = gradient(blurred[1][..., 0])
    for width in (3, 8):
        a, b, c = blur(across * across, width), blur(down * down, width), blur(across * down, width)
        total = a + b + np.float32(1e-3)
        found.append(np.stack([np.hypot(a - b, 2 * c) / total, a / total], axis=2))
    return found
