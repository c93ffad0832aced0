"""Stage 1: the autoencoder, whose latents the diffusion happens in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.core.compute.training import Order
from vision_cli.synth_faces.training.diffusion.captioned import CaptionedFaces, as_pictures

MONITORED = "negative_l1"
_GRADIENT, _SCALES = 0.5, 3
_DIVERGENCE = 1e-4
"""Weight of the divergence of the latents from a normal distribution, a mean over latents."""

_STREAM = 11
_BATCH = 32
_MOST_VALIDATED = 256
MEASURED = 512
"""Faces that the scale of the latents is measured on."""


class AutoencoderTask:
    """The autoencoder and the pictures that it learns from.

    Its loss is the mean absolute error, of the pictures and of their gradients at three scales, and a little of the
    divergence of the latents from a normal distribution.

    Parameters
    ----------
    network
        The autoencoder.
    training, validation
        Faces.
    device
        Where it is computed.
    batch_size, seed
        Of the order, the mirroring and the sampled latents.
    """

    network: nn.Module

    def __init__(
        self,
        network: AutoencoderKL,
        training: CaptionedFaces,
        validation: CaptionedFaces,
        device: torch.device,
        *,
        seed: int,
    ) -> None:
        self.network = Reconstruction(network)
        self.training, self.validation = training, validation
        self.device, self.seed = device, seed
        self._order = Order(len(training), 1, seed)

    def load(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return pictures of these uses, half of them mirrored, and the noise of their latents."""
        places = [self._order.samples(number)[0] for number in numbers]
        pictures = as_pictures(self.training.pictures[places])
        noises = []
        for row, number in enumerate(numbers):
            rng = np.random.default_rng((self.seed, _STREAM, number))
            if rng.random() < 0.5:
                pictures[row] = pictures[row].flip(-1)
            noises.append(rng.standard_normal((4, *(side // 4 for side in pictures.shape[-2:])), np.float32))
        return pictures.to(self.device), torch.from_numpy(np.stack(noises)).to(self.device)

    def training_step(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Return the loss and its parts."""
        pictures, noise = batch
        found, divergence = network(pictures, noise)
        l1, gradients = functional.l1_loss(found, pictures), gradient_error(found, pictures)
        return {"loss": l1 + _GRADIENT * gradients + _DIVERGENCE * divergence, "l1": l1, "gradients": gradients}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the mean absolute error of faces from their mean latents, on the scale of 0 to 1."""
        assert isinstance(network, Reconstruction)
        errors = []
        for start in range(0, min(len(self.validation), _MOST_VALIDATED), _BATCH):
            pictures = as_pictures(self.validation.pictures[start : start + _BATCH]).to(self.device)
            found = network.autoencoder.decode(network.autoencoder.encode(pictures).latent_dist.mode()).sample
            errors.append((found - pictures).abs().mean(dim=(1, 2, 3)))
        l1 = float(torch.cat(errors).mean()) / 2
        return {"l1": l1, MONITORED: -l1}


class Reconstruction(nn.Module):
    """The autoencoder as it is trained: through latents that are drawn from what it says of them."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, pictures: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return pictures ``(B, 3, S, S)``, and the mean divergence of the latents from a normal distribution."""
        latents = self.autoencoder.encode(pictures).latent_dist
        found: Tensor = self.autoencoder.decode(latents.mean + latents.std * noise).sample
        divergence = 0.5 * (latents.mean.square() + latents.var - 1 - latents.logvar).mean()
        return found, divergence


def gradient_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean absolute error of the differences between neighbours, over scales of 1, 2 and 4 px."""
    total = found.new_zeros(())
    error = found - wanted
    for scale in range(_SCALES):
        if scale:
            error = functional.avg_pool2d(error, 2)
        total = total + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return total / _SCALES


@torch.no_grad()
def latents_of(autoencoder: AutoencoderKL, faces: CaptionedFaces, device: torch.device) -> Tensor:
    """Return the mean latents of faces, ``(N, 4, S/4, S/4)`` float16, without their scale."""
    found = []
    for start in range(0, len(faces), _BATCH):
        pictures = as_pictures(faces.pictures[start : start + _BATCH]).to(device)
        found.append(autoencoder.encode(pictures).latent_dist.mode().half().cpu())
    return torch.cat(found)


def latent_scale(latents: Tensor) -> float:
    """Return the factor that gives latents a standard deviation of 1."""
    spread = float(latents.float().std())
    return round(1 / spread, 5) if spread > 0 else 1.0
