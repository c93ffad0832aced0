"""What adaptation holds the central branch to: what the source model reads of a clip, or what needs no training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.rppg_adapt.adaptation.agreement import Testimony
from vision_cli.rppg_adapt.adaptation.windows import Window
from vision_cli.rppg_adapt.networks.files import ModelSettings
from vision_cli.rppg_adapt.networks.networks import at_speed, normalise
from vision_cli.rppg_adapt.signals.quality import AGREES_BPM
from vision_cli.rppg_adapt.signals.spectra import rate_of
from vision_cli.rppg_adapt.training.losses import Anchor, Spectra, integrated, peak_share, power_spectra, push_forward

SPEEDS = (0.6, 0.75, 1.0)
"""How fast the source model is shown what it reads; slower, for it errs most in hearts faster than it has seen."""


class SourceAnchor:
    """Spectra that the source model reads from the contexts of windows, each at the speed at which it is surest.

    The alignment of the target with the source domain by the means that the paper's temporal branch has: a heart of 150
    bpm that is shown at 0.6 of its speed beats as one of 90, and the spectrum that is read from it is pushed forward to
    where it belongs. How sure a spectrum is, is the share of its power near its peak.

    Parameters
    ----------
    network
        Of the source model, frozen.
    settings
        What it is fed.
    """

    def __init__(self, network: nn.Module, settings: ModelSettings) -> None:
        self.network, self.settings = network, settings
        self._known: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def __call__(self, windows: Sequence[Window], original: Tensor) -> Anchor:
        """Give the anchor of windows whose original views are ``(B, T, S, S, 3)``."""
        found = []
        for window in windows:
            if window.place not in self._known:
                self._known[window.place] = self._surest(torch.from_numpy(window.context)[None].to(original.device))
            found.append(self._known[window.place])
        return Anchor(torch.cat([power for power, _ in found]), torch.cat([sureness for _, sureness in found]))

    def _surest(self, context: Tensor) -> tuple[Tensor, Tensor]:
        read = []
        for speed in SPEEDS:
            wave = self.network(normalise(at_speed(context, speed), self.settings.normalisation))
            seen = power_spectra(integrated(wave), self.settings.fps)
            power = push_forward(seen, 1 / torch.full((1,), speed, device=wave.device))
            read.append((power, peak_share(Spectra(seen.frequencies, power))))
        return max(read, key=lambda one: float(one[1]))


class WitnessedAnchor:
    """Waves of methods without training, window by window of the one that is most probably right.

    Where the source model reads the same rate its wave is taken, which is cleaner. How sure a network is of itself is
    not asked: the index knows that of the shipped one alone.

    Parameters
    ----------
    network, settings
        Of the source model.
    """

    def __init__(self, network: nn.Module, settings: ModelSettings) -> None:
        self.network, self.settings = network, settings
        self._known: dict[tuple[int, int], Testimony] = {}

    @torch.no_grad()
    def __call__(self, windows: Sequence[Window], original: Tensor) -> Anchor:
        """Give the anchor of windows whose original views are ``(B, T, S, S, 3)``."""
        fps = self.settings.fps
        derivatives = self.network(normalise(original, self.settings.normalisation))
        waves, sureness = [], []
        for window, derivative in zip(windows, derivatives.double().cpu().numpy(), strict=True):
            if window.place not in self._known:
                self._known[window.place] = Testimony.of(window.context, fps)
            testimony = self._known[window.place]
            method, rate, sure = testimony.surest()
            agrees = abs(rate_of(derivative, fps).bpm - rate.bpm) < AGREES_BPM
            told = testimony.derivative(method)[window.start : window.start + len(derivative)]
            waves.append(derivative if agrees else told)
            sureness.append(sure)
        held_to = torch.from_numpy(np.stack(waves)).to(derivatives)
        return Anchor.of(held_to, torch.tensor(sureness).to(derivatives), fps)
