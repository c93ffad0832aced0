"""The quality index is fitted to features of generated clips, and its calibration error is measured on others."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from vision_cli.rppg_adapt.options import TrainingFreeMethod
from vision_cli.rppg_adapt.runs.calibration import calibration
from vision_cli.rppg_adapt.signals.quality import FEATURES, Situation


def test_a_clip_without_a_pulse_is_never_correct(untrained):
    # The first clip and the first trace of each eight have no pulse.
    found = calibration.collect(untrained, 1, [], 0, 1, 3)
    situations = {situation for situation, _ in found}
    assert situations == set(get_args(Situation))
    assert {method for situation, method in found if situation == "network"} == {"net", *get_args(TrainingFreeMethod)}
    assert {method for situation, method in found if situation.startswith("gray")} == {"green"}
    for rows in found.values():
        assert all(x.shape == (len(FEATURES),) and not right and not alive for x, right, alive in rows)


def test_the_index_of_known_probabilities_is_calibrated():
    rng = np.random.default_rng(0)
    samples = {}
    for method, intercept in (("pos", 0.5), ("green", -0.5)):
        x = rng.normal(size=(3000, len(FEATURES)))
        right = rng.random(3000) < 1 / (1 + np.exp(-(intercept + 2 * x[:, 0])))
        samples["colour", method] = list(zip(x, right.tolist(), [True] * len(x), strict=True))
    found = calibration.fit(samples, rng)["colour"]
    assert abs(found["coefficients"]["snr"] - 2) < 0.2
    assert found["intercepts"]["pos"] - found["intercepts"]["green"] == pytest.approx(1, abs=0.25)
    assert max(found["calibration_error"].values()) < 0.06
    assert found["calibration_error_of_chosen"] < 0.06
    # The higher of two independent probabilities is right as often as it says.
    assert found["chosen"] == pytest.approx([0, 1], abs=0.2)


def test_the_highest_of_noisy_probabilities_is_lowered():
    rng = np.random.default_rng(1)
    samples = {}
    for k in range(6):
        # Few windows, and features that say nothing: probabilities are noise.
        x, right = rng.normal(size=(60, len(FEATURES))), rng.random(60) < 0.5
        samples["colour", f"m{k}"] = list(zip(x, right.tolist(), [True] * 60, strict=True))
    found = calibration.fit(samples, rng)["colour"]
    # The line is flat or falls: the highest says nothing.
    assert found["chosen"][1] < 0.9


@pytest.mark.slow
def test_the_face_of_a_photograph_is_filmed_and_read():
    (photo,) = calibration.read_photos([])
    clip, pulse = calibration.photo_clip(np.random.default_rng(2), photo, is_alive=True)
    assert clip.seconds == pytest.approx(10, abs=0.1)
    assert clip.background is not None
    assert 40 <= pulse.mean_bpm <= 190
