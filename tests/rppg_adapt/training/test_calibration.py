"""The quality index is fitted to features of generated clips, and its calibration error is measured on others."""

from __future__ import annotations

import numpy as np

from vision_cli.rppg_adapt.training import calibration


def test_a_clip_without_a_pulse_is_never_correct(untrained):
    # The first clip of each six has no pulse.
    found = calibration.collect_features(untrained, 1, 3)
    assert set(found) == {"net", "pos", "chrom", "omit", "green"}
    for x, right in found.values():
        assert x.shape == (1, 6)
        assert not right.any()


def test_the_index_of_known_probabilities_is_calibrated(untrained, monkeypatch):
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(3000), rng.normal(size=(3000, 5))])
    right = rng.random(3000) < 1 / (1 + np.exp(-(0.5 + 2 * x[:, 1])))
    monkeypatch.setattr(calibration, "collect_features", lambda *_: {"pos": (x, right)})
    document = calibration.calibrate(untrained, 3000, 1)
    assert abs(document["coefficients"]["pos"]["snr"] - 2) < 0.3
    assert document["expected_calibration_error"]["pos"] < 0.06
    assert document["share_within_3_bpm"]["pos"] == round(float(right.mean()), 4)
