"""Pose of a generated head in its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pose:
    """Where the head is in the picture and how it is turned.

    Attributes
    ----------
    x, y
        Centre of the head as shares of the picture's width and height.
    scale
        Half the height of the face as a share of the picture's height.
    yaw, pitch, roll
        Radians: positive to the right of the picture, down, and clockwise.
    """

    x: float = 0.5
    y: float = 0.5
    scale: float = 0.3
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    @property
    def rotation(self) -> NDArray[np.float64]:
        """Matrix that turns vectors of the face into those of the camera, ``(3, 3)``; roll is left out."""
        (sy, cy), (sp, cp) = ((np.sin(a), np.cos(a)) for a in (self.yaw, self.pitch))
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        return np.asarray(about_y @ about_x)
