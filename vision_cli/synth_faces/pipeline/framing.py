"""Faces cut out of pictures, all in the same way: the box of a face detector, as a small grey square."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.faces.detection import FaceDetector
from vision_cli.synth_faces.options import Crop
from vision_cli.synth_faces.values import Picture

Grey = NDArray[np.uint8]
"""``(side, side)``."""

_LEAST_SIDE = 160
"""Pictures smaller than this are enlarged for the detector, whose window is 20 px."""

_WIDER, _LOWER = 1.12, 0.04
"""Scale of the cut against the detector's box, and its shift down as a share of the box: open mouths stay inside."""

_USUAL = (0.13, 0.11, 0.74)
"""Left, top and side of the box in pictures of the rig, as shares of the side (median of 76 faces)."""


@dataclass(frozen=True)
class CutFace:
    """A face as recognisers take it.

    Attributes
    ----------
    grey
        ``(side, side)`` uint8.
    is_found
        Whether the detector found it; otherwise the usual place is cut, or the whole picture was asked for.
    """

    grey: Grey = field(repr=False)
    is_found: bool


class FaceCutter:
    """Cuts faces out of pictures.

    Parameters
    ----------
    side
        Of the squares, px.
    crop
        ``face`` looks for the largest face; ``none`` takes the whole picture, for sets of aligned faces.
    """

    def __init__(self, side: int, crop: Crop = "face") -> None:
        self.side, self.crop = side, crop
        self._detector = FaceDetector("haar") if crop == "face" else None

    def __call__(self, picture: Picture) -> CutFace:
        """Return the largest face of a picture ``(H, W, 3)``; beyond its edge the edge is repeated."""
        import cv2

        height, width = picture.shape[:2]
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._detector is None:
            side = float(min(height, width))
            return CutFace(self._cut(grey, (width - side) / 2, (height - side) / 2, side), is_found=False)
        factor = max(1.0, _LEAST_SIDE / min(height, width))
        shown = picture
        if factor > 1:
            shown = np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
        found = self._detector(shown)
        if found:
            left, top, side = (float(value) / factor for value in found[0].box[:3])
        else:
            least = min(height, width)
            left = (width - least) / 2 + _USUAL[0] * least
            top = (height - least) / 2 + _USUAL[1] * least
            side = _USUAL[2] * least
        wider = _WIDER * side
        left, top = left - (wider - side) / 2, top - (wider - side) / 2 + _LOWER * side
        return CutFace(self._cut(grey, left, top, wider), is_found=bool(found))

    def _cut(self, grey: Grey, left: float, top: float, side: float) -> Grey:
        """Return a square of a picture; an area is averaged where it shrinks."""
        import cv2

        low = np.floor([left, top]).astype(int)
        high = np.ceil([left + side, top + side]).astype(int)
        height, width = grey.shape
        before = np.maximum(-low, 0)
        after = np.maximum(high - np.array([width, height]), 0)
        padded = np.pad(grey, ((before[1], after[1]), (before[0], after[0])), mode="edge")
        start = low + before
        cut = padded[start[1] : start[1] + high[1] - low[1], start[0] : start[0] + high[0] - low[0]]
        method = cv2.INTER_AREA if cut.shape[0] > self.side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(cut, (self.side, self.side), interpolation=method), np.uint8)
