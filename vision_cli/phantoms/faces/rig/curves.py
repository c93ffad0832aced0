"""Curves that shapes and paint are made of."""

from __future__ import annotations

import torch
from torch import Tensor


def smoothstep(low: float | Tensor, high: float | Tensor, values: Tensor) -> Tensor:
    """Return a smooth step from 0 at ``low`` to 1 at ``high``; where ``low`` is the greater one, it falls."""
    share = ((values - low) / (high - low)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def fall(values: Tensor) -> Tensor:
    """Return ``exp(-values)``, but never a denormal number: those make everything after them slow."""
    return torch.exp(-values.clamp(max=30))
