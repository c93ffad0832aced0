"""Mean colour of the background of faces: a rhythm of the light or of the camera shows there too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.videos.videos import Frame

_ROWS, _COLUMNS = 12, 16
_SUBSAMPLED = 120
_BESIDE, _ABOVE = 0.35, 0.5
_FEWEST_CELLS = 8


class Surroundings:
    """The mean colours of a grid of cells over the frames of a video, and the cells that are never near a face.

    Below a face are the neck and hands, which have a pulse: these cells count as near too.
    """

    def __init__(self) -> None:
        self._cells: list[NDArray[np.float32]] = []
        self._is_near = np.zeros((_ROWS, _COLUMNS), bool)

    def add(self, frames: Sequence[Frame], boxes: Sequence[NDArray[np.float64]]) -> None:
        """Add frames, and the boxes ``(K, 4)`` of each face in them."""
        import cv2

        for frame in frames:
            step = max(1, min(frame.pixels.shape[:2]) // _SUBSAMPLED)
            part = np.ascontiguousarray(frame.pixels[::step, ::step])
            cells = cv2.resize(part.astype(np.float32), (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
            self._cells.append(np.asarray(cells, np.float32))
        height, width = frames[0].pixels.shape[:2]
        for left, top, across, down in np.concatenate([np.zeros((0, 4)), *boxes]):
            first = int(np.floor((left - _BESIDE * across) / width * _COLUMNS))
            end = int(np.ceil((left + (1 + _BESIDE) * across) / width * _COLUMNS))
            above = int(np.floor((top - _ABOVE * down) / height * _ROWS))
            self._is_near[max(above, 0) :, max(first, 0) : max(end, 0)] = True

    def trace(self) -> NDArray[np.float64] | None:
        """Return the mean red, green and blue of the background, ``(N, 3)``; None if hardly any is in the picture."""
        if (~self._is_near).sum() < _FEWEST_CELLS:
            return None
        return np.stack([cells[~self._is_near].mean(axis=0) for cells in self._cells]).astype(np.float64)
