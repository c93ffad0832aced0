"""A portrait as other cameras and web sites would have delivered it: the real pictures of the pairs.

Portraits of a studio are clean and alike, photographs of amateurs are not. The chain changes tone and light, takes the
face at another distance, and passes it through a colour mosaic, noise of each channel, denoising, sharpening and JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.simulation.pixels import (
    blurred,
    log_uniform,
    resampled,
    rounded,
    sharpened,
    with_noise,
)
from vision_cli.forgery_detect.simulation.portraits import Portrait
from vision_cli.forgery_detect.values import Floats, Picture
from vision_cli.io.pictures.encodings import through_jpeg

SIDE = 1024
"""Rows and columns of a photograph."""

FACE_SHARE = 500 / 768
"""Usual width of a face as a share of the side, as in the crops that data sets of faces are made of."""

_LEAST_SIDE = 380
"""Smallest side in pixels at which a photograph was taken."""


@dataclass(frozen=True)
class Photograph:
    """A real face as a camera delivered it.

    Attributes
    ----------
    picture
        ``(1024, 1024, 3)``.
    box
        ``(4,)`` left, top, width and height of the face in pixels; square, and possibly beyond the edge.
    landmarks
        ``(L, 2)`` column and row in pixels, or None.
    """

    picture: Picture = field(repr=False)
    box: Floats
    landmarks: Floats | None = field(default=None, repr=False)


def capture(portrait: Portrait, rng: np.random.Generator) -> Photograph:
    """Return a portrait as a camera drawn at random delivers it."""
    framed = _framed(portrait, rng)
    picture = _toned(framed.picture, rng)
    side = picture.shape[0]
    taken = int(log_uniform(rng, min(_LEAST_SIDE, side), side)) if rng.random() < 0.65 else side
    if rng.random() < 0.4:
        picture = rounded(blurred(picture, rng.uniform(0.3, 1.2) * side / taken))
    picture = _sensed(resampled(picture, taken // 2 * 2, rng), rng)
    return Photograph(resampled(picture, SIDE, rng), framed.box, framed.landmarks)


def _framed(portrait: Portrait, rng: np.random.Generator) -> Photograph:
    """Return the square around a face, at its own resolution, with the face where it is once that has 1024 pixels."""
    x, y, width, height = portrait.box
    rows, columns = portrait.picture.shape[:2]
    side = min(width / FACE_SHARE * rng.uniform(0.85, 1.35), rows, columns)
    shift = rng.normal(size=2) * 0.03 * side
    left = int(np.clip(x + width / 2 + shift[0] - side / 2, 0, columns - side))
    top = int(np.clip(y + height / 2 + shift[1] - side / 2, 0, rows - side))
    side = int(side)
    picture = portrait.picture[top : top + side, left : left + side]
    scale = SIDE / side
    box = np.array([x - left, y - top, width, height]) * scale
    landmarks = None if portrait.landmarks is None else (portrait.landmarks - (left, top)) * scale
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
        box[0] = SIDE - box[0] - box[2]
        landmarks = None if landmarks is None else landmarks * (-1, 1) + (SIDE - scale, 0)
    return Photograph(picture, box, landmarks)


def _toned(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return a picture with another white balance, exposure, gamma, saturation, and in half of them a lamp aside."""
    gains = rng.uniform(0.75, 1.25, 3) ** 0.5 * rng.uniform(0.8, 1.35)
    values = np.clip(picture * (gains / 255).astype(np.float32), 0, 1) ** np.float32(rng.uniform(0.75, 1.35))
    mean = values.mean(axis=2, keepdims=True)
    values = mean + (values - mean) * np.float32(rng.uniform(0.6, 1.5))
    if rng.random() < 0.5:
        ramp = np.linspace(rng.uniform(0.55, 1), rng.uniform(0.8, 1.3), picture.shape[0], dtype=np.float32)
        values = values * (ramp[None, :, None] if rng.random() < 0.5 else ramp[:, None, None])
    return rounded(255 * values)


def _sensed(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return what a sensor and the processing in the camera make of a picture."""
    import cv2

    if rng.random() < 0.4:
        picture = _through_mosaic(picture, is_edge_aware=rng.random() >= 0.5)
    if rng.random() < 0.8:
        picture = with_noise(picture, rng, log_uniform(rng, 0.4, 5), float(rng.choice([0, 0.4, 0.6, 0.8])))
    if rng.random() < 0.3:
        picture = np.asarray(cv2.bilateralFilter(picture, 5, rng.uniform(5, 25), 2), np.uint8)
    if rng.random() < 0.5:
        picture = rounded(sharpened(picture, rng.uniform(0.2, 1.2), rng.uniform(0.6, 1.6)))
    return through_jpeg(picture, int(rng.integers(70, 99)), has_full_chroma=bool(rng.random() < 0.5))


def _through_mosaic(picture: Picture, *, is_edge_aware: bool) -> Picture:
    """Return a picture of even sides, sampled by a colour mosaic (red, green; green, blue) and interpolated."""
    import cv2

    mosaic: NDArray[np.uint8] = np.empty(picture.shape[:2], np.uint8)
    mosaic[::2, ::2] = picture[::2, ::2, 0]
    mosaic[::2, 1::2] = picture[::2, 1::2, 1]
    mosaic[1::2, ::2] = picture[1::2, ::2, 1]
    mosaic[1::2, 1::2] = picture[1::2, 1::2, 2]
    # OpenCV names a mosaic by the second row and column.
    code = cv2.COLOR_BayerBG2RGB_EA if is_edge_aware else cv2.COLOR_BayerBG2RGB
    return np.asarray(cv2.cvtColor(mosaic, code), np.uint8)
