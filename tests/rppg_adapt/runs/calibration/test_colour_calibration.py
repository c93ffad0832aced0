"""The witness of the blood's colour is fitted to pulses and to rhythms of photographs, which count as much in all."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.faces.pulse_videos import STYLES
from vision_cli.rppg_adapt.runs.calibration import calibration, colour_calibration
from vision_cli.rppg_adapt.signals.blood_colour import COLOUR_FEATURES
from vision_cli.rppg_adapt.signals.quality import logistic


def test_few_pulses_count_as_much_as_many_other_rhythms():
    rng = np.random.default_rng(0)
    one = np.eye(len(COLOUR_FEATURES))[0]
    weights = colour_calibration.fit([one] * 5, [one] * 95)
    assert logistic(one @ weights) == pytest.approx(0.5, abs=0.01)
    # The last feature tells them apart.
    drawn = [np.append(one[:-1], value) for value in rng.normal(size=400)]
    weights = colour_calibration.fit([x for x in drawn if x[-1] > 0], [x for x in drawn if x[-1] <= 0])
    assert weights[-1] > 2


def test_only_rates_near_a_pulse_have_features(untrained):
    clip, pulse = calibration.crops_clip(np.random.default_rng(1), untrained.settings.size, 10.0, STYLES["easy"])
    found = colour_calibration.features_of(clip, pulse, untrained)
    assert all(x.shape == (len(COLOUR_FEATURES),) and np.isfinite(x).all() for x in found)
    whatever = colour_calibration.features_of(clip, None, untrained)
    assert 0 < len(found) <= len(whatever)
