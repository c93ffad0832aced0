"""The overall rate is that of most windows; a few that lie apart are errors, many may be a change of the rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.rppg_adapt.pipeline.joining import lasting_groups, overall_blood, overall_rate
from vision_cli.rppg_adapt.pipeline.results import WindowEstimate
from vision_cli.rppg_adapt.signals.spectra import HeartRate

WINDOW_S = 10.0


def rate_of(bpm):
    return HeartRate(bpm, 3.0, 0.6, 0.2, 1.5)


def windows_of(rates, qualities=None):
    """Return windows of ten seconds, one a second."""
    known = [0.8] * len(rates) if qualities is None else qualities
    return [
        WindowEstimate(float(k), k + WINDOW_S, rate_of(bpm), quality, "pos")
        for k, (bpm, quality) in enumerate(zip(rates, known, strict=True))
    ]


def kept_of(rates, whole_bpm=None, qualities=None):
    """Return which of a part's windows, one a second, are kept."""
    bpm = np.array(rates, np.float64)
    known = np.full(len(bpm), 0.8) if qualities is None else np.array(qualities)
    seconds = np.full(len(bpm), (len(bpm) - 1 + WINDOW_S) / len(bpm))
    groups = lasting_groups(bpm, known, seconds, WINDOW_S, whole_bpm)
    return np.isin(np.arange(len(bpm)), np.concatenate(groups)).tolist()


def test_a_few_windows_that_lie_apart_do_not_count():
    rates = [72.0, 71.5, 72.5, 110.0, 111.0, 109.0, 72.0, 71.0, 72.0, 73.0]
    assert kept_of(rates) == [bpm < 100 for bpm in rates]
    assert overall_rate([windows_of(rates)], rate_of(72.0))[0] == pytest.approx(72, abs=0.5)


def test_the_interval_says_that_some_windows_lie_apart():
    alike, apart = [72.0] * 10, [72.0] * 7 + [110.0] * 3
    assert overall_rate([windows_of(apart)], rate_of(72.0))[1] > 3 * overall_rate([windows_of(alike)], rate_of(72.0))[1]


def test_the_whole_wave_decides_between_groups_of_windows():
    rates, qualities = [72.0] * 4 + [95.0] * 4, [0.8] * 4 + [0.85] * 4
    assert kept_of(rates, None, qualities) == [False] * 4 + [True] * 4
    assert kept_of(rates, 73.0, qualities) == [True] * 4 + [False] * 4
    # A rate that no window has decides nothing.
    assert kept_of(rates, 140.0, qualities) == kept_of(rates, None, qualities)


def test_a_change_of_the_rate_that_lasts_as_long_as_a_window_counts():
    rates = [60.0] * 30 + [100.0] * 30
    assert all(kept_of(rates, 100.0))
    assert overall_rate([windows_of(rates)], rate_of(100.0))[0] == pytest.approx(80)


def test_a_rate_that_drifts_is_of_one_group():
    assert all(kept_of(np.linspace(60, 95, 40), 62.0))


def test_windows_of_low_quality_are_outvoted():
    rates, qualities = [72.0] * 4 + [95.0] * 5, [0.9] * 4 + [0.3] * 5
    assert overall_rate([windows_of(rates, qualities)], rate_of(140.0))[0] == pytest.approx(72, abs=0.1)


def test_the_rate_of_each_part_between_pauses_counts():
    parts = [windows_of([60.0] * 5), windows_of([100.0] * 5)]
    assert overall_rate(parts, rate_of(60.0))[0] == pytest.approx(80)


@given(st.lists(st.floats(40, 200), min_size=1, max_size=30), st.one_of(st.none(), st.floats(40, 200)))
def test_some_windows_are_always_kept_and_the_order_does_not_matter(rates, whole):
    kept = kept_of(rates, whole)
    assert any(kept)
    assert kept_of(rates[::-1], whole)[::-1] == kept


def test_windows_share_one_probability_of_blood():
    (one,) = windows_of([72.0])
    assert overall_blood([[one]]) is None
    known = [[replace(one, blood=value) for value in (0.2, 0.8)]]
    assert overall_blood(known) == pytest.approx(0.5)
