"""Where a face looks forged, laid over the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.figures.style import AMBER, rgb
from vision_cli.forgery_detect.values import Picture

READING = "Orange: here the face looks forged to the network. A map without colour or focus says nothing."

_SIDE = 320
_STRENGTH = 0.8
_NEUTRAL = 0.5
"""Heat up to which nothing is coloured: there the network holds the place for real rather than forged."""


def draw_heat(picture: Picture, heat: NDArray[np.float32]) -> Picture:
    """Return a face beside the same face under its heat, 320 px high.

    Parameters
    ----------
    picture
        ``(N, N, 3)``.
    heat
        ``(R, C)`` in 0 to 1.
    """
    import cv2

    face = draw_face(picture)
    spread = cv2.resize(np.ascontiguousarray(heat, np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    share = _STRENGTH * np.clip((spread - _NEUTRAL) / (1 - _NEUTRAL), 0, 1)[..., None]
    grey = face.mean(axis=2, keepdims=True)
    over = (1 - share) * grey + share * np.array(rgb(AMBER))
    return np.concatenate([face, np.asarray(np.clip(over, 0, 255), np.uint8)], axis=1)


def draw_face(picture: Picture) -> Picture:
    """Return a face ``(N, N, 3)`` 320 px high, as reports show it."""
    import cv2

    method = cv2.INTER_AREA if len(picture) > _SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=method), np.uint8)
