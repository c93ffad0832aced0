"""From scores to logits: a threshold with a band of doubt, set on real faces of two kinds and on forgeries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.forgery_detect.values import Floats

_FALSE_SHARE = 0.10
"""Share of real faces above the band of doubt, and of forgeries below it."""

_MOST_TEMPERATURE = 20.0
_WEAK_RIDGE = 1e4
"""C of the regression that finds the temperature: enough for faces that a score parts completely."""


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
    from sklearn.linear_model import LogisticRegression

    # `higher` and `lower` so that the shares hold exactly however few faces there are.
    kinds = [scores for scores in (real, studio) if len(scores)]
    highest = max(float(np.quantile(scores, 1 - _FALSE_SHARE, method="higher")) for scores in kinds)
    lowest = float(np.quantile(fake, _FALSE_SHARE, method="lower"))
    threshold = (highest + lowest) / 2
    # With an offset of its own: at a threshold far from both kinds, as clean portraits may push it, the most likely
    # slope would be none at all.
    regression = LogisticRegression(C=_WEAK_RIDGE)
    regression.fit(np.concatenate([real, fake])[:, None], np.repeat([0, 1], [len(real), len(fake)]))
    slope = float(regression.coef_[0, 0])
    temperature = 1 / max(slope, 1 / _MOST_TEMPERATURE)
    return Calibration(threshold, temperature, abs(highest - lowest) / 2 / temperature)
