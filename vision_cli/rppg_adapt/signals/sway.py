"""How much a face sways in the rhythm of a rate: a photograph that sways is read at its rhythm or at twice of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.signals.spectra import complex_amplitudes

_LOBE, _REACH, _STEP = 2.1, 8.0, 0.5
_STANDS_OUT = 6.0
"""A head that moves at random stands out by less, at the right rates of 250 generated clips in 95 %."""


def sway_amplitude(position: NDArray[np.float64], fps: float, bpm: float) -> float:
    """Return the amplitude of rigid motion at a rate or at half of it, whichever is larger, in pixels.

    What the median amplitude at neighbouring frequencies explains, six times over, is taken off, so that a head that
    moves at random does not sway.

    Parameters
    ----------
    position
        ``(2, T)`` rigid motion to the right and down, in pixels.
    fps
        Samples per second.
    bpm
        The rate.
    """
    seconds = (position.shape[1] - 1) / fps
    largest = 0.0
    for frequency in (bpm / 60, bpm / 120):
        first = max(frequency - _REACH / seconds, 1 / seconds)
        near = np.arange(first, frequency + _REACH / seconds, _STEP / seconds)
        near = near[np.abs(near - frequency) > _LOBE / seconds]
        if frequency < _LOBE / seconds or not len(near):
            continue
        own, *others = np.abs(complex_amplitudes(position, fps, np.array([frequency, *near]))).T
        largest = max(largest, float((own - _STANDS_OUT * np.median(others, axis=0)).max()))
    return largest
