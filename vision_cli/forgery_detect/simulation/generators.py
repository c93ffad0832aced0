"""Faces as generators would paint them again: coarse decoders with too little or too much detail.

A generator decodes a coarse code. Three kinds of codes are simulated: up-sampling by kernels that a network could have
learned (as a GAN's), a codec of patches (as that of a latent diffusion model), and denoising (as the last steps of
diffusion). Each leaves less detail than a camera, and most generators put back detail of their own: so in every kind
the deficit stays as it is, or is sharpened, or covered by painted texture, or both. Deficits alone teach a detector the
wrong sign on generators that paint too much.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from vision_cli.forgery_detect.simulation.pixels import (
    Planes,
    blurred,
    grey,
    rounded,
    sharpened,
)
from vision_cli.forgery_detect.values import Picture

Generator = Literal["resample", "codec", "denoise"]
Detail = Literal["deficit", "sharp", "texture", "both"]

GENERATORS: tuple[Generator, ...] = ("resample", "codec", "denoise")
DETAILS: tuple[Detail, ...] = ("deficit", "sharp", "texture", "both")

_SIDES = (512, 768, 1024, 1024)
"""Sides in pixels at which generators work; one in two of them at the size of the photograph."""


def generate(picture: Picture, rng: np.random.Generator, generator: Generator, detail: Detail) -> Picture:
    """Return a square photograph as a generator paints it again, of the side at which it works.

    Parameters
    ----------
    picture
        ``(N, N, 3)``.
    rng
        Source of the generator's constants and of its texture.
    generator
        What the coarse code is.
    detail
        What is done about the detail that is lost.
    """
    import cv2

    side = int(rng.choice(_SIDES))
    method = cv2.INTER_AREA if side < picture.shape[0] else cv2.INTER_LINEAR
    source = np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)
    painted = {"resample": _resample, "codec": _codec, "denoise": _denoise}[generator](source, rng)
    if detail in {"texture", "both"}:
        painted = _textured(painted, rng)
    if detail in {"sharp", "both"}:
        painted = sharpened(painted, rng.uniform(0.4, 2.0), rng.uniform(0.7, 2.2))
    if rng.random() < 0.3:
        painted = blurred(painted, rng.uniform(0.3, 0.7))
    return rounded(painted)


def _resample(picture: Picture, rng: np.random.Generator) -> Planes:
    """Reduce a picture by 2 or 4 and up-sample it by one kind of kernel, in steps of 2."""
    import cv2

    factor = int(rng.choice([2, 2, 4]))
    side = picture.shape[0] // factor
    planes = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    kind = int(rng.integers(5))
    for _ in range(factor // 2):
        planes = _doubled(planes, kind, rng)
    return planes


def _doubled(planes: Planes, kind: int, rng: np.random.Generator) -> Planes:
    """Return planes of twice the side: interpolated, or by a transposed convolution; then a filter near identity."""
    import cv2

    side = 2 * planes.shape[0]
    interpolations = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    if kind < len(interpolations):
        planes = np.asarray(cv2.resize(planes, (side, side), interpolation=interpolations[kind]), np.float32)
    else:
        spread = np.zeros((side, side, 3), np.float32)
        spread[::2, ::2] = planes
        outer = rng.uniform(-0.25, 0.4) if kind == len(interpolations) else 0.25
        kernel = np.array([outer, 1 - outer, 1 - outer, outer]) + rng.normal(size=4) * 0.01
        # Even and odd pixels differ by a level or so, the checkerboard that learned kernels leave.
        uneven = rng.normal() * 0.002
        kernel[::2] *= (1 + uneven) / kernel[::2].sum()
        kernel[1::2] *= (1 - uneven) / kernel[1::2].sum()
        planes = np.asarray(cv2.sepFilter2D(spread, -1, kernel, kernel, anchor=(1, 1)), np.float32)
    if rng.random() < 0.7:
        near_identity = np.zeros((3, 3))
        near_identity[1, 1] = 1
        near_identity += rng.normal(size=(3, 3)) * rng.uniform(0, 0.05)
        planes = np.asarray(cv2.filter2D(planes, -1, near_identity / near_identity.sum()), np.float32)
    return planes


def _codec(picture: Picture, rng: np.random.Generator) -> Planes:
    """Code patches of luma and chroma by their lowest cosines, with noise in the code, and decode them."""
    import cv2
    from scipy import fft

    patch = int(rng.choice([4, 8]))
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb), np.float32)
    total = patch * patch
    luma = int(total * rng.uniform(0.12, 0.5))
    chroma = max(1, int(total * rng.uniform(0.05, 0.25)))
    noise = float(rng.choice([0.0, 1.0, 2.0, 4.0]) * rng.uniform(0.5, 1.5))
    frequency = np.add.outer(np.arange(patch), np.arange(patch))
    order = np.argsort(frequency.ravel(), kind="stable")
    shifts = (0, patch // 2) if rng.random() < 0.5 else (0,)
    decoded = np.zeros_like(planes)
    for shift in shifts:
        rows = picture.shape[0] // patch
        tiles = np.roll(planes, (-shift, -shift), (0, 1)).reshape(rows, patch, rows, patch, 3)
        codes = fft.dctn(tiles, axes=(1, 3), norm="ortho").transpose(4, 1, 3, 0, 2).reshape(3, total, rows, rows)
        for channel, kept in enumerate((luma, chroma, chroma)):
            codes[channel, order[kept:]] = 0
            inner = order[1:kept]
            sizes = np.abs(codes[channel, inner]).mean(axis=(1, 2), keepdims=True)
            drawn = rng.standard_normal((len(inner), rows, rows), dtype=np.float32)
            codes[channel, inner] += drawn * np.float32(0.15 * noise) * sizes
        tiles = codes.reshape(3, patch, patch, rows, rows).transpose(3, 1, 4, 2, 0)
        back = fft.idctn(tiles, axes=(1, 3), norm="ortho").reshape(planes.shape)
        decoded += np.roll(back, (shift, shift), (0, 1))
    smooth = rounded(blurred(decoded / len(shifts), 0.12 * patch))
    return np.asarray(cv2.cvtColor(smooth, cv2.COLOR_YCrCb2RGB), np.float32)


def _denoise(picture: Picture, rng: np.random.Generator) -> Planes:
    """Remove fine detail, edges aside in most cases."""
    import cv2

    kind = int(rng.integers(4))
    if kind == 0:
        smooth = cv2.bilateralFilter(picture, 7, rng.uniform(15, 45), rng.uniform(2, 4))
    elif kind == 1:
        smooth = cv2.medianBlur(picture, int(rng.choice([3, 5])))
    elif kind == 2:
        smooth = cv2.edgePreservingFilter(
            picture, flags=cv2.RECURS_FILTER, sigma_s=rng.uniform(3, 15), sigma_r=rng.uniform(0.05, 0.2)
        )
    else:
        smooth = blurred(picture, 1.0)
    return np.asarray(smooth, np.float32)


def _textured(planes: Planes, rng: np.random.Generator) -> Planes:
    """Paint band-limited texture, nearly the same in all channels and following local contrast, not brightness."""
    import cv2

    side = planes.shape[0]
    coarseness = int(rng.choice([1, 1, 2]))
    grain = rng.standard_normal((side // coarseness, side // coarseness), dtype=np.float32)
    sigma = rng.uniform(0.4, 1.2)
    grain = blurred(grain, sigma)
    grain = grain - np.float32(0.9) * blurred(grain, sigma * rng.uniform(1.5, 3))
    grain /= grain.std()
    if coarseness > 1:
        grain = np.asarray(cv2.resize(grain, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    if rng.random() < 0.4:
        grain = np.sign(grain) * np.abs(grain) ** np.float32(rng.uniform(1, 1.8))
    tint = 1 + rng.normal(size=3) * 0.3 if rng.random() < 0.3 else np.ones(3)
    luma = grey(rounded(planes))
    contrast = blurred(np.abs(luma - blurred(luma, 2)), rng.uniform(3, 8))
    contrast = (contrast / (contrast.mean() + 0.5)) ** np.float32(rng.uniform(0.3, 1.2))
    strength = (grain * contrast)[..., None] * tint.astype(np.float32)
    return np.asarray(planes + strength * np.float32(rng.uniform(0.5, 4)), np.float32)
