"""Where and when errors are taken: most in the lower middle of the picture, where eyes and mouth are, at spread times.

A weight that depends on the place alone leaves the best prediction of each pixel as it is; it only says what a small
network should learn first. Without it, hair, clothes and background, which vary more, came first.
"""

from __future__ import annotations

import torch
from torch import Tensor

_MIDDLE, _WIDTH, _HEIGHT, _TIMES = (0.5, 0.6), 0.18, 0.2, 4.0
"""Column and row of the middle and standard deviations as shares of the side; how much more it weighs than the edge."""

_GOLDEN = 0.6180339887498949


def face_weight(side: int) -> Tensor:
    """Return weights of places, ``(1, 1, side, side)``, with a mean of 1."""
    places = (torch.arange(side) + 0.5) / side
    across = ((places - _MIDDLE[0]) / _WIDTH).square()
    down = ((places - _MIDDLE[1]) / _HEIGHT).square()
    weight = 1 + (_TIMES - 1) * torch.exp(-0.5 * (across[None, :] + down[:, None]))
    return (weight / weight.mean())[None, None]


def spread_time(number: int, steps: int) -> int:
    """Return the time step of a sample by its number, below ``steps``.

    Steps of the golden ratio spread the times of neighbouring samples more evenly than random ones.
    """
    return int(steps * ((0.5 + number * _GOLDEN) % 1.0))
