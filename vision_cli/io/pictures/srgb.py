"""Light from sRGB values and back: IEC 61966-2-1:1999, section 5.2, with its own break points."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)

_BREAK, _SLOPE, _OFFSET, _EXPONENT = 0.0031308, 12.92, 0.055, 2.4


def decode_srgb(values: NDArray[Float]) -> NDArray[Float]:
    """Return the light of sRGB values within [0, 1], of their dtype; 1 stays 1."""
    small = values <= _SLOPE * _BREAK
    base = (np.maximum(values, 0) + _OFFSET) / (1 + _OFFSET)
    return np.where(small, values / _SLOPE, base**_EXPONENT).astype(values.dtype)


def encode_srgb(light: NDArray[Float]) -> NDArray[Float]:
    """Return the sRGB values of light, of its dtype; light above 1 is white, below 0 black."""
    clipped = np.clip(light, 0, 1)
    high = (1 + _OFFSET) * clipped ** (1 / _EXPONENT) - _OFFSET
    return np.where(clipped <= _BREAK, _SLOPE * clipped, high).astype(light.dtype)
