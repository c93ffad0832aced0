"""The file of whole records is written with what it was fitted to."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from vision_cli.rppg_adapt.runs.calibration import overall_calibration
from vision_cli.rppg_adapt.signals.quality import overall_features


def test_the_document_says_what_it_was_fitted_to(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["overall_calibration", "--records", "12", "--faces", "2", "--seed", "3"])
    overall_calibration.main()
    document = json.loads(capsys.readouterr().out)
    assert (document["records"], document["faces"], document["seed"]) == (12, 2, 3)
    assert len(document["gray_trace"]) == len(document["network"]) == 3


def test_samples_are_of_their_number_alone():
    features, is_right = overall_calibration.finger_sample(1, 5)
    again, is_right_again = overall_calibration.finger_sample(1, 5)
    np.testing.assert_array_equal(features, again)
    assert is_right == is_right_again
    assert features.shape == (3,)
    assert features[0] == 1


def test_records_of_high_quality_are_right_more_often():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 2000)
    samples = [
        (overall_features(np.float64(one), 1.0), bool(rng.random() < 1 / (1 + np.exp(-0.5 - 1.5 * one))))
        for one in logits
    ]
    intercept, slope, growth = overall_calibration.fit(samples)
    assert intercept == pytest.approx(0.5, abs=0.25)
    assert slope == pytest.approx(1.5, abs=0.25)
    # Records of one window say nothing of those of many.
    assert growth == 0
