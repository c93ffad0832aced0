"""What the tests of faces share: the rate of a wave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def rate_of() -> Callable[..., float]:
    """Return a function that finds the rate of a wave in beats a minute."""
    return _rate_of


def _rate_of(wave, fps, low=0.6, high=3.6):
    spectrum = np.abs(np.fft.rfft((wave - wave.mean()) * np.hanning(len(wave)), 1 << 14))
    frequencies = np.fft.rfftfreq(1 << 14, 1 / fps)
    inside = (frequencies > low) & (frequencies < high)
    return 60 * frequencies[inside][spectrum[inside].argmax()]
