"""Baselines of the detectors: MFCLIP's vision encoder without language (ERM), and the colour coherence alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.coherence_input import CoherenceInput
from vision_cli.forgery_detect.networks.mfclip.building import MfClipVariant, build_mfclip
from vision_cli.forgery_detect.networks.mfclip.detector import MfClip, MfClipOutput

Baseline = Literal["erm", "linear"]


class LinearDetector(nn.Module):
    """A linear model of the coherence features, which sees no picture.

    Parameters
    ----------
    features
        Number of features.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.coherence = CoherenceInput(features)
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, patch: Tensor, coherence: Tensor) -> MfClipOutput:
        """Judge faces by their coherence ``(B, F)`` alone; the features are the standardised ones, the map one cell."""
        logit = self.coherence(coherence) + self.bias
        return MfClipOutput(logit, self.coherence.standardised(coherence), logit[:, None, None].sigmoid())


def build_erm(variant: MfClipVariant = "nano", *, features: int, generator: torch.Generator | None = None) -> MfClip:
    """Return a detector of MFCLIP's size that is to be trained without language, see `build_mfclip`."""
    return build_mfclip(variant, features=features, generator=generator)


def build_linear(*, features: int) -> LinearDetector:
    """Return a linear detector, all weights 0.

    Parameters
    ----------
    features
        Number of coherence features.
    """
    return LinearDetector(features)


def build_baseline(
    method: Baseline, variant: MfClipVariant = "nano", *, features: int, generator: torch.Generator | None = None
) -> MfClip | LinearDetector:
    """Return a baseline by its name, with random weights.

    Parameters
    ----------
    method
        ``erm`` or ``linear``.
    variant
        Size of ``erm``.
    features
        Number of coherence features.
    generator
        Of the weights, on the CPU; None for torch's own.
    """
    if method == "linear":
        return build_linear(features=features)
    return build_erm(variant, features=features, generator=generator)
