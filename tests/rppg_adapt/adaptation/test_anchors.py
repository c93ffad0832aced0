"""Anchors hold a window to what its context shows: by training-free methods, or by the source model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.rppg_adapt.conftest import GreenNetwork, pulsing_clip, write_clips
from vision_cli.rppg_adapt.adaptation.agreement import TrainingFreeEstimates
from vision_cli.rppg_adapt.adaptation.anchors import SourceAnchor, TrainingFreeAnchor
from vision_cli.rppg_adapt.adaptation.windows import ClipWindow
from vision_cli.rppg_adapt.training.losses import integrated, power_spectra


class FixedNetwork(torch.nn.Module):
    """A network that reads the same waves whatever it sees."""

    def __init__(self, waves):
        super().__init__()
        self.waves = waves

    def forward(self, x):
        return self.waves


def test_the_anchor_of_a_window_is_the_wave_of_the_most_reliable_method_in_its_context(tmp_path, untrained):
    frames = write_clips(tmp_path, 1, frames=300)[0].frames()
    window = ClipWindow.cut(frames, 40, 160, 300)
    estimates = TrainingFreeEstimates.of(frames, 30.0)
    method, rate, quality = estimates.most_reliable()
    t = torch.arange(160) / 30
    right, wrong = (torch.cos(2 * torch.pi * (rate.bpm + off) / 60 * t)[None] for off in (0, 25))
    original = torch.from_numpy(np.stack([window.frames] * 2))
    anchor = TrainingFreeAnchor(FixedNetwork(torch.cat([wrong, right])), untrained.settings)([window] * 2, original)
    # A pure wave is no proof; a source model that reads another rate has no say.
    assert np.allclose(anchor.waves[0], estimates.derivative(method)[40:200], atol=1e-6)
    assert torch.equal(anchor.waves[1], right[0])
    assert anchor.confidence.tolist() == pytest.approx([quality, quality])


class SlowGreenNetwork(GreenNetwork):
    """A network that was trained on hearts of up to 120 bpm: of faster ones it reads noise."""

    def forward(self, x):
        wave = super().forward(x)
        spectrum = power_spectra(integrated(wave), 30.0)
        bpm = 60 * spectrum.frequencies[spectrum.power.argmax(-1)]
        noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(0)) * wave.std()
        return torch.where(bpm[:, None] <= 120, wave, noise)


@pytest.mark.parametrize("bpm", [72, 108, 156])
def test_the_source_model_is_used_at_the_speed_of_the_clearest_peak(untrained, bpm):
    window = ClipWindow.cut(pulsing_clip(bpm), 40, 160, 300)
    original = torch.from_numpy(window.frames)[None]
    anchor = SourceAnchor(SlowGreenNetwork(), untrained.settings)([window], original)
    frequencies = power_spectra(torch.randn(1, 160), 30.0).frequencies
    assert anchor.power.sum().item() == pytest.approx(1, abs=1e-4)
    assert 60 * frequencies[anchor.power[0].argmax()].item() == pytest.approx(bpm, abs=2)
    assert anchor.confidence.item() > 0.5
    assert anchor.waves is None
