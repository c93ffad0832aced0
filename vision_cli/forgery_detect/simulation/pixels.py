"""Steps on pictures that cameras, generators and delivery share. Nothing here sets OpenCV's threads."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.values import Picture

Planes: TypeAlias = NDArray[np.float32]
"""``(H, W, 3)`` or ``(H, W)`` in grey levels."""

PixelsT = TypeVar("PixelsT", Picture, Planes)


def rounded(planes: NDArray[np.floating]) -> Picture:
    """Return grey levels as a picture, rounded and clipped."""
    levels = np.clip(np.rint(planes), 0, 255)
    return np.asarray(levels, np.uint8)


def blurred(planes: NDArray[np.generic], sigma: float) -> Planes:
    """Return planes blurred by a Gaussian of ``sigma`` pixels."""
    import cv2

    return np.asarray(cv2.GaussianBlur(planes.astype(np.float32), (0, 0), sigma), np.float32)


def resized(planes: PixelsT, side: int) -> PixelsT:
    """Return planes of another side: areas are averaged on the way down, cubic interpolation on the way up."""
    import cv2

    if planes.shape[0] == side:
        return planes
    method = cv2.INTER_AREA if planes.shape[0] > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(planes, (side, side), interpolation=method), planes.dtype)


def resampled(picture: Picture, side: int, rng: np.random.Generator) -> Picture:
    """Return a picture of another side, by a method that programs use, drawn at random."""
    import cv2

    before = picture.shape[0]
    if before > side:
        method = cv2.INTER_AREA if rng.random() < 0.6 else cv2.INTER_LINEAR
        if before > 1.3 * side and method == cv2.INTER_LINEAR:
            picture = rounded(blurred(picture, 0.45 * before / side))
    else:
        method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[rng.integers(3)]
    return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)


def with_noise(picture: Picture, rng: np.random.Generator, level: float, spread: float) -> Picture:
    """Return a picture with camera noise, independent in the channels and stronger where it is bright.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    rng
        Source of the noise.
    level
        Standard deviation in grey levels at about two thirds of white.
    spread
        Standard deviation in pixels of what a demosaicing or denoising made of it; 0 leaves it white.
    """
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    if spread > 0:
        noise = blurred(noise, spread)
        noise /= noise.std()
    return rounded(picture + noise * level * np.sqrt(0.3 + grey(picture)[..., None] / 180))


def sharpened(planes: NDArray[np.generic], amount: float, sigma: float) -> Planes:
    """Return planes after unsharp masking."""
    source = planes.astype(np.float32)
    return source + np.float32(amount) * (source - blurred(source, sigma))


def grey(picture: Picture) -> Planes:
    """Return the luma of a picture, ``(H, W)``."""
    import cv2

    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
