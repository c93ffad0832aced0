"""From scores to logits: a threshold with a band of doubt, set on real faces of two kinds and on forgeries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.forgery_detect.values import Floats

_FALSE_SHARE = 0.10
"""Share of real faces above the band of doubt, and of forgeries below it."""

_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """From scores to logits.

    Attributes
    ----------
    threshold
        Score of logit 0, the middle of the band of doubt.
    temperature
        Score of one unit of a logit.
    band
        Logits within ``-band`` to ``band`` are of doubt.
    """

    threshold: float = 0.0
    temperature: float = 1.0
    band: float = 0.0

    def __call__(self, score: float) -> float:
        """Return the logit of a score."""
        return (score - self.threshold) / self.temperature


UNCALIBRATED = Calibration()
"""Scores are logits."""


def calibration_of(real: Floats, fake: Floats, studio: Floats) -> Calibration:
    """Return threshold, temperature and band of doubt.

    At most 10 % of real faces and of studio portraits lie above the band, and at most 10 % of forgeries below it.
    Studio portraits are clean and look generated, so a threshold of noisy photographs alone would accuse them. The
    temperature is that of the most likely probabilities of the real and forged faces.

    Parameters
    ----------
    real, fake
        Scores of faces that the detector was not fitted to.
    studio
        Scores of portraits of a studio as they are; empty for none.
    """
    from scipy.optimize import minimize_scalar

    # `higher` and `lower` so that the shares hold exactly however few faces there are.
    kinds = [scores for scores in (real, studio) if len(scores)]
    highest = max(float(np.quantile(scores, 1 - _FALSE_SHARE, method="higher")) for scores in kinds)
    lowest = float(np.quantile(fake, _FALSE_SHARE, method="lower"))
    threshold = (highest + lowest) / 2
    signed = np.concatenate([threshold - real, fake - threshold])

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signed / np.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    temperature = float(np.exp(found.x))
    return Calibration(threshold, temperature, abs(highest - lowest) / 2 / temperature)
