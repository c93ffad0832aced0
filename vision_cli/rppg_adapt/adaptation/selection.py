"""Label-free selection of the adapted weights: two scores of a network on the clips that it is adapted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.rppg_adapt.adaptation.agreement import TrainingFreeEstimates
from vision_cli.rppg_adapt.networks.inputs import normalise
from vision_cli.rppg_adapt.networks.model import ModelSettings
from vision_cli.rppg_adapt.networks.tstc import resample_to_speed
from vision_cli.rppg_adapt.signals.classical import METHODS
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave, heart_rate_of_derivative

_TOLERANCE_BPM = 5.0
_COLLAPSED_BPM = 1.0


class AgreementScore:
    """Mean agreement of a network's rates with those of the seven training-free methods, 0 to 1.

    The agreement of a rate is the share of the methods that estimate the same rate within 5 bpm. The clarity of the
    spectra does not count, because adaptation sharpens wrong spectra too. All clips that are adapted to are used: no
    label could be learned by heart, and the mean over a few clips is noisy. A network that predicts one rate for all
    clips has collapsed and scores 0.

    Parameters
    ----------
    segments
        Crops ``(C, S, S, 3)`` uint8 each.
    settings
        Input of the networks.
    device
        Device of the networks.
    """

    def __init__(self, segments: Sequence[NDArray[np.uint8]], settings: ModelSettings, device: torch.device) -> None:
        self.segments, self.settings, self.device = segments, settings, device
        self.estimates = [TrainingFreeEstimates.of(one, settings.fps, tuple(METHODS)) for one in segments]

    def __call__(self, network: nn.Module) -> float:
        """Return the score of a network, which is set to evaluation mode."""
        network.eval()
        bpm = self.rates(network)
        return 0.0 if is_collapsed(bpm) else float(self.agreements(bpm).mean())

    def rates(self, network: nn.Module) -> Wave:
        """Return the rates that a network in evaluation mode predicts for the segments, ``(N,)`` bpm."""
        return np.array([predict_rate(network, _pixels(one, self.device), self.settings).bpm for one in self.segments])

    def agreements(self, bpm: Wave) -> Wave:
        """Return the agreement of rates ``(N,)`` of the segments, ``(N,)``."""
        return np.array([one.agreement(rate, _TOLERANCE_BPM) for one, rate in zip(self.estimates, bpm, strict=True)])


class BranchScore:
    """Clarity of a network's spectra and consistency of its branches, 0 to 1.

    The mean over segments of the share of power near the peak, multiplied by the share of two views, one rotated and
    one resampled in time, that give the same rate. A network may be consistent at a wrong rate: the score is 0 if the
    agreement with the training-free methods is lower than that of the source model by more than a standard error, or if
    the network has collapsed.

    Parameters
    ----------
    agreement
        Score whose segments and training-free estimates are used.
    source
        Network of the source model.
    factors
        Time factors of the resampled views, used in turn.
    """

    def __init__(self, agreement: AgreementScore, source: nn.Module, factors: Sequence[float]) -> None:
        self.agreement, self.factors = agreement, factors
        self._source_agreements = agreement.agreements(agreement.rates(source.eval()))

    def __call__(self, network: nn.Module) -> float:
        """Return the score of a network, which is set to evaluation mode."""
        network.eval()
        bpm, scores = self._rates_and_scores(network)
        change = self.agreement.agreements(bpm) - self._source_agreements
        agrees_less = change.mean() < -change.std() / np.sqrt(len(change))
        return 0.0 if agrees_less or is_collapsed(bpm) else float(scores.mean())

    def _rates_and_scores(self, network: nn.Module) -> tuple[Wave, Wave]:
        settings = self.agreement.settings
        rates, scores = [], []
        for number, segment in enumerate(self.agreement.segments):
            pixels = _pixels(segment, self.agreement.device).float()
            factor = self.factors[number % len(self.factors)]
            rate = predict_rate(network, pixels, settings)
            spatial = predict_rate(network, torch.rot90(pixels.flip(3), 1, (2, 3)), settings).bpm
            temporal = predict_rate(network, resample_to_speed(pixels, factor)[:, : len(segment)], settings).bpm
            is_same = [abs(bpm - rate.bpm) < _TOLERANCE_BPM for bpm in (spatial, temporal / factor)]
            rates.append(rate.bpm)
            scores.append(rate.peak_share * np.mean(is_same))
        return np.array(rates), np.array(scores)


@torch.no_grad()
def predict_rate(network: nn.Module, pixels: Tensor, settings: ModelSettings) -> HeartRate:
    """Return the heart rate that a network in evaluation mode predicts for a clip ``(1, T, S, S, 3)``."""
    derivative = network(normalise(pixels, settings.normalisation))[0].double().cpu().numpy()
    return heart_rate_of_derivative(derivative, settings.fps)


def is_collapsed(bpm: Wave) -> bool:
    """Return whether the rates ``(N,)`` of three clips or more are all the same."""
    return len(bpm) > 2 and float(np.std(bpm)) < _COLLAPSED_BPM


def _pixels(segment: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(segment)[None].to(device)
