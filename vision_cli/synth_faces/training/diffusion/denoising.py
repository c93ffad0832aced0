"""Stage 2: UNet and text encoder, on the latents of the autoencoder, under captions alone.

Prediction of v, weighted by the signal-to-noise ratio as min-SNR does (T. Hang et al., "Efficient diffusion training
via min-SNR weighting strategy", ICCV 2023, section 3.4).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.compute.training import Order
from vision_cli.synth_faces.networks.diffusion.mini_sd import DiffusionParts
from vision_cli.synth_faces.training.diffusion.weighting import face_weight, spread_time

_GAMMA = 5.0
_LEAST_SNR = 0.25
"""Below this the weight falls no more: without signal it would be 0, and the first step of sampling untrained."""

_EMPTY_CHANCE = 0.1
"""How often the caption is left out, so that sampling can be steered away from no caption."""

_AVERAGE = 0.999
_STREAM, _VALIDATION_STREAM = 12, 13
_BATCH, _MOST_VALIDATED = 64, 256


@dataclass(frozen=True)
class Latents:
    """Faces as the UNet learns them.

    Attributes
    ----------
    latents
        ``(N, 4, s, s)``, with a standard deviation of about 1.
    tokens
        Of their captions, ``(N, T)``.
    """

    latents: Tensor = field(repr=False)
    tokens: Tensor = field(repr=False)


class Denoiser(nn.Module):
    """UNet and text encoder as they are trained, and the running average of their weights.

    Parameters
    ----------
    parts
        The model.
    """

    def __init__(self, parts: DiffusionParts) -> None:
        super().__init__()
        self.text_encoder, self.unet = parts.text_encoder, parts.unet
        self.average_text_encoder = copy.deepcopy(parts.text_encoder).requires_grad_(False)
        self.average_unet = copy.deepcopy(parts.unet).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, noisy: Tensor, times: Tensor, tokens: Tensor) -> Tensor:
        """Return the prediction of v, ``(B, 4, s, s)``; in evaluation mode that of the average."""
        text, unet = (self.text_encoder, self.unet) if self.training else (self.average_text_encoder, self.average_unet)
        context = text(input_ids=tokens).last_hidden_state
        predicted: Tensor = unet(noisy, times, context).sample
        return predicted

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average towards the weights; faster in the first steps, as the first weights are random."""
        assert isinstance(self.updates, Tensor)
        done = int(self.updates)
        share = 1 - min(_AVERAGE, (1 + done) / (10 + done))
        pairs = ((self.average_text_encoder, self.text_encoder), (self.average_unet, self.unet))
        for average, own in pairs:
            torch._foreach_lerp_(list(average.parameters()), list(own.parameters()), share)
        self.updates += 1


class DenoisingTask:
    """UNet, text encoder and the latents that they learn from.

    Parameters
    ----------
    parts
        The model.
    training, validation
        Faces.
    device
        Where it is computed.
    seed
        Of the order, the noise and the captions that are left out.
    """

    network: nn.Module

    def __init__(
        self, parts: DiffusionParts, training: Latents, validation: Latents, device: torch.device, *, seed: int
    ) -> None:
        self.network = Denoiser(parts).to(device)
        self.training, self.validation = training, validation
        self.device, self.seed = device, seed
        self._order = Order(len(training.latents), 1, seed)
        self._empty = tokens_of(parts, [""])[0]
        self._weight = face_weight(training.latents.shape[-1]).to(device)
        self._signal = parts.scheduler.alphas_cumprod.clone().float()

    def load(self, numbers: Sequence[int]) -> tuple[Tensor, ...]:
        """Return latents, noise, time steps and tokens of these uses."""
        places = [self._order.samples(number)[0] for number in numbers]
        return self._batch(self.training, places, numbers, _STREAM, drops=True)

    def training_step(self, network: nn.Module, batch: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        """Return the squared error of v, weighted by time and place."""
        # On several processes the network is wrapped.
        inner = getattr(network, "module", network)
        assert isinstance(inner, Denoiser)
        inner.follow()
        return {"loss": self._loss(network, batch)}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the loss of faces that are not trained on, of the averaged weights and always the same noise."""
        losses = []
        for start in range(0, min(len(self.validation.latents), _MOST_VALIDATED), _BATCH):
            places = list(range(start, min(start + _BATCH, len(self.validation.latents), _MOST_VALIDATED)))
            batch = self._batch(self.validation, places, places, _VALIDATION_STREAM, drops=False)
            losses += [float(self._loss(network, batch))] * len(places)
        return {"loss": float(np.mean(losses))}

    def _batch(
        self, faces: Latents, places: Sequence[int], numbers: Sequence[int], stream: int, *, drops: bool
    ) -> tuple[Tensor, ...]:
        latents, tokens = faces.latents[list(places)].float(), faces.tokens[list(places)].clone()
        steps = len(self._signal)
        noises, times = [], []
        for row, number in enumerate(numbers):
            rng = np.random.default_rng((self.seed, stream, number))
            noises.append(rng.standard_normal(latents.shape[1:], np.float32))
            times.append(spread_time(number, steps))
            if drops and rng.random() < _EMPTY_CHANCE:
                tokens[row] = self._empty
        noise = torch.from_numpy(np.stack(noises))
        return tuple(one.to(self.device) for one in (latents, noise, torch.tensor(times), tokens))

    def _loss(self, network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        latents, noise, times, tokens = batch
        signal = self._signal.to(self.device)[times].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        wanted = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        error = (self._weight * (network(noisy, times, tokens).float() - wanted).square()).mean(dim=(1, 2, 3))
        weight = signal_weight(signal.flatten())
        mean: Tensor = (weight * error).sum() / weight.sum()
        return mean


def signal_weight(signal: Tensor) -> Tensor:
    """Return the weight of the squared error of v: min(SNR, 5) / (SNR + 1), with SNR at least 0.25 in the numerator.

    Parameters
    ----------
    signal
        Cumulative products of alpha, whose signal-to-noise ratio is ``signal / (1 - signal)``.
    """
    ratio = signal / (1 - signal).clamp(min=1e-8)
    return ratio.clamp(_LEAST_SNR, _GAMMA) / (ratio + 1)


def tokens_of(parts: DiffusionParts, captions: Sequence[str]) -> Tensor:
    """Return the tokens of captions, ``(N, T)``; what is too long is cut."""
    length = int(parts.tokenizer.model_max_length)
    batch = parts.tokenizer(list(captions), padding="max_length", max_length=length, truncation=True)
    return torch.tensor(batch["input_ids"])
