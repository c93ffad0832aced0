"""Random changes of a film that keep its sides: turns, shifts and scales, for the points and the density too.

A film is never mirrored: the sentence names sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.values import Floats

_MOST_TURN, _MOST_SHIFT, _MOST_SCALE = 10.0, 0.08, 0.08


@dataclass(frozen=True)
class Warp:
    """An affine map of the unit frame: ``matrix @ (x, y) + shift``.

    Attributes
    ----------
    matrix
        ``(2, 2)``.
    shift
        ``(2,)``.
    """

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]

    @staticmethod
    def random(rng: np.random.Generator) -> Warp:
        """Return a turn of up to 10 degrees, and shifts and scales of up to 8 %, about the centre of the film."""
        angle = np.deg2rad(rng.uniform(-_MOST_TURN, _MOST_TURN))
        scale = 1 + rng.uniform(-_MOST_SCALE, _MOST_SCALE)
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        matrix = np.array([[cosine, -sine], [sine, cosine]])
        moved = rng.uniform(-_MOST_SHIFT, _MOST_SHIFT, 2)
        return Warp(matrix, 0.5 - matrix @ np.array([0.5, 0.5]) + moved)

    def points(self, points: NDArray[np.floating]) -> Floats:
        """Return points ``(N, 2)`` where the film now shows them; some may be outside of it."""
        return np.asarray(points @ self.matrix.T + self.shift, np.float32)

    def picture(self, values: NDArray[np.floating], *, edge: bool) -> Floats:
        """Return a picture ``(h, w)`` changed, bilinear; outside of it are its edges, or zeros."""
        height, width = values.shape
        # Pixel i is at (i + 0.5) / size of the unit frame.
        size = np.array([width, height])
        matrix = self.matrix * size[:, None] / size[None]
        shift = self.shift * size + matrix @ np.array([0.5, 0.5]) - 0.5
        affine = np.hstack([matrix, shift[:, None]])
        border = cv2.BORDER_REPLICATE if edge else cv2.BORDER_CONSTANT
        picture = np.ascontiguousarray(values, np.float32)
        return np.asarray(cv2.warpAffine(picture, affine, (width, height), borderMode=border), np.float32)
