"""Windows of clips without labels, and what lies about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.training import Order
from vision_cli.core.errors import InputError


@dataclass(frozen=True)
class Window:
    """A window of a clip without labels, and what lies about it: of ten seconds a rate is read better than of five.

    Attributes
    ----------
    frames
        ``(L, S, S, 3)``.
    context
        ``(C, S, S, 3)``, of which the window is a part.
    start
        Where it begins there.
    place
        Number of the clip, and where the context begins in it.
    """

    frames: NDArray[np.uint8]
    context: NDArray[np.uint8]
    start: int
    place: tuple[int, int]

    @staticmethod
    def of(clip: NDArray[np.uint8], start: int, length: int, context: int, number: int = 0) -> Window:
        """Cut ``length`` frames from ``start`` of a clip that has as many, with ``context`` frames about them."""
        reach = max(context, length)
        first = min(max(start - (reach - length) // 2, 0), max(len(clip) - reach, 0))
        return Window(clip[start : start + length], clip[first : first + reach], start - first, (number, first))


class UnlabelledClips:
    """Windows of clips without labels.

    Parameters
    ----------
    frames
        Crops of each clip, ``(T, S, S, 3)``; of the network's size.
    length
        Frames of a window; of shorter clips the last frame is repeated.
    context
        Frames that a window's pulse is read from beside the adapted network.
    seed
        Of the places of windows.
    """

    def __init__(self, frames: Sequence[NDArray[np.uint8]], length: int, context: int, seed: int) -> None:
        if not frames:
            raise InputError("no clip to adapt to; one or more expected.")
        self._clips = [_filled(clip, length) for clip in frames]
        self._length, self._context, self._seed = length, context, seed
        self._order = Order(len(frames), 1, seed)

    def load(self, numbers: Sequence[int]) -> tuple[list[Window], int]:
        """Give windows, and the number of the first for what is drawn for them."""
        found = []
        for number in numbers:
            which = int(self._order.samples(number)[0])
            clip = self._clips[which]
            rng = np.random.default_rng((self._seed, number))
            start = int(rng.integers(0, len(clip) - self._length + 1))
            found.append(Window.of(clip, start, self._length, self._context, which))
        return found, numbers[0]


def parts(clip: NDArray[np.uint8], length: int) -> list[NDArray[np.uint8]]:
    """Cut a clip ``(T, S, S, 3)`` into as few parts of ``length`` as reach from its first frame to its last."""
    spare = max(len(clip) - length, 0)
    starts = np.linspace(0, spare, 1 + -(-spare // length)).astype(int)
    return [clip[start : start + length] for start in starts]


def _filled(clip: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    missing = length - len(clip)
    return np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]) if missing > 0 else clip
