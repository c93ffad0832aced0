"""Anchors of an adaptation: targets of the original branch, from the source model or from training-free methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.rppg_adapt.adaptation.agreement import TrainingFreeEstimates
from vision_cli.rppg_adapt.adaptation.windows import ClipWindow
from vision_cli.rppg_adapt.networks.inputs import normalise
from vision_cli.rppg_adapt.networks.model import ModelSettings
from vision_cli.rppg_adapt.networks.tstc import resample_to_speed
from vision_cli.rppg_adapt.signals.quality import AGREE_WITHIN_BPM
from vision_cli.rppg_adapt.signals.spectra import heart_rate_of_derivative
from vision_cli.rppg_adapt.training.losses import Anchor, Spectra, integrated, peak_share, power_spectra, push_forward

SPEEDS = (0.6, 0.75, 1.0)
"""Speeds at which the source model sees a clip; slower ones, because it errs most at higher rates than it has seen."""


class SourceAnchor:
    """Spectra that the source model predicts for the contexts of windows, each at the speed of the clearest peak.

    Aligns the target with the source domain by the means of the paper's temporal branch: a heart rate of 150 bpm in a
    clip that is shown at 0.6 of its speed appears as 90 bpm, and the predicted spectrum is pushed forward to 150 bpm.
    The confidence of a spectrum is the share of its power near its peak.

    Parameters
    ----------
    network
        Network of the source model, frozen.
    settings
        Input of the network.
    """

    def __init__(self, network: nn.Module, settings: ModelSettings) -> None:
        self.network, self.settings = network, settings
        self._cache: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def __call__(self, windows: Sequence[ClipWindow], original: Tensor) -> Anchor:
        """Return the anchor of windows whose original views are ``(B, T, S, S, 3)``."""
        found = []
        for window in windows:
            if window.context_id not in self._cache:
                context = torch.from_numpy(window.context)[None].to(original.device)
                self._cache[window.context_id] = self._clearest_spectrum(context)
            found.append(self._cache[window.context_id])
        return Anchor(torch.cat([power for power, _ in found]), torch.cat([confidence for _, confidence in found]))

    def _clearest_spectrum(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spectrum ``(1, K)`` with the clearest peak over all speeds, and its confidence ``(1,)``."""
        candidates = []
        for speed in SPEEDS:
            wave = self.network(normalise(resample_to_speed(context, speed), self.settings.normalisation))
            seen = power_spectra(integrated(wave), self.settings.fps)
            power = push_forward(seen, 1 / torch.full((1,), speed, device=wave.device))
            candidates.append((power, peak_share(Spectra(seen.frequencies, power))))
        return max(candidates, key=lambda one: float(one[1]))


class TrainingFreeAnchor:
    """Waves of training-free methods, for each window of the method with the highest quality.

    If the source model predicts the same rate, its wave is used, which has less noise. The confidence is the quality of
    the training-free method: the quality index is calibrated for the shipped network only, not for any source model.

    Parameters
    ----------
    network, settings
        Network of the source model, and its input.
    """

    def __init__(self, network: nn.Module, settings: ModelSettings) -> None:
        self.network, self.settings = network, settings
        self._cache: dict[tuple[int, int], TrainingFreeEstimates] = {}

    @torch.no_grad()
    def __call__(self, windows: Sequence[ClipWindow], original: Tensor) -> Anchor:
        """Return the anchor of windows whose original views are ``(B, T, S, S, 3)``."""
        fps = self.settings.fps
        derivatives = self.network(normalise(original, self.settings.normalisation))
        waves, confidences = [], []
        for window, derivative in zip(windows, derivatives.double().cpu().numpy(), strict=True):
            if window.context_id not in self._cache:
                self._cache[window.context_id] = TrainingFreeEstimates.of(window.context, fps)
            estimates = self._cache[window.context_id]
            method, rate, quality = estimates.most_reliable()
            agrees = abs(heart_rate_of_derivative(derivative, fps).bpm - rate.bpm) < AGREE_WITHIN_BPM
            training_free = estimates.derivative(method)[window.start : window.start + len(derivative)]
            waves.append(derivative if agrees else training_free)
            confidences.append(quality)
        targets = torch.from_numpy(np.stack(waves)).to(derivatives)
        return Anchor.of(targets, torch.tensor(confidences).to(derivatives), fps)
