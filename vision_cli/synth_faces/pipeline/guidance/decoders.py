"""From latents to pictures with a gradient: by the model's autoencoder, by a tiny one, or by a linear map of a pixel.

At 512 px the decoder of Stable Diffusion takes three times the operations of its UNet; the others take next to none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.core.errors import InputError

Decoder: TypeAlias = Callable[[Tensor], Tensor]
"""From latents as the UNet takes them, ``(B, 4, s, s)``, to pictures ``(B, 3, S, S)``, about 0 to 1."""


class AutoencoderDecoder(nn.Module):
    """The decoder of an ``AutoencoderKL`` or of an ``AutoencoderTiny`` of diffusers.

    Parameters
    ----------
    autoencoder
        Of the model, or a tiny one of the same latents. Its weights need no gradient.
    """

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.autoencoder = autoencoder.requires_grad_(False)
        self.scale = float(autoencoder.config.scaling_factor)

    def forward(self, latents: Tensor) -> Tensor:
        """Return pictures at the full size, not limited, so that there is a gradient everywhere."""
        decoded: Tensor = self.autoencoder.decode(latents / self.scale).sample
        return decoded.add(1).div(2)


class LinearDecoder(nn.Module):
    """A pixel for each latent, by a linear map from its four channels to three.

    Parameters
    ----------
    weights
        ``(3, 5)``: those of the channels, and a constant.
    """

    weights: Tensor

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, latents: Tensor) -> Tensor:
        """Return pictures at the size of the latents, not limited."""
        weights = self.weights.to(latents)
        return functional.conv2d(latents, weights[:, :-1, None, None], weights[:, -1])


def fit_linear_decoder(latents: Tensor, pictures: Tensor) -> LinearDecoder:
    """Return the linear map that is nearest to pictures by least squares.

    Parameters
    ----------
    latents
        As the UNet takes them, ``(N, C, s, s)``.
    pictures
        What they are of, ``(N, 3, S, S)`` in 0 to 1; averaged to the size of the latents.

    Raises
    ------
    InputError
        If there are too few pixels, or as many latents as pictures are not given.
    """
    channels = latents.shape[1]
    if len(latents) != len(pictures) or latents[:, 0].numel() <= channels:
        raise InputError(
            f"a linear decoder of {len(latents)} latents and {len(pictures)} pictures; as many of each, with more than "
            f"{channels} pixels, expected.",
            hint="Give pictures to fit it on, or use --sg-decoder vae.",
        )
    height, width = latents.shape[-2:]
    small = functional.adaptive_avg_pool2d(pictures.double().cpu(), (height, width))
    inputs = latents.double().cpu().movedim(1, -1).flatten(0, -2)
    inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], dim=1)
    found = torch.linalg.lstsq(inputs, small.movedim(1, -1).flatten(0, -2), driver="gelsd").solution
    return LinearDecoder(found.T.float().to(latents.device))
