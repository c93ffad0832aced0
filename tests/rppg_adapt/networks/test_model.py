"""A model predicts clips of any length, in windows that blend."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.networks.model import ModelSettings, PulseModel
from vision_cli.rppg_adapt.options import NetworkChoice


class Echo(torch.nn.Module):
    """A network that gives the mean change of its input."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * x.mean((1, 3, 4))


def test_long_clips_are_predicted_in_windows_that_blend():
    t = np.arange(700) / 30
    levels = 120 + 20 * np.sin(2 * np.pi * 1.2 * t)
    frames = np.repeat(np.rint(levels).astype(np.uint8), 8 * 8 * 3).reshape(700, 8, 8, 3)
    model = PulseModel(Echo(), ModelSettings(size=8))
    whole, parts = model.predict_clip(frames, window=700), model.predict_clip(frames, window=150)
    assert np.corrcoef(whole[:-1], parts[:-1])[0, 1] > 0.98
    assert model.predict_clip(frames[:20]).shape == (20,)


def test_too_few_frames_are_refused(untrained):
    with pytest.raises(InputError, match="a clip of 4 frames; 8 or more expected"):
        untrained.predict_clip(np.zeros((4, 16, 16, 3), np.uint8))


def test_settings_of_a_new_network_follow_from_the_choice():
    assert ModelSettings.of(NetworkChoice()) == ModelSettings("lite", 36, 30.0, "diff")
    assert ModelSettings.of(NetworkChoice("physnet")) == ModelSettings("physnet", 72)
    assert ModelSettings.of(NetworkChoice("physnet", "standard", 32)) == ModelSettings("physnet", 32, 30.0, "standard")
