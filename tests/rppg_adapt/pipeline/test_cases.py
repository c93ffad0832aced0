"""Files on which rates, variability and qualities were once wrong; they are not part of the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.rppg_adapt.data.traces import read_traces
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip, estimate_from_video

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
ALL = PulseOptions(hrv=True, respiration=True)


@pytest.fixture(scope="module")
def cases():
    folder = SHARED / "cases" / "rppg-adapt"
    if not folder.is_dir():
        pytest.skip("no ../shared/cases/rppg-adapt")
    return folder


@pytest.fixture(scope="module")
def fingers():
    folder = SHARED / "data" / "rppg-adapt" / "welltory"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/rppg-adapt/welltory")
    return [(path / "PPG.csv", true_intervals(path / "RR.txt")) for path in sorted(folder.iterdir())]


def true_intervals(path):
    words = path.read_text(encoding="utf-8").replace(",", " ").split()
    return np.array([float(word) for word in words if word.replace(".", "").isdigit()])


def of_video(path):
    return estimate_from_video(path, ALL, load_model("default"))[0]


def test_five_methods_that_agree_on_the_true_rate_are_reliable(cases):
    found = of_video(cases / "five_methods_agree_quality0.avi")
    assert found.bpm == pytest.approx(79, abs=3)
    assert found.is_reliable


def test_a_photograph_in_a_hand_is_not_reliable(cases):
    assert not of_video(cases / "static_11_mpeg4.mp4").is_reliable


def test_a_tone_without_noise_is_read_exactly_and_surely(cases):
    found = estimate_from_clip(read_traces(cases / "finger_perfect72.csv"), ALL, None)
    assert found.bpm == pytest.approx(72, abs=0.2)
    assert found.quality > 0.9
    low, high = found.interval_bpm
    assert high - low < 4
    # It neither varies nor breathes.
    assert found.variability.sdnn_ms < 2
    assert found.respiration_bpm is None


def test_noise_of_the_beats_of_a_constant_heart_is_no_variability(cases):
    """A camera's noise in a table of 72 bpm, with a pause: SDNN 14.5 and RMSSD 24.3 ms, as noise alone has them."""
    found = estimate_from_clip(read_traces(cases / "long_gap15.csv"), ALL, None)
    assert found.bpm == pytest.approx(72, abs=0.2)
    assert found.is_reliable
    assert found.variability.sdnn_ms is None
    assert found.respiration_bpm is None
    assert any("noise of the times of the beats" in note for note in found.notes)


def test_right_rates_of_fingers_are_reliable(fingers):
    right, errors = 0, []
    # The rhythm of the first is irregular.
    for path, intervals in fingers[1:]:
        found = estimate_from_clip(read_traces(path), ALL, None)
        right += found.is_reliable and abs(found.bpm - 60_000 / intervals.mean()) < 3
        if found.variability.sdnn_ms is not None:
            errors.append(abs(found.variability.sdnn_ms - intervals.std(ddof=1)))
    assert right == len(fingers) - 1
    assert len(errors) >= 6
    assert np.median(errors) < 7


@pytest.mark.slow
def test_a_constant_heart_in_a_video_of_a_face_has_no_variability_that_is_noise(cases):
    found = of_video(cases / "metronome66_hrv.mp4")
    assert found.bpm == pytest.approx(66, abs=1)
    assert found.is_reliable
    measured = found.variability
    assert measured.sdnn_ms is None or measured.sdnn_ms < 10
    assert any("no heart rate variability" in note for note in found.notes)
