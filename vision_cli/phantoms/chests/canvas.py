"""What films are drawn with: soft shapes in the frame of the lungs, at any size of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.values import LungBox

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Canvas:
    """A square picture, addressed in the frame of the lungs.

    Attributes
    ----------
    side
        Of the picture, px.
    box
        The frame of the lungs in the unit frame.
    """

    side: int
    box: LungBox

    @cached_property
    def u(self) -> Floats:
        """Where the columns are, ``(1, side)``."""
        return self._line(self.box.x0, self.box.width)[None]

    @cached_property
    def v(self) -> Floats:
        """Where the rows are, ``(side, 1)``."""
        return self._line(self.box.y0, self.box.height)[:, None]

    @property
    def unit(self) -> float:
        """Pixels of the width of the lungs."""
        return self.side * self.box.width

    def blur(self, values: Floats, width: float) -> Floats:
        """Return a picture blurred by a Gaussian whose sd is given in widths of the lungs."""
        import cv2

        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(width * self.unit, 0.35)), np.float32)

    def spot(self, centre: tuple[float, float], sd: tuple[float, float]) -> Floats:
        """Return a Gaussian of height 1."""
        across = np.exp(-0.5 * ((self.u - centre[0]) / sd[0]) ** 2)
        down = np.exp(-0.5 * ((self.v - centre[1]) / sd[1]) ** 2)
        return np.asarray(down * across, np.float32)

    def ellipse_radius(self, centre: tuple[float, float], half: tuple[float, float], tilt: float = 0.0) -> Floats:
        """Return the squared radius of every pixel in an ellipse's own units: 0 at its centre, 1 on its rim.

        ``tilt`` in radians, clockwise.
        """
        across, down = self.u - np.float32(centre[0]), self.v - np.float32(centre[1])
        cosine, sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        along, athwart = across * cosine + down * sine, down * cosine - across * sine
        return np.asarray((along / np.float32(half[0])) ** 2 + (athwart / np.float32(half[1])) ** 2, np.float32)

    def lines(self, curves: Sequence[NDArray[np.floating]] | NDArray[np.floating], width: float) -> Floats:
        """Return curves, each ``(N, 2)``, drawn as lines; ones thinner than a pixel are drawn fainter."""
        import cv2

        pixels = width * self.unit
        drawn = np.zeros((self.side, self.side), np.uint8)
        colour = round(255 * min(pixels, 1.0))
        # one conversion for all curves: there are a hundred vessels
        ends = np.cumsum([len(curve) for curve in curves])[:-1]
        points = np.split(self._fixed_point(np.concatenate(list(curves))), ends)
        cv2.polylines(drawn, points, False, colour, max(1, round(pixels)), cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._as_floats(drawn)

    def polygon(self, points: NDArray[np.floating]) -> Floats:
        """Return a filled polygon of corners ``(N, 2)``."""
        import cv2

        drawn = np.zeros((self.side, self.side), np.uint8)
        cv2.fillPoly(drawn, [self._fixed_point(points)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._as_floats(drawn)

    def clouds(self, rng: np.random.Generator, cells: int) -> Floats:
        """Return smooth noise of mean 0 and sd about 1 whose patches are ``1 / cells`` of the picture."""
        import cv2

        coarse = rng.standard_normal((cells + 3, cells + 3), np.float32)
        step = self.side / cells
        large = cv2.resize(coarse, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        start = int(step)
        return np.asarray(large[start : start + self.side, start : start + self.side] * 1.4, np.float32)

    def _line(self, start: float, length: float) -> Floats:
        centres = (np.arange(self.side, dtype=np.float32) + np.float32(0.5)) / np.float32(self.side)
        return np.asarray((centres - np.float32(start)) / np.float32(length), np.float32)

    def _fixed_point(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        pixels = self.box.to_unit(points) * self.side - 0.5
        return np.asarray(np.rint(pixels * 2**_SUBPIXEL_BITS), np.int32)

    def _as_floats(self, drawn: NDArray[np.uint8]) -> Floats:
        return np.multiply(drawn, np.float32(1 / 255), dtype=np.float32)


def soft_step(values: Floats, width: float) -> Floats:
    """Return 0 below ``-width``, 1 above ``width`` and a straight slope between."""
    return np.asarray(np.clip(values * np.float32(0.5 / width) + np.float32(0.5), 0, 1), np.float32)
