"""Stage 1: the autoencoder, whose latents the diffusion happens in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.core.compute.training import Order
from vision_cli.synth_faces.networks.diffusion.mini_sd import LATENTS, DiffusionParts, mean_latents
from vision_cli.synth_faces.training.diffusion.captioned import CaptionedFaces, as_pictures
from vision_cli.synth_faces.training.diffusion.weighting import face_weight

_GRADIENT, _SCALES = 0.5, 3
_SIZE = 3e-4
"""Weight of the mean square of the latents, which keeps them near 1."""

_NOISE = 0.04
"""Standard deviation of the noise on the latents, so that the decoder stands what a denoiser leaves."""

_STREAM = 11
_BATCH = 32
_MOST_VALIDATED = 256
MEASURED = 512
"""Faces that the scale of the latents is measured on."""


class AutoencoderTask:
    """The autoencoder and the pictures that it learns from.

    Its loss is the mean absolute error, of the pictures and of their gradients at three scales, weighted by where faces
    are, and a little of the mean square of the latents.

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
        network: AutoencoderTiny,
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
        self._weight = face_weight(training.pictures.shape[1]).to(device)

    def load(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return pictures of these uses, half of them mirrored, and the noise of their latents."""
        places = [self._order.samples(number)[0] for number in numbers]
        pictures = as_pictures(self.training.pictures[places])
        noises = []
        for row, number in enumerate(numbers):
            rng = np.random.default_rng((self.seed, _STREAM, number))
            if rng.random() < 0.5:
                pictures[row] = pictures[row].flip(-1)
            noises.append(rng.standard_normal((LATENTS, *(side // 4 for side in pictures.shape[-2:])), np.float32))
        return pictures.to(self.device), torch.from_numpy(np.stack(noises)).to(self.device)

    def training_step(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Return the loss and its parts."""
        pictures, noise = batch
        found, latents = network(pictures, noise)
        error = (found.float() - pictures) * self._weight
        l1, gradients = error.abs().mean(), gradient_error(error)
        size = latents.float().square().mean()
        return {"loss": l1 + _GRADIENT * gradients + _SIZE * size, "l1": l1, "gradients": gradients}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the mean absolute error of faces, on the scale of 0 to 1."""
        assert isinstance(network, Reconstruction)
        errors = []
        for start in range(0, min(len(self.validation), _MOST_VALIDATED), _BATCH):
            pictures = as_pictures(self.validation.pictures[start : start + _BATCH]).to(self.device)
            found = network.autoencoder.decode(mean_latents(network.autoencoder, pictures)).sample
            errors.append((found - pictures).abs().mean(dim=(1, 2, 3)))
        l1 = float(torch.cat(errors).mean()) / 2
        return {"l1": l1}


class Reconstruction(nn.Module):
    """The autoencoder as it is trained: with noise on its latents."""

    def __init__(self, autoencoder: AutoencoderTiny) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, pictures: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return pictures ``(B, 3, S, S)``, and their latents ``(B, 4, S/4, S/4)``."""
        latents = mean_latents(self.autoencoder, pictures)
        found: Tensor = self.autoencoder.decode(latents + _NOISE * noise).sample
        return found, latents


def gradient_error(error: Tensor) -> Tensor:
    """Return the mean absolute difference between neighbours of an error, over scales of 1, 2 and 4 px."""
    total = error.new_zeros(())
    for scale in range(_SCALES):
        if scale:
            error = functional.avg_pool2d(error, 2)
        total = total + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return total / _SCALES


@torch.no_grad()
def latents_of(autoencoder: AutoencoderKL | AutoencoderTiny, faces: CaptionedFaces, device: torch.device) -> Tensor:
    """Return the latents of faces, ``(N, 4, S/4, S/4)`` float16, without their scale."""
    found = []
    for start in range(0, len(faces), _BATCH):
        pictures = as_pictures(faces.pictures[start : start + _BATCH]).to(device)
        found.append(mean_latents(autoencoder, pictures).half().cpu())
    return torch.cat(found)


def scaled_latents(parts: DiffusionParts, faces: CaptionedFaces, device: torch.device) -> Tensor:
    """Return the latents of faces as the UNet takes them, ``(N, 4, s, s)`` float16 on the CPU."""
    return (latents_of(parts.autoencoder, faces, device).float() * parts.latent_scale).half()


def latent_scale(latents: Tensor) -> float:
    """Return the factor that gives latents a standard deviation of 1."""
    spread = float(latents.float().std())
    return round(1 / spread, 5) if spread > 0 else 1.0
