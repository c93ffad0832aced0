"""How well a mask of one class agrees with the truth: overlap and boundary; unknown pixels do not count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

BOUNDARY_TOLERANCE_PX = 2.0


@dataclass(frozen=True)
class MaskCounts:
    """Known pixels of a prediction and its truth, by what they agree on.

    Attributes
    ----------
    both
        Of the class in both.
    predicted
        Of the class in the prediction.
    truth
        Of the class in the truth.
    known
        All that are known.
    """

    both: int
    predicted: int
    truth: int
    known: int

    def __add__(self, other: MaskCounts) -> MaskCounts:
        return MaskCounts(
            self.both + other.both,
            self.predicted + other.predicted,
            self.truth + other.truth,
            self.known + other.known,
        )

    @property
    def union(self) -> int:
        """Pixels of the class in either."""
        return self.predicted + self.truth - self.both

    @property
    def background_both(self) -> int:
        """Pixels not of the class in both."""
        return self.known - self.union

    @property
    def background_union(self) -> int:
        """Pixels not of the class in either."""
        return self.known - self.both

    @property
    def iou(self) -> float:
        """Intersection over union; 1 where the class is in neither."""
        return self.both / self.union if self.union else 1.0

    @property
    def background_iou(self) -> float:
        """Intersection over union of what is not of the class; 1 where there is no such pixel in either."""
        return self.background_both / self.background_union if self.background_union else 1.0

    @property
    def dice(self) -> float:
        """Dice coefficient, the F1 score of the pixels; 1 where the class is in neither."""
        total = self.predicted + self.truth
        return 2 * self.both / total if total else 1.0


def count_masks(predicted: Mask, truth: Mask, ignored: Mask | None = None) -> MaskCounts:
    """Count the pixels of a prediction and its truth.

    Parameters
    ----------
    predicted, truth
        ``(H, W)`` bool.
    ignored
        ``(H, W)`` bool, pixels about which nothing is known.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _require_one_shape(predicted, truth, ignored)
    if ignored is not None:
        predicted, truth = predicted & ~ignored, truth & ~ignored
    known = truth.size if ignored is None else truth.size - int(np.count_nonzero(ignored))
    return MaskCounts(
        int(np.count_nonzero(predicted & truth)),
        int(np.count_nonzero(predicted)),
        int(np.count_nonzero(truth)),
        known,
    )


def boundary_f(
    predicted: Mask, truth: Mask, ignored: Mask | None = None, *, tolerance_px: float = BOUNDARY_TOLERANCE_PX
) -> float:
    """Return the F score of the boundary (Perazzi et al. 2016, section 4): are contours where they should be.

    The boundary of a mask is its pixels with a neighbour, of the four, outside the mask; the edge of the picture makes
    none. A pixel is found if the other boundary has one within the tolerance. Pixels within the tolerance of an unknown
    pixel do not count: nobody knows where the contour runs there.

    Parameters
    ----------
    predicted, truth
        ``(H, W)`` bool.
    ignored
        ``(H, W)`` bool, pixels about which nothing is known.
    tolerance_px
        Distance up to which a boundary pixel is found, between pixel centres.

    Returns
    -------
    float
        0 to 1. Without a boundary in either, 1 if the masks agree and 0 if not; NaN where all of the boundary lies at
        unknown pixels.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _require_one_shape(predicted, truth, ignored)
    ours, theirs = _boundary(predicted), _boundary(truth)
    counted_ours, counted_theirs = ours, theirs
    if ignored is not None and ignored.any():
        unclear = _within(ignored, tolerance_px)
        counted_ours, counted_theirs = ours & ~unclear, theirs & ~unclear
    found, all_ours = np.count_nonzero(counted_ours & _within(theirs, tolerance_px)), np.count_nonzero(counted_ours)
    met, all_theirs = np.count_nonzero(counted_theirs & _within(ours, tolerance_px)), np.count_nonzero(counted_theirs)
    if all_ours == all_theirs == 0:
        if ours.any() or theirs.any():
            return math.nan
        return float(count_masks(predicted, truth, ignored).iou == 1.0)
    if not (found and met):
        return 0.0
    precision, recall = found / all_ours, met / all_theirs
    return float(2 * precision * recall / (precision + recall))


def _boundary(mask: Mask) -> Mask:
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return mask & ~inner


def _within(mask: Mask, distance: float) -> Mask:
    """Return the pixels that have one of the mask within a distance."""
    import cv2

    reach = math.floor(distance)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x * x + y * y <= distance * distance).astype(np.uint8)
    return cv2.dilate(mask.astype(np.uint8), disk, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)


def _require_one_shape(predicted: Mask, truth: Mask, ignored: Mask | None) -> None:
    if predicted.shape != truth.shape or (ignored is not None and ignored.shape != truth.shape):
        shapes = [predicted.shape, truth.shape, *([] if ignored is None else [ignored.shape])]
        raise ValueError(f"masks of shapes {', '.join(map(str, shapes))}; one shape expected")
