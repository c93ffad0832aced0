"""Changes of the skin's colours over a clip, and how much of them comes from rigid motion.

A photograph that sways changes the mean colours of its skin, because edges cross the borders of what is averaged. These
changes follow the gradients of the picture, whereas blood and light change each pixel in proportion to its brightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats

_RIDGE = 1e-4
_SMALL = 1e-9


@dataclass(frozen=True)
class ColourChanges:
    """Relative changes of the mean red, green and blue of the skin.

    Attributes
    ----------
    total
        ``(N, 3)`` changes relative to the mean over time.
    of_motion
        ``(N, 3)`` the part of ``total`` that rigid motion explains.
    """

    total: NDArray[np.float64]
    of_motion: NDArray[np.float64]

    @staticmethod
    def of(frames: NDArray[np.uint8], skin: Floats) -> ColourChanges:
        """Return the changes in crops ``(N, S, S, 3)`` with skin weights ``(S, S)``.

        Each frame's difference from the mean frame is fitted, by least squares over pixels and channels, by shifts,
        a rotation, a zoom and terms of the second order of a shift, which all channels share, and, for each channel, by
        a gain of the whole crop and one of the skin.
        """
        mean = frames.astype(np.float64).mean(axis=0)
        weights = np.asarray(skin, np.float64).ravel() / max(float(skin.max()), _SMALL)
        design, count = _design(mean, weights.reshape(mean.shape[:2]))
        design /= np.linalg.norm(design, axis=0) + _SMALL
        solver = np.linalg.solve(design.T @ design + _RIDGE * np.eye(design.shape[1]), design.T)
        light = weights @ mean.reshape(-1, 3) + _SMALL
        by_motion = np.tensordot(weights, design[:, :count].reshape(-1, 3, count), 1) / light[:, None]
        total, of_motion = np.empty((len(frames), 3)), np.empty((len(frames), 3))
        for k, frame in enumerate(frames):
            change = frame.astype(np.float64) - mean
            total[k] = weights @ change.reshape(-1, 3) / light
            of_motion[k] = by_motion @ (solver[:count] @ change.ravel())
        return ColourChanges(total, of_motion)


def _design(mean: NDArray[np.float64], skin: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return regressors ``(S * S * 3, K)`` of a frame's difference from the mean, and how many are of motion."""
    down, right = np.gradient(mean, axis=(0, 1))
    bent, twisted = np.gradient(right, axis=(1, 0))
    curved = np.gradient(down, axis=0)
    size = len(mean)
    y, x = ((np.mgrid[:size, :size] - (size - 1) / 2) / size)[..., None]
    motion = [right, down, x * down - y * right, x * right + y * down, bent, twisted, curved]
    gains = []
    for channel in range(3):
        own = np.zeros_like(mean)
        own[..., channel] = mean[..., channel]
        gains += [own, own * skin[..., None]]
    return np.stack([one.ravel() for one in (*motion, *gains)], axis=1), len(motion)
