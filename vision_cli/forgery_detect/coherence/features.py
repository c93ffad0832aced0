"""Features of how far red, green and blue agree in quiet regions of a face, at the resolution of the file.

A camera adds noise to every channel by itself; what a generator paints is one texture in all of them. So the details of
the channels agree more in generated faces, and most visibly where the face is smooth. The features are ratios,
correlations and agreements of signs, no levels: detail may be weaker or stronger than a camera's, depending on the
generator, and levels learned from one kind mislead on the other.

Picture -> differences of Gaussians (6 bands) -> statistics over three masks (the quietest 30 %, the quietest 70 %, and
the busiest 30 % of the pixels that are not clipped).
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.values import Picture

BANDS: tuple[tuple[float, float], ...] = ((0.5, 1.0), (0.7, 1.4), (1.0, 2.0), (1.5, 3.0), (2.4, 4.8), (4.0, 8.0))
"""Standard deviations in pixels of the two Gaussians of a band."""

MASKS = ("quiet30", "quiet70", "busy30")
KINDS = ("corr_gb", "corr_rg", "corr_rb", "var_b", "var_r", "own_b", "sign_gb", "sign_rg")
"""Fisher-z correlations; half log variances of blue and red over green; half log share of blue that red and green do
not explain; mean products of signs."""

NAMES: tuple[str, ...] = tuple(
    f"{kind}_{fine:g}-{coarse:g}_{mask}" for (fine, coarse), mask, kind in product(BANDS, MASKS, KINDS)
)
"""Names of the features, F = 144: kind, band and mask."""

QUIET_SIGNS: tuple[int, ...] = tuple(
    place for place, name in enumerate(NAMES) if name.startswith("sign") and not name.endswith("busy30")
)
"""Places of the agreements of signs in both quiet masks; their mean is a detector without parameters."""

SMALLEST_SIDE = 64
LARGEST_SIDE = 480
"""Sides in pixels of the crops that are read; of larger ones the centre."""

_QUIET, _BUSY = 0.30, 0.70
_SHARE_UNCLIPPED = 0.02
"""If fewer pixels than this are free of clipping, clipped ones count too."""

_DARK, _BRIGHT = 4, 250
_FLAT = 2e-3
"""Grey levels; a smaller detail has no sign. Rounding of the blurs stays below it; without it, all channels of a flat
region would agree."""

_LEAST_VARIANCE = 1e-5
_MOST_CORRELATION = 0.999
_QUANTILE_STEP = 7


def features(picture: Picture) -> NDArray[np.float32]:
    """Return the features of a face, ``(F,)``, in the order of `NAMES`; always finite.

    Parameters
    ----------
    picture
        ``(H, W, 3)``, both sides at least 64 pixels, not resized: resizing changes what is measured. Of more than 480
        pixels along a side the central 480 are read.

    Raises
    ------
    ValueError
        If it is smaller than 64 pixels or no RGB picture of 8 bits.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"{picture.dtype} array of shape {picture.shape}; (H, W, 3) of 8 bits expected")
    if min(picture.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(f"{picture.shape[1]} x {picture.shape[0]} pixels; at least {SMALLEST_SIDE} a side expected")
    pixels = _centre(picture).astype(np.float32)
    blurred = _blurred(pixels)
    order, ends = _quiet_first(_centre(picture), blurred)
    found = [
        _statistics((blurred[fine] - blurred[coarse]).reshape(-1, 3).take(order, axis=0), ends)
        for fine, coarse in BANDS
    ]
    return np.concatenate(found).astype(np.float32)


def sign_agreement(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean agreement of signs in quiet regions, ``(N,)``, of features ``(N, F)``; higher where generated."""
    agreements: NDArray[np.float64] = rows[:, list(QUIET_SIGNS)].astype(np.float64)
    return np.asarray(agreements.mean(axis=1), np.float64)


def _blurred(pixels: NDArray[np.float32]) -> dict[float, NDArray[np.float32]]:
    """Return the picture blurred by every Gaussian of the bands."""
    import cv2

    blurred: dict[float, NDArray[np.float32]] = {}
    for sigma in sorted({sigma for band in BANDS for sigma in band}):
        # Variances of Gaussians add up: a wide one costs less from a narrower one than from the picture. A sampled
        # Gaussian is one only from about a pixel on.
        nearer = [other for other in blurred if other >= 1 and sigma**2 - other**2 >= 1]
        rest = float(np.sqrt(sigma**2 - max(nearer, default=0.0) ** 2))
        start = blurred[max(nearer)] if nearer else pixels
        blurred[sigma] = np.asarray(cv2.GaussianBlur(start, (0, 0), rest), np.float32)
    return blurred


def _centre(picture: Picture) -> Picture:
    top, left = (max(0, side - LARGEST_SIDE) // 2 for side in picture.shape[:2])
    return picture[top : top + LARGEST_SIDE, left : left + LARGEST_SIDE]


def _quiet_first(picture: Picture, blurred: dict[float, NDArray[np.float32]]) -> tuple[NDArray[np.intp], list[int]]:
    """Return the pixels that count, the quietest 30 % before the rest of 70 % before the busy ones, and the ends."""
    import cv2

    activity = cv2.GaussianBlur(np.abs(blurred[0.7][..., 1] - blurred[4.0][..., 1]), (0, 0), 3)
    activity = np.asarray(activity, np.float32).ravel()
    kept = np.flatnonzero(cv2.inRange(np.ascontiguousarray(picture), (_DARK + 1,) * 3, (_BRIGHT - 1,) * 3))
    if len(kept) > _SHARE_UNCLIPPED * len(activity):
        activity = activity[kept]
    else:
        kept = np.arange(len(activity))
    quiet, busy = np.quantile(activity[:: _QUANTILE_STEP if len(activity) > 1000 else 1], [_QUIET, _BUSY])
    parts = [
        kept[activity <= quiet],
        kept[(activity > quiet) & (activity <= busy)],
        kept[activity > busy],
    ]
    return np.concatenate(parts), list(np.cumsum([len(part) for part in parts]))


def _statistics(detail: NDArray[np.float32], ends: list[int]) -> NDArray[np.float64]:
    """Return the statistics of a band, of all masks one after the other; ``detail`` is ``(N, 3)``."""
    signs = (detail > _FLAT).astype(np.float32) - (detail < -_FLAT)
    moments, agreements, counts = [], [], []
    for start, end in zip([0, *ends[:2]], ends, strict=True):
        part, sign = detail[start:end], signs[start:end]
        moments.append(np.asarray(part.T @ part, np.float64))
        agreements.append(np.asarray(sign.T @ sign, np.float64))
        counts.append(end - start)
    # The mask of 70 % holds that of 30 %.
    moments[1] += moments[0]
    agreements[1] += agreements[0]
    counts[1] += counts[0]
    return np.concatenate(
        [
            _of_mask(moment / max(count, 1), agreement / max(count, 1))
            for moment, agreement, count in zip(moments, agreements, counts, strict=True)
        ]
    )


def _of_mask(moment: NDArray[np.float64], agreement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the statistics of a mask in the order of `KINDS`, of second moments ``(3, 3)`` and mean sign products."""
    covariance = moment + _LEAST_VARIANCE * np.eye(3)
    deviation = np.sqrt(np.diag(covariance))
    correlation = np.arctanh(
        np.clip(covariance / np.outer(deviation, deviation), -_MOST_CORRELATION, _MOST_CORRELATION) * (1 - np.eye(3))
    )
    red, green, blue = 0, 1, 2
    explained = covariance[blue, :2] @ np.linalg.solve(covariance[:2, :2], covariance[:2, blue])
    own = max(covariance[blue, blue] - explained, 1e-6) / covariance[blue, blue]
    return np.array(
        [
            correlation[green, blue],
            correlation[red, green],
            correlation[red, blue],
            np.log(deviation[blue] / deviation[green]),
            np.log(deviation[red] / deviation[green]),
            0.5 * np.log(own),
            agreement[green, blue],
            agreement[red, green],
        ]
    )
