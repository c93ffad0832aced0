"""Darkness as a camera makes it: fewer photons, shot noise, read noise, sRGB, 8 bits, JPEG if wanted.

Light is counted in electrons: at white (1.0) a pixel of normal exposure is just full. An exposure of ``ev`` stops
multiplies the light by ``2 ** ev``; the electrons that arrive are Poisson-distributed, the amplifier adds Gaussian
noise, and nothing is scaled back afterwards: the picture stays dark, as an underexposed one does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.srgb import encode_srgb

FULL_WELL, READ_NOISE = 4000.0, 4.0
"""Electrons of a full pixel and of the read noise's standard deviation: a small sensor of a phone."""


def expose(
    linear: NDArray[np.floating],
    ev: float,
    rng: np.random.Generator,
    *,
    full_well: float = FULL_WELL,
    read_noise: float = READ_NOISE,
) -> Picture:
    """Return the 8-bit picture that a camera takes of light at an exposure.

    Parameters
    ----------
    linear
        ``(H, W, 3)``, light; 1 is white. What is above 1 is not lost where the exposure is short enough.
    ev
        Stops of exposure relative to normal; -4 lets in a sixteenth of the light.
    rng
        Source of both noises.
    full_well
        Electrons at which a pixel saturates.
    read_noise
        Standard deviation of the read noise, electrons.
    """
    expected = np.maximum(np.asarray(linear, dtype=np.float64), 0) * (2.0**ev * full_well)
    # Beyond twice the full well all pixels saturate; the generator refuses means that are too large.
    electrons = rng.poisson(np.minimum(expected, 2 * full_well)) + rng.normal(0, read_noise, expected.shape)
    encoded: Picture = (np.rint(255 * encode_srgb(electrons / full_well)) / 255).astype(np.float32)
    return encoded


def compress(picture: Picture, quality: int) -> Picture:
    """Return the picture after JPEG of a quality from 1 to 100."""
    import cv2

    pixels = np.rint(255 * picture).astype(np.uint8)[..., ::-1]
    _, packed = cv2.imencode(".jpg", np.ascontiguousarray(pixels), [cv2.IMWRITE_JPEG_QUALITY, quality])
    unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return np.asarray(unpacked[..., ::-1] / np.float32(255), dtype=np.float32)
