"""Clips carry their pulse in the colours of the skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.phantoms.faces.pulse_clips import SHIFTED, TRAINING, make_clip, random_walk

CALM = replace(
    TRAINING, melanin=(0.0, 0.2), strength=(0.01, 0.012), motion=0.0, flicker=0.0, odd_clocks=0.0, jpeg=0, video=0
)


def test_the_same_state_gives_the_same_clip():
    clips = [make_clip(np.random.default_rng(9), frames=20, size=24) for _ in range(2)]
    np.testing.assert_array_equal(clips[0].frames, clips[1].frames)
    assert clips[0].frames.shape == (20, 24, 24, 3)


def test_a_calm_clip_pulses_in_green_more_than_in_red(rate_of):
    ratios = []
    for seed in range(4):
        clip = make_clip(np.random.default_rng(seed), frames=240, style=CALM)
        colours = clip.frames[:, 9:27, 9:27].reshape(240, -1, 3).mean(axis=1)
        relative = colours / colours.mean(axis=0) - 1
        gain = relative.T @ (clip.wave - clip.wave.mean())
        ratios.append(gain[0] / gain[1])
        assert rate_of(relative[:, 1], 30) == pytest.approx(rate_of(clip.wave, 30), abs=1)
        assert np.corrcoef(relative[:, 1], clip.wave)[0, 1] < -0.8
    assert 0.2 < np.median(ratios) < 0.8


def test_shifted_clips_are_darker():
    means = [
        np.mean([make_clip(np.random.default_rng(k), frames=4, style=s).frames.mean() for k in range(8)])
        for s in (TRAINING, SHIFTED)
    ]
    assert means[1] < 0.7 * means[0]


def test_every_kind_of_clip_is_made():
    odd = replace(TRAINING, odd_clocks=1.0, jpeg=0.4, video=0.4)
    for seed in range(6):
        clip = make_clip(np.random.default_rng(seed), frames=30, size=24, style=odd)
        assert clip.frames.shape == (30, 24, 24, 3)
        assert 5 < clip.frames.mean() < 250


def test_a_walk_has_the_amplitude_asked_for():
    times = np.arange(3000) / 30
    assert random_walk(np.random.default_rng(0), times, 0.5, 2.0).std() == pytest.approx(2, rel=0.3)
