"""Times of the pictures of a folder that is a video: from a rate, or from time stamps in their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

_TICKS = {19: 1e-9, 18: 1e-9, 16: 1e-6, 13: 1e-3}
"""Seconds of a unit of time stamps with so many digits, counted from 1970."""


def picture_times(pictures: Sequence[Path], fps: float | None) -> NDArray[np.float64]:
    """Return the times in seconds of pictures, ``(N,)``: from a rate, or from time stamps in their names.

    Raises
    ------
    InputError
        If there is no rate and the names hold no time stamps.
    """
    if fps is not None:
        return np.arange(len(pictures)) / fps
    stamps = [number_in_name(path)[0] for path in pictures]
    unit = _TICKS.get(len(str(stamps[0])))
    if unit is None or sorted(set(stamps)) != stamps:
        raise InputError(
            f"{pictures[0].parent}: no time stamps in the names of the pictures, as {pictures[0].name}; some expected.",
            hint="Give the frame rate, as --fps 30.",
        )
    return np.asarray((np.array(stamps, dtype=np.int64) - stamps[0]) * unit, dtype=np.float64)


def number_in_name(path: Path) -> tuple[int, str]:
    """Return the last number in the name of a file, -1 if there is none, and the name: what pictures are sorted by."""
    numbers = re.findall(r"\d+", path.stem)
    return (int(numbers[-1]) if numbers else -1), path.name
