"""Films as the network takes them."""

from __future__ import annotations

import numpy as np

from vision_cli.gaze_predict.values import Film, Floats


def squashed(film: Film, side: int) -> Floats:
    """Return a film at ``(side, side)``; its proportions are not kept, as those of the unit frame are not."""
    import cv2

    shrinks = min(film.pixels.shape) > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(film.pixels, (side, side), interpolation=method), np.float32)
