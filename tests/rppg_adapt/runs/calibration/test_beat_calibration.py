"""What beats are compared with is the truth of the generated heart."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.faces.pulse import Variability, make_pulse
from vision_cli.rppg_adapt.runs.calibration.beat_calibration import true_measures


def test_the_true_measures_are_those_of_the_beats():
    varies = Variability(breathing_hz=0.25, breathing=0.03, slow=0.02, drift=0.0, depth=0.1)
    pulse = make_pulse(np.random.default_rng(0), 30, mean_bpm=66, variability=varies)
    true = true_measures(pulse, 30)
    intervals = 1000 * np.diff(pulse.beats_s[pulse.beats_s <= 30])
    assert true["sdnn"] == pytest.approx(np.std(intervals, ddof=1))
    assert true["rmssd"] == pytest.approx(np.sqrt(np.mean(np.diff(intervals) ** 2)))
    assert true["respiration"] == pytest.approx(15)
