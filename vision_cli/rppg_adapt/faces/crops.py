"""Crops of a face, skin weights, mean colours of the skin, and spatio-temporal maps.

Crops are area means that are exact for fractional boxes: a box that moves by a tenth of a pixel changes the crop a
tenth as much as a move by a pixel. Rounding boxes to pixels would add noise of the size of a pulse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.faces.detection import Box
from vision_cli.io.pictures.luma import LUMA
from vision_cli.io.videos.videos import Pixels
from vision_cli.phantoms.arrays import Floats

CROP_SIZE = 36
MAP_CELLS = 8
MAP_CHANNELS = ("red", "green", "blue", "Y", "U", "V")

_TO_YUV = np.array([LUMA, [-0.14713, -0.28886, 0.436], [0.615, -0.51499, -0.10001]], dtype=np.float32)
_SATURATED, _DARK = 250.0, 25.0
_SMALL = 1e-6
_LEAST_SPAN = 1e-9
_MOST_IN_INT32 = 1 << 23
"""Number of values of 255 whose sum fits into 31 bits."""


@dataclass(frozen=True)
class SkinColour:
    """Colour of the skin in a crop, estimated from the middle of the face.

    Attributes
    ----------
    chromaticity
        ``(2,)`` shares of red and green in the sum of the channels.
    spread
        ``(2,)`` their spread.
    brightness
        Median of the sum of the channels.
    """

    chromaticity: NDArray[np.float64]
    spread: NDArray[np.float64]
    brightness: float


def area_crop(pixels: Pixels, box: Box, size: int = CROP_SIZE) -> Floats:
    """Return the crop of a box, resized by area means.

    Parameters
    ----------
    pixels
        ``(H, W, 3)``.
    box
        Left, top, width, height in pixels, with fractions; outside the picture its edge is repeated.
    size
        Rows and columns of the crop.

    Returns
    -------
    ``(size, size, 3)`` in [0, 255].
    """
    import cv2

    height, width = pixels.shape[:2]
    left, top, across, down = (float(value) for value in box)
    columns = np.linspace(left, left + across, size + 1)
    rows = np.linspace(top, top + down, size + 1)
    x0, y0 = int(np.clip(np.floor(left), 0, width - 1)), int(np.clip(np.floor(top), 0, height - 1))
    x1, y1 = int(np.clip(np.ceil(left + across), x0 + 1, width)), int(np.clip(np.ceil(top + down), y0 + 1, height))
    part = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    # Integral images are linear between pixels, so that areas with fractional edges are exact.
    sums = cv2.integral(part, sdepth=cv2.CV_32S if part.size < _MOST_IN_INT32 else cv2.CV_64F)
    by_rows = _span_means(sums, *_spans(rows - y0, part.shape[0]))
    by_columns = _span_means(by_rows.swapaxes(0, 1), *_spans(columns - x0, part.shape[1]))
    return np.ascontiguousarray(by_columns.swapaxes(0, 1), dtype=np.float32)


def _spans(edges: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the areas between edges ``(size + 1,)`` begin and end, cut to ``count`` pixels, ``(size,)`` each."""
    low, high = (np.clip(one, 0, count) for one in (edges[:-1], edges[1:]))
    # An area outside the picture takes the nearest pixel.
    nearest = np.clip(np.floor(0.5 * (edges[1:] + edges[:-1])), 0, count - 1)
    is_outside = high - low < _LEAST_SPAN
    return np.where(is_outside, nearest, low), np.where(is_outside, nearest + 1, high)


