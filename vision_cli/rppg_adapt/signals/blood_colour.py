"""Whether the skin's colours change at a rate as blood changes them: by the ratio of red, green and blue.

Blood changes green more than twice as much as red (G. de Haan and A. van Leest, Physiol. Meas. 35, 2014); a lamp or a
camera changes all three alike, and motion as the edges of the picture have it. Large motion leaves a rhythm that is not
explained by the fit of `ColourChanges`, after a codec also at twice its frequency. The probability is a logistic
regression on videos of faces with a pulse and of photographs without one; coefficients: ``blood_colour.json``, which
``runs/calibration/colour_calibration.py`` writes.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.signals.quality import logistic, logit
from vision_cli.rppg_adapt.signals.spectra import complex_amplitudes
from vision_cli.rppg_adapt.signals.sway import sway_amplitude

COLOUR_FEATURES = ("constant", "strength", "along_blood", "red_deviation", "motion", "along_light", "sway")

NOT_BLOOD = "the colours of the skin do not change as by blood"
"""What is said of a rate that is not reliable for this reason."""

_FILE = Path(__file__).with_name("blood_colour.json")
_BLOOD = np.array([0.33, 0.77, 0.53])
"""Relative strengths of the pulse in red, green and blue: the signature of de Haan and van Leest."""

_RED_OF_GREEN = 0.45
_MOST_STRENGTH, _MOST_DEVIATION = 2.0, 1.5
_BAND_HZ = (0.7, 3.5)
_LOBE = 2.1
_RIDGE = 0.02
_FEWEST = 5
_SMALL = 1e-12
_VISIBLE_SWAY_PX = 0.05


def colour_features(
    total: NDArray[np.float64],
    of_motion: NDArray[np.float64],
    position: NDArray[np.float64],
    fps: float,
    bpm: float,
) -> NDArray[np.float64] | None:
    """Return the features of a window's colour changes at a rate, named in `COLOUR_FEATURES`.

    Parameters
    ----------
    total, of_motion
        ``(3, T)`` relative changes of red, green and blue, and the part of them that motion explains.
    position
        ``(2, T)`` rigid motion to the right and down, in pixels of a crop of 36.
    fps
        Samples per second.
    bpm
        The rate.

    Returns
    -------
    ``(7,)``; None if the window is too short to compare the rate with other frequencies.
    """
    seconds = (total.shape[1] - 1) / fps
    others = np.arange(*_BAND_HZ, 1 / seconds)
    others = others[np.abs(others - bpm / 60) > _LOBE / seconds]
    if len(others) < _FEWEST:
        return None
    frequencies = np.concatenate([[bpm / 60], others])
    all_light, moved = (complex_amplitudes(part, fps, frequencies) for part in (total, of_motion))
    free = all_light - moved
    own, noise = free[:, 0], free[:, 1:]
    covariance = (noise @ noise.conj().T).real / noise.shape[1]
    scale = np.trace(covariance) / 3 + _SMALL
    inverse = np.linalg.inv(covariance + _RIDGE * scale * np.eye(3))
    # What of blood's colour is not that of light: a lamp that flickers has the rest too.
    light = np.ones(3)
    apart = _BLOOD - (light @ inverse @ _BLOOD) / (light @ inverse @ light) * light

    def along(direction: NDArray[np.float64]) -> float:
        """Return the power along a direction, in units of the noise."""
        return float(np.abs(direction @ inverse @ own) ** 2 / (direction @ inverse @ direction))

    power = float((own.conj() @ inverse @ own).real) + _SMALL
    of_light, of_blood = along(light), along(apart)
    deviation = abs(own[0] * own[1].conj() / (np.abs(own[1]) ** 2 + _SMALL**2) - _RED_OF_GREEN)
    motion = float(np.abs(moved[1, 0]) / (np.abs(moved[1, 0]) + np.abs(all_light[1, 0]) + _SMALL))
    return np.array(
        [
            1.0,
            min(float(np.log(of_blood + 0.1)), _MOST_STRENGTH),
            min(of_blood / (power - of_light + _SMALL), 1.0),
            min(float(deviation), _MOST_DEVIATION),
            motion,
            min(of_light / power, 1.0),
            float(np.log(max(sway_amplitude(position, fps, bpm) / _VISIBLE_SWAY_PX, 1.0))),
        ]
    )


def blood_probability(features: NDArray[np.float64]) -> float:
    """Return the probability, among as many pulses as other rhythms, that `colour_features` ``(7,)`` are of a pulse."""
    return float(logistic(features @ _coefficients()))


def is_doubtful(quality: float, blood: float) -> bool:
    """Return whether a rate of a quality is probably not of a pulse: by Bayes' rule, with odds ``blood / (1 - blood)``.

    Odds of 1 or more leave no doubt, because the quality already expects a pulse.
    """
    return blood < 0.5 and float(logit(np.float64(quality)) + logit(np.float64(blood))) < 0


@lru_cache(maxsize=1)
def _coefficients() -> NDArray[np.float64]:
    found = json.loads(_FILE.read_text(encoding="utf-8"))["coefficients"]
    return np.array([found[name] for name in COLOUR_FEATURES], np.float64)
