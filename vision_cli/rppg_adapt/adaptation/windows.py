"""Windows of unlabelled clips for adaptation, with the frames around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.training import Order
from vision_cli.core.errors import InputError


@dataclass(frozen=True)
class ClipWindow:
    """A window of an unlabelled clip with its context, because ten seconds give a better heart rate than five.

    Attributes
    ----------
    frames
        ``(L, S, S, 3)`` uint8 of the window.
    context
        ``(C, S, S, 3)`` uint8, which contain the window.
    start
        Index of the window's first frame in the context.
    context_id
        Index of the clip, and of the context's first frame in it.
    """

    frames: NDArray[np.uint8]
    context: NDArray[np.uint8]
    start: int
    context_id: tuple[int, int]

    @staticmethod
    def cut(clip: NDArray[np.uint8], start: int, length: int, context: int, number: int = 0) -> ClipWindow:
        """Return ``length`` frames of a clip from ``start`` on, with a context of ``context`` frames around them.

        Parameters
        ----------
        clip
            ``(T, S, S, 3)``; T is at least ``start + length``.
        start, length, context
            First frame and number of frames of the window, and number of frames of the context.
        number
            Index of the clip.
        """
        reach = max(context, length)
        first = min(max(start - (reach - length) // 2, 0), max(len(clip) - reach, 0))
        return ClipWindow(clip[start : start + length], clip[first : first + reach], start - first, (number, first))


class UnlabelledClips:
    """Random windows of unlabelled clips.

    Parameters
    ----------
    clips
        Crops of each clip, ``(T, S, S, 3)`` uint8, at the network's size.
    length
        Frames of a window; the last frame of a shorter clip is repeated.
    context
        Frames of a window's context.
    seed
        Seed of the positions of the windows.

    Raises
    ------
    InputError
        If there is no clip.
    """

    def __init__(self, clips: Sequence[NDArray[np.uint8]], length: int, context: int, seed: int) -> None:
        if not clips:
            raise InputError("no clip to adapt to found; one or more expected.")
        self._clips = [_padded(clip, length) for clip in clips]
        self._length, self._context, self._seed = length, context, seed
        self._order = Order(len(clips), 1, seed)

    def load(self, numbers: Sequence[int]) -> tuple[list[ClipWindow], int]:
        """Return the windows of these sample numbers, and the first number as the seed of their views."""
        windows = []
        for number in numbers:
            which = int(self._order.samples(number)[0])
            clip = self._clips[which]
            rng = np.random.default_rng((self._seed, number))
            start = int(rng.integers(0, len(clip) - self._length + 1))
            windows.append(ClipWindow.cut(clip, start, self._length, self._context, which))
        return windows, numbers[0]


def split_clip(clip: NDArray[np.uint8], length: int) -> list[NDArray[np.uint8]]:
    """Return the fewest segments of ``length`` frames that cover a clip ``(T, S, S, 3)``; they may overlap."""
    spare = max(len(clip) - length, 0)
    starts = np.linspace(0, spare, 1 + -(-spare // length)).astype(int)
    return [clip[start : start + length] for start in starts]


def _padded(clip: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    missing = length - len(clip)
    return np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]) if missing > 0 else clip
