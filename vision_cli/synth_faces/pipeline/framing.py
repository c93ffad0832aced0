"""Faces cut out of pictures, all in the same way: the box of a face detector, as a small grey square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.faces.detection import FaceDetector
from vision_cli.synth_faces.options.sets import Crop
from vision_cli.synth_faces.values import Picture

Grey = NDArray[np.uint8]
"""``(side, side)``."""

Box = tuple[float, float, float]
"""Left, top and width of a square, px unless said otherwise."""

_LEAST_SIDE = 160
"""Pictures smaller than this are enlarged for the detector, whose window is 20 px."""

_WIDER, _LOWER = 1.12, 0.04
"""Scale of the cut against the detector's box, and its shift down as a share of the box: open mouths stay inside."""

_MARGIN = 0.3
"""Of a picture in which no face was found, as a share of its side."""

_USUAL = (0.13, 0.11, 0.74)
"""Left, top and side of the box in pictures of the rig, as shares of the side (median of 76 faces)."""

_IN_STUDIO = (0.02, -0.16, 0.96)
"""The same in renders from brows to chin (median of 300, looked for with a margin)."""

_DRAWN = frozenset({"generated", "webdataset"})
"""Layouts of sets that ``generate`` has drawn."""


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
        return self.at_sides(picture, (self.side,))[0]

    def at_sides(self, picture: Picture, sides: Sequence[int]) -> list[CutFace]:
        """Return the largest face of a picture, looked for once, at each of several sides."""
        import cv2

        height, width = picture.shape[:2]
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._detector is None:
            whole = float(min(height, width))
            box = (width - whole) / 2, (height - whole) / 2, whole
            return [CutFace(_cut(grey, *box, side), is_found=False) for side in sides]
        box, is_found = self.box(picture)
        return [CutFace(_cut(grey, *_widened(*box), side), is_found=is_found) for side in sides]

    def cut_of(self, picture: Picture) -> tuple[Box, bool]:
        """Return the cut of the largest face as shares of the lesser side, and whether the detector found it."""
        box, is_found = self.box(picture)
        least = min(picture.shape[:2])
        left, top, extent = (value / least for value in _widened(*box))
        return (left, top, extent), is_found

    def box(self, picture: Picture) -> tuple[Box, bool]:
        """Return left, top and width, px, of the largest face, and whether the detector found it.

        Aligned faces fill their picture, and the detector wants to see their outline: where it finds none it looks once
        more at the picture with a margin.
        """
        height, width = picture.shape[:2]
        for share in (0.0, _MARGIN):
            margin = round(share * min(height, width))
            if found := self._looked_for(picture, margin):
                left, top, extent = found
                return (left - margin, top - margin, extent), True
        return _usual_box(height, width), False

    def _looked_for(self, picture: Picture, margin: int) -> Box | None:
        import cv2

        shown = picture
        if margin:
            shown = np.asarray(cv2.copyMakeBorder(picture, *(margin,) * 4, cv2.BORDER_REPLICATE), np.uint8)
        factor = max(1.0, _LEAST_SIDE / min(shown.shape[:2]))
        if factor > 1:
            shown = np.asarray(cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
        found = self._detector(shown) if self._detector is not None else []
        if not found:
            return None
        left, top, extent = (float(value) / factor for value in found[0].box[:3])
        return left, top, extent


class Framer:
    """Cuts squares in colour, as models of faces see them: from brows to chin, as ``generate --studio`` draws them.

    Parameters
    ----------
    side
        Of the squares, px.
    crop
        ``face`` looks for the largest face; where there is none, and with ``none``, the middle is cut.
    layout
        Of the data set: generated faces are taken as they are.
    """

    def __init__(self, side: int, crop: Crop, layout: str) -> None:
        self.side = side
        self._cutter = FaceCutter(side) if crop == "face" and layout not in _DRAWN else None

    def __call__(self, picture: Picture) -> Picture:
        """Return the face of a picture ``(H, W, 3)`` as ``(side, side, 3)``; beyond its edge the edge is repeated."""
        if self._cutter is None:
            return square_of(picture, self.side)
        (left, top, extent), is_found = self._cutter.box(picture)
        if not is_found:
            return square_of(picture, self.side)
        wide = extent / _IN_STUDIO[2]
        return _cut(picture, left - _IN_STUDIO[0] * wide, top - _IN_STUDIO[1] * wide, wide, self.side)


def square_of(picture: Picture, side: int) -> Picture:
    """Return the middle of a picture as ``(side, side, 3)``."""
    import cv2

    height, width = picture.shape[:2]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    cut = picture[top : top + least, left : left + least]
    method = cv2.INTER_AREA if least > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (side, side), interpolation=method), np.uint8)


def _usual_box(height: int, width: int) -> Box:
    least = min(height, width)
    return (width - least) / 2 + _USUAL[0] * least, (height - least) / 2 + _USUAL[1] * least, _USUAL[2] * least


def _widened(left: float, top: float, width: float) -> Box:
    wider = _WIDER * width
    margin = (wider - width) / 2
    return left - margin, top - margin + _LOWER * width, wider


def _cut(pixels: Grey, left: float, top: float, width: float, side: int) -> Grey:
    """Return a square of a picture, grey or in colour, at a side; an area is averaged where it shrinks."""
    import cv2

    low = np.floor([left, top]).astype(int)
    high = np.ceil([left + width, top + width]).astype(int)
    rows, columns = pixels.shape[:2]
    before = np.maximum(-low, 0)
    after = np.maximum(high - np.array([columns, rows]), 0)
    margins = [(before[1], after[1]), (before[0], after[0]), (0, 0)]
    padded = np.pad(pixels, margins[: pixels.ndim], mode="edge")
    start = low + before
    cut = padded[start[1] : start[1] + high[1] - low[1], start[0] : start[0] + high[0] - low[0]]
    method = cv2.INTER_AREA if cut.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (side, side), interpolation=method), np.uint8)