def _span_means(sums: NDArray[Any], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means over spans of the first axis, ``(size, ...)``, from cumulative sums ``(count + 1, ...)``."""

    def at(edges: NDArray[np.float64]) -> NDArray[np.float64]:
        before = np.minimum(edges.astype(np.int64), len(sums) - 2)
        share = (edges - before).reshape(-1, *(1,) * (sums.ndim - 1))
        return np.asarray((1 - share) * sums[before] + share * sums[before + 1])

    return (at(high) - at(low)) / (high - low).reshape(-1, *(1,) * (sums.ndim - 1))


def estimate_skin_colour(crop: Floats) -> SkinColour:
    """Return the colour of the skin in a crop ``(S, S, 3)``, from its middle with the cheeks and the nose."""
    size = len(crop)
    low, high, top, bottom = round(0.25 * size), round(0.75 * size), round(0.35 * size), round(0.75 * size)
    middle = crop[top:bottom, low:high].reshape(-1, 3).astype(np.float64)
    total = middle.sum(axis=1)
    lit = middle[total >= np.percentile(total, 30)]
    shares = lit[:, :2] / (lit.sum(axis=1, keepdims=True) + _SMALL)
    centre = np.median(shares, axis=0)
    spread = 1.4826 * np.median(np.abs(shares - centre), axis=0)
    return SkinColour(centre, np.clip(2.5 * spread, 0.012, 0.05), float(np.median(lit.sum(axis=1))))


def skin_weights(crop: Floats, colour: SkinColour | None = None) -> Floats:
    """Return how much each pixel of a crop ``(S, S, 3)`` counts as skin, ``(S, S)`` in [0, 1].

    Weights are high for chromaticities near that of the skin within an ellipse, and low for very dark or very bright
    pixels, which excludes brows, eyes and hair.
    """
    colour = colour or estimate_skin_colour(crop)
    total = crop.sum(axis=2).astype(np.float64)
    shares = crop[..., :2] / (total[..., None] + _SMALL)
    distance = (((shares - colour.chromaticity) / colour.spread) ** 2).sum(axis=2)
    relative = total / (colour.brightness + _SMALL)
    bright = np.clip((relative - 0.45) / 0.25, 0, 1) * np.clip((1.8 - relative) / 0.3, 0, 1)
    weights = np.exp(-0.5 * distance) * bright * _ellipse(len(crop))
    # In light of several colours chromaticity does not tell skin; the ellipse is used.
    if weights.mean() < 0.05:
        weights = _ellipse(len(crop))
    return np.asarray(weights, dtype=np.float32)


def skin_trace(crop: Floats, weights: Floats) -> NDArray[np.float64]:
    """Return the weighted mean red, green and blue of a crop ``(S, S, 3)`` by weights ``(S, S)``, ``(3,)``."""
    return np.asarray(np.tensordot(weights.astype(np.float64), crop.astype(np.float64), 2) / (weights.sum() + _SMALL))


def mean_traces(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean red, green and blue of the skin in crops ``(T, S, S, 3)``, by constant weights, ``(T, 3)``."""
    pixels = crops.astype(np.float32)
    weights = skin_weights(pixels.mean(axis=0))
    return np.stack([skin_trace(crop, weights) for crop in pixels])


def exposure(crop: Floats, weights: Floats) -> tuple[float, bool]:
    """Return the share of the skin that is saturated, and whether the skin is too dark for an estimate."""
    total = weights.sum() + _SMALL
    saturated = float(((crop.max(axis=2) >= _SATURATED) * weights).sum() / total)
    return saturated, bool(skin_trace(crop, weights).mean() < _DARK)


def st_map(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the spatio-temporal map of crops ``(T, S, S, 3)``.

    Source: X. Niu, S. Shan, H. Han and X. Chen, "RhythmNet", IEEE TIP 2020: means of blocks over time, here 8 x 8
    blocks of the crop, in RGB and YUV.

    Returns
    -------
    ``(64, T, 6)``, each block and channel scaled to [0, 1] over time.
    """
    import cv2

    small = np.stack(
        [cv2.resize(f.astype(np.float32), (MAP_CELLS, MAP_CELLS), interpolation=cv2.INTER_AREA) for f in frames]
    )
    cells = small.reshape(len(frames), -1, 3)
    both = np.concatenate([cells, cells @ _TO_YUV.T], axis=2).transpose(1, 0, 2)
    low, high = both.min(axis=1, keepdims=True), both.max(axis=1, keepdims=True)
    return np.asarray((both - low) / np.maximum(high - low, 1e-6), dtype=np.float32)


def _ellipse(size: int) -> NDArray[np.float64]:
    side = (np.arange(size) + 0.5) / size * 2 - 1
    distance = (side[None] / 0.85) ** 2 + (side[:, None] / 1.05) ** 2
    return np.asarray(np.clip((1.1 - distance) / 0.2, 0, 1))
