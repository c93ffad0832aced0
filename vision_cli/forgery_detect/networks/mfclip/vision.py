"""MFCLIP's vision encoder (MVE): the picture of a face and the noise of its richest patch, fused by a sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.mfclip.noise import NoiseResidual
from vision_cli.forgery_detect.networks.mfclip.tokens import Branch

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Seen:
    """What the encoder makes of B faces.

    Attributes
    ----------
    features
        ``(B, W)``: class token of the picture plus that of the noise.
    places
        ``(B, G G, W)`` tokens of the places of the picture, row by row.
    """

    features: Tensor
    places: Tensor


class VisionEncoder(nn.Module):
    """The vision encoder.

    Parameters
    ----------
    image
        Branch of the picture.
    noise
        Branch of the noise; None for none (ablation).
    is_standardised
        Whether pictures are standardised by colour, and residuals by strength. Otherwise as published: pictures in 0
        to 255, residuals of patches in 0 to 1.
    """

    def __init__(self, image: Branch, noise: Branch | None, *, is_standardised: bool) -> None:
        super().__init__()
        self.image, self.noise = image, noise
        self.residual = NoiseResidual(is_normalised=is_standardised)
        mean, std = (_MEAN, _STD) if is_standardised else ((0.0,) * 3, (1 / 255,) * 3)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, image: Tensor, patch: Tensor) -> Seen:
        """Encode faces.

        Parameters
        ----------
        image
            ``(B, 3, S, S)`` in 0 to 1.
        patch
            ``(B, 3, P, P)`` in 0 to 1.
        """
        tokens = self.image((image - self.mean) / self.std)
        features = tokens[:, 0]
        if self.noise is not None:
            features = features + self.noise(self.residual(patch))[:, 0]
        return Seen(features, tokens[:, 1:])
