"""Traces of a finger on a camera and its lamp: one channel with a large pulse, drift, noise and pressed moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.faces.pulse import Pulse, Variability, make_pulse
from vision_cli.phantoms.faces.pulse_clips import random_walk

_DEPTH = (0.0005, 0.05)
_NOISE = (1e-5, 0.01)
_DRIFT = (1e-4, 0.05)


@dataclass(frozen=True)
class FingerTrace:
    """A trace and its truth.

    Attributes
    ----------
    times
        ``(T,)`` seconds.
    values
        ``(T,)`` mean brightness in [0, 255].
    pulse
        The wave as a function of time; None where no finger is on the camera.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    pulse: Pulse | None


def make_finger_trace(
    rng: np.random.Generator, seconds: float, *, is_alive: bool = True, variability: Variability | None = None
) -> FingerTrace:
    """Draw a trace: from a tone without noise to one that noise, drift, movements and rounding hide.

    Parameters
    ----------
    rng
        Draws everything.
    seconds
        How long it lasts.
    is_alive
        Whether there is a pulse.
    variability
        How its rate changes; by default drawn.
    """
    fps = float(rng.uniform(12, 60)) if rng.random() < 0.3 else 30.0
    times = np.arange(round(seconds * fps)) / fps
    if rng.random() < 0.4:
        times = np.maximum.accumulate(times + rng.uniform(-0.3, 0.3, len(times)) / fps)
    pulse = make_pulse(rng, seconds, variability=variability)
    depth, noise, drift = (float(np.exp(rng.uniform(*np.log(span)))) for span in (_DEPTH, _NOISE, _DRIFT))
    relative = drift * (random_walk(rng, times, rng.uniform(0.5, 4), 1.0) + rng.uniform(-2, 2) * times / seconds)
    if is_alive:
        relative -= depth * pulse.at(times)
    if rng.random() < 0.3:
        # The finger is pressed or moved for a while.
        start, length = rng.uniform(0, seconds), rng.uniform(0.5, 4)
        moved = (times > start) & (times < start + length)
        relative += moved * random_walk(rng, times, 0.3, float(rng.uniform(0.5, 5)) * depth)
    if rng.random() < 0.15:
        relative += rng.uniform(0.2, 2) * depth * np.sin(2 * np.pi * rng.uniform(0.4, 3.5) * times)
    values = rng.uniform(60, 230) * (1 + relative + noise * rng.standard_normal(len(times)))
    if rng.random() < 0.3:
        values = np.rint(values * 10) / 10
    return FingerTrace(times, values, pulse if is_alive else None)
