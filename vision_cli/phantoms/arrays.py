"""The arrays that phantoms are made of."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
"""Values, fields, and points ``(D, N)`` in mm."""

Labels: TypeAlias = NDArray[np.uint8]
"""Numbers of tissues or structures; 0 is none."""

Matrix: TypeAlias = NDArray[np.float64]
"""Affine maps ``(D+1, D+1)`` and their linear parts."""
