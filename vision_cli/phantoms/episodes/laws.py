"""What the pictures of one episode share.

A family draws a law: the appearance of the class, and of what surrounds it. The law then draws any number of pictures,
with or without the class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.episodes.drawing import Mask, Studio

SAME_BACKGROUND = 0.6
"""How often support and query have the same background."""


class Law(Protocol):
    """Draws the pictures of an episode."""

    def __call__(self, rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        """Return a picture and where the class is; empty if it has no target."""
        ...


Family = Callable[[Studio, np.random.Generator], Law]
"""Draws the law of an episode."""
