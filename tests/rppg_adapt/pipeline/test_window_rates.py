"""Rhythms that are too weak, or that the background shares, are not reliable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.rppg_adapt.conftest import clip_of, make_traces
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.waves import pulse_waves
from vision_cli.rppg_adapt.pipeline.window_rates import choose_rates, rates_of_windows
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band


@pytest.mark.parametrize(("changes", "sure"), [({}, True), ({"amplitude": 1e-4}, False), ({"background": 0.5}, False)])
def test_no_pulse_is_weak_or_shared_by_the_background(changes, sure):
    clip, band = clip_of(make_traces(72, 10)[0]), heart_rate_band(30.0)
    waves = pulse_waves(clip, PulseOptions(), None, band)
    (found,) = rates_of_windows(clip, waves, PulseOptions(), band)
    found = replace(found, evidence={name: replace(one, **changes) for name, one in found.evidence.items()})
    (chosen,) = choose_rates(clip, [found], list(waves), "colour_trace")
    assert chosen.rate.bpm == pytest.approx(72, abs=1)
    assert (chosen.quality >= 0.5) == sure
