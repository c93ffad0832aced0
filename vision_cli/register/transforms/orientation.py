"""Rotation and mirroring of a linear transform, which show headers that swap axes or left and right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGE_ROTATION_DEG = 45.0
"""Rotation from the positions in the headers above which a header is probably wrong: 45 degrees is half of the way to
another order of the axes."""


@dataclass(frozen=True)
class Orientation:
    """How a linear transform turns an image, relative to the positions in the headers.

    Attributes
    ----------
    rotation_deg
        Angle of the nearest rotation, 0 to 180 degrees; of a mirroring transform, that of its rotation about the axis
        across the mirror.
    mirrored
        Whether it mirrors, so that left and right change sides.
    """

    rotation_deg: float
    mirrored: bool

    @property
    def is_suspicious(self) -> bool:
        """Whether the transform mirrors or turns by more than `LARGE_ROTATION_DEG`."""
        return self.mirrored or self.rotation_deg > LARGE_ROTATION_DEG

    @property
    def warning(self) -> str | None:
        """A warning for the user if the transform contradicts the headers."""
        if not self.is_suspicious:
            return None
        return f"LEFT AND RIGHT MAY BE SWAPPED: the affine {self.description}; one header is probably wrong"

    @property
    def description(self) -> str:
        """What the transform does, as ``turns the moving image by 97 degrees``."""
        turn = f"turns the moving image by {self.rotation_deg:.0f} degrees from the positions in the headers"
        return f"mirrors the moving image and {turn}" if self.mirrored else turn


def orientation_of(matrix: NDArray[np.float64]) -> Orientation:
    """Return the rotation and mirroring of an affine matrix ``(D+1, D+1)``, from its polar decomposition."""
    u, _, v = np.linalg.svd(matrix[:-1, :-1])
    nearest = u @ v
    mirrored = bool(np.linalg.det(nearest) < 0)
    # A reflection in the plane has trace 0 and no rotation of its own.
    along = {(2, False): 0.0, (2, True): 2.0, (3, False): -1.0, (3, True): 1.0}[len(nearest), mirrored]
    cosine = (np.trace(nearest) + along) / 2
    return Orientation(float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))), mirrored)
