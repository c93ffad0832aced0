"""Masks that can be made of a probability: fixed thresholds, the threshold of greatest expected IoU, GrabCut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.fewshot_seg.pixels.sizes import resize_map
from vision_cli.fewshot_seg.values import Floats, Mask, Picture

MIX, LOW, GRABCUT, EXPECTED = "mix", "mix-0.3", "grabcut", "expected-iou"
"""The names of the pixels' candidates."""

_GRABCUT_ITERATIONS = 3


@dataclass(frozen=True)
class Candidate:
    """A mask that may be the answer.

    Attributes
    ----------
    name
        How it was made.
    soft
        ``(h, w)`` values at the size that the query is worked at.
    threshold
        The mask is where ``soft`` is above it.
    """

    name: str
    soft: Floats
    threshold: float

    @property
    def mask(self) -> Mask:
        """The mask at the size that the query is worked at."""
        return np.asarray(self.soft > self.threshold)

    def at(self, size: tuple[int, int]) -> Mask:
        """Return the mask at the query's own height and width, with an outline as smooth as ``soft`` is."""
        return np.asarray(resize_map(self.soft, size) > self.threshold)


def pixel_candidates(picture: Picture, probability: Floats, *, seed: int) -> tuple[Candidate, ...]:
    """Return the masks that come of a probability ``(h, w)``: above 0.5, above 0.3, GrabCut, greatest expected IoU."""
    cut = grabcut(picture, probability, seed=seed)
    return (
        Candidate(MIX, probability, 0.5),
        Candidate(LOW, probability, 0.3),
        Candidate(GRABCUT, cut.astype(np.float32), 0.5),
        Candidate(EXPECTED, probability, expected_iou_threshold(probability)[0]),
    )


def expected_iou_threshold(probability: Floats) -> tuple[float, float]:
    """Return the threshold t that maximises the expected IoU of ``p > t``, and that expectation.

    With independent pixels of probability p it is about ``Σ_{p>t} p / (|p>t| + Σ_{p≤t} p)``.
    """
    values = np.sort(probability.ravel())[::-1].astype(np.float64)
    inside = np.cumsum(values)
    expected = inside / (np.arange(1, len(values) + 1) + inside[-1] - inside)
    best = int(expected.argmax())
    # Single precision: what was compared to it must be above it.
    return float(np.nextafter(np.float32(values[best]), np.float32(-1))), float(expected[best])


def grabcut(picture: Picture, probability: Floats, *, seed: int) -> Mask:
    """Return the mask of GrabCut that starts from ``probability > 0.5``; that mask itself if one side is empty.

    Source: C. Rother, V. Kolmogorov and A. Blake, "GrabCut", SIGGRAPH 2004, as in OpenCV. Every pixel may change sides.
    """
    import cv2

    likely = probability > 0.5
    if likely.all() or not likely.any():
        return likely
    mask = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    # It draws the first centres of its clusters from OpenCV's generator.
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
    bgr = np.ascontiguousarray(picture[..., ::-1])
    try:
        cv2.grabCut(bgr, mask, (0, 0, 1, 1), background, foreground, _GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        # Too few pixels on one side for five clusters.
        return likely
    return np.asarray((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD))
