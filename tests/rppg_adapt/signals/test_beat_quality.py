"""The scatter of beats between waves, and probabilities of what follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.rppg_adapt.signals.beat_quality import FEATURES, beat_features, beat_scatter_ms, default_beat_index
from vision_cli.rppg_adapt.signals.hrv import Beats, Respiration, Variability, normal_intervals


def beats_at(times):
    intervals = 1000 * np.diff(times)
    return Beats(times, intervals, normal_intervals(intervals))


TIMES = np.cumsum(np.full(40, 0.85))


def test_a_delay_is_no_scatter():
    assert beat_scatter_ms(beats_at(TIMES), beats_at(TIMES + 0.12)) == pytest.approx(0, abs=1e-6)


def test_the_scatter_is_that_of_the_times():
    rng = np.random.default_rng(0)
    noisy = beats_at(np.sort(TIMES + rng.normal(0, 0.02, 40)))
    assert beat_scatter_ms(noisy, beats_at(TIMES)) == pytest.approx(20, abs=6)


def test_missing_beats_count():
    assert beat_scatter_ms(beats_at(TIMES), beats_at(np.delete(TIMES, slice(0, 40, 4)))) > 50
    assert beat_scatter_ms(beats_at(TIMES), beats_at(TIMES[:2])) == 200


def features(gap=0.0, scatter=5.0, sdnn=30.0):
    measured = Variability(40, 0.0, 70.0 + gap, sdnn, 25.0)
    return beat_features(
        measured,
        Respiration(15.0, 0.8, 0.5),
        bpm=70.0,
        snr_db=8.0,
        seconds=40.0,
        methods_scatter_ms=scatter,
        halves_scatter_ms=scatter,
    )


def test_features_have_their_names_and_are_finite():
    nothing = beat_features(
        Variability(0, 1.0),
        None,
        bpm=70.0,
        snr_db=float("-inf"),
        seconds=20.0,
        methods_scatter_ms=None,
        halves_scatter_ms=None,
    )
    assert features().shape == nothing.shape == (len(FEATURES),)
    assert np.isfinite(nothing).all()


def test_beats_that_scatter_and_disagree_with_the_spectrum_are_improbable():
    index = default_beat_index()["sdnn"]
    assert index.probability("face", features()) > 0.5
    assert index.probability("face", features(gap=4.4, scatter=120.0, sdnn=158.0)) < 0.1
