"""Inputs of the networks: clips at their frame size, normalised pixels, and numbers of frames that they can halve."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Normalisation = Literal["diff", "standard"]
"""Normalised differences of consecutive frames, or standardised pixels."""

_EPSILON = 1e-3
_FRAME_MULTIPLE = 4


def resize_frames(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return frames ``(T, H, W, 3)`` as ``(T, size, size, 3)``, by area means or, if larger, linear interpolation."""
    if frames.shape[1:3] == (size, size):
        return frames
    import cv2

    interpolation = cv2.INTER_AREA if size < frames.shape[1] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(frame, (size, size), interpolation=interpolation) for frame in frames])


def normalise(clips: Tensor, kind: Normalisation) -> Tensor:
    """Return the input ``(B, 3, T, S, S)`` of a network for pixels ``(B, T, S, S, 3)``."""
    return diff_normalised(clips) if kind == "diff" else standardised(clips)


def diff_normalised(clips: Tensor) -> Tensor:
    """Return normalised differences ``(B, 3, T, S, S)`` of consecutive frames of pixels ``(B, T, S, S, 3)``.

    As rPPG-Toolbox's DiffNormalized: ``(c[t+1] - c[t]) / (c[t+1] + c[t])``, divided by its standard deviation over the
    clip; the last frame is zero.
    """
    pixels = clips.permute(0, 4, 1, 2, 3).float()
    after, before = pixels[:, :, 1:], pixels[:, :, :-1]
    change = (after - before) / (after + before + _EPSILON)
    change = change / change.std((1, 2, 3, 4), keepdim=True).clamp_min(1e-8)
    return functional.pad(change, (0, 0, 0, 0, 0, 1))


def standardised(clips: Tensor) -> Tensor:
    """Return pixels ``(B, T, S, S, 3)`` at zero mean and unit standard deviation over the clip, ``(B, 3, T, S, S)``."""
    pixels = clips.permute(0, 4, 1, 2, 3).float()
    centred = pixels - pixels.mean((1, 2, 3, 4), keepdim=True)
    return centred / centred.std((1, 2, 3, 4), keepdim=True).clamp_min(1e-8)


def pad_frames(x: Tensor) -> tuple[Tensor, int]:
    """Return ``(B, C, T, S, S)`` with its last frame repeated up to a multiple of four frames, and T."""
    frames = x.shape[2]
    extra = -frames % _FRAME_MULTIPLE
    return (torch.cat([x, x[:, :, -1:].expand(-1, -1, extra, -1, -1)], 2) if extra else x), frames
