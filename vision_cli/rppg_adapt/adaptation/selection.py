"""Which weights are kept, without labels: two scores of a network on the clips that it is adapted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.rppg_adapt.adaptation.agreement import Testimony
from vision_cli.rppg_adapt.networks.files import ModelSettings
from vision_cli.rppg_adapt.networks.networks import at_speed, normalise
from vision_cli.rppg_adapt.signals.classical import METHODS
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave, rate_of

_SAME_BPM = 5.0
_COLLAPSED_BPM = 1.0


class WitnessScore:
    """How often the rates that a network reads are borne out, without knowing the right ones; 0 to 1.

    The mean share of the methods without training that read the same rate, over parts of clips. Rates alone count:
    adaptation makes any spectrum sharper, a wrong one too. All clips that are adapted to are asked, since none has a
    label that could be learnt by heart, and a few clips tell little. A network that reads one rate everywhere has
    collapsed and scores 0.

    Parameters
    ----------
    parts
        ``(C, S, S, 3)`` each.
    settings
        What networks are fed.
    device
        Where it is computed.
    """

    def __init__(self, parts: Sequence[NDArray[np.uint8]], settings: ModelSettings, device: torch.device) -> None:
        self.parts, self.settings, self.device = parts, settings, device
        self.testimonies = [Testimony.of(one, settings.fps, tuple(METHODS)) for one in parts]

    def __call__(self, network: nn.Module) -> float:
        """Score a network, which is set to evaluation."""
        network.eval()
        bpm = self.rates(network)
        return 0.0 if have_collapsed(bpm) else float(self.shares(bpm).mean())

    def rates(self, network: nn.Module) -> Wave:
        """Give the rate that a network in evaluation mode reads in each part, ``(N,)`` bpm."""
        return np.array([read(network, _pixels(part, self.device), self.settings).bpm for part in self.parts])

    def shares(self, bpm: Wave) -> Wave:
        """Give the share of the methods that read the same rate in each part, ``(N,)``, for rates ``(N,)``."""
        return np.array([one.share_near(rate, _SAME_BPM) for one, rate in zip(self.testimonies, bpm, strict=True)])


class BranchScore:
    """How clear a network's readings are, and how well those of its branches agree; 0 to 1.

    The mean over parts of clips of the share of the power near the peak times the share of two views, one turned and
    one resampled, that show the same rate. A network may agree with itself on a wrong rate: where the methods without
    training side with the source model by more than a standard error, or the network has collapsed, the score is 0.

    Parameters
    ----------
    witnesses
        Their parts are read.
    source
        Network of the source model.
    factors
        Of time, of the resampled views in turn.
    """

    def __init__(self, witnesses: WitnessScore, source: nn.Module, factors: Sequence[float]) -> None:
        self.witnesses, self.factors = witnesses, factors
        self._source_shares = witnesses.shares(witnesses.rates(source.eval()))

    def __call__(self, network: nn.Module) -> float:
        """Score a network, which is set to evaluation."""
        network.eval()
        bpm, scores = self._readings(network)
        change = self.witnesses.shares(bpm) - self._source_shares
        is_contradicted = change.mean() < -change.std() / np.sqrt(len(change))
        return 0.0 if is_contradicted or have_collapsed(bpm) else float(scores.mean())

    def _readings(self, network: nn.Module) -> tuple[Wave, Wave]:
        settings = self.witnesses.settings
        rates, scores = [], []
        for number, part in enumerate(self.witnesses.parts):
            pixels, factor = _pixels(part, self.witnesses.device).float(), self.factors[number % len(self.factors)]
            rate = read(network, pixels, settings)
            spatial = read(network, torch.rot90(pixels.flip(3), 1, (2, 3)), settings).bpm
            temporal = read(network, at_speed(pixels, factor)[:, : len(part)], settings).bpm
            same = [abs(bpm - rate.bpm) < _SAME_BPM for bpm in (spatial, temporal / factor)]
            rates.append(rate.bpm)
            scores.append(rate.peak_share * np.mean(same))
        return np.array(rates), np.array(scores)


@torch.no_grad()
def read(network: nn.Module, pixels: Tensor, settings: ModelSettings) -> HeartRate:
    """Give the rate that a network in evaluation mode reads from a clip ``(1, T, S, S, 3)``."""
    return rate_of(network(normalise(pixels, settings.normalisation))[0].double().cpu().numpy(), settings.fps)


def have_collapsed(bpm: Wave) -> bool:
    """Whether rates ``(N,)`` of many clips are one and the same."""
    return len(bpm) > 2 and float(np.std(bpm)) < _COLLAPSED_BPM


def _pixels(part: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(part)[None].to(device)
