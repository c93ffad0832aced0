"""Training of what is added to a frozen text-to-image model, by the squared error of its prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.compute.training import Order
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.training.diffusion.weighting import face_weight, spread_time

MONITORED = "negative_loss"

_NO_TEXT_CHANCE = 0.05
"""How often the caption is left out, so that what is learned holds without words too."""

_STREAM, _VALIDATION_STREAM = 14, 15
_BATCH, _MOST_VALIDATED = 64, 256


@dataclass(frozen=True)
class UnitLatents:
    """Faces as the adapter learns them; a caption that several faces have is held once.

    Attributes
    ----------
    latents
        As the UNet takes them, ``(N, 4, s, s)``.
    texts, captions
        Contexts of the captions, ``(U, T, C)``, and the row of that of each face, ``(N,)``.
    intensities
        Of the action units, ``(N, A)``, 0 to 5.
    """

    latents: Tensor = field(repr=False)
    texts: Tensor = field(repr=False)
    captions: Tensor = field(repr=False)
    intensities: Tensor = field(repr=False)

    def __post_init__(self) -> None:
        counts = len(self.latents), len(self.captions), len(self.intensities)
        if len(set(counts)) != 1 or not counts[0]:
            raise InputError(f"{counts[0]} latents, {counts[1]} captions, {counts[2]} vectors; one of each a face.")

    def __len__(self) -> int:
        return len(self.latents)


class FrozenModelTask:
    """What is added to a model, and the latents that it learns from.

    Parameters
    ----------
    network
        Of what is added: called with noisy latents, time steps, text and intensities, it returns the prediction of the
        model, ``(B, 4, s, s)``; without intensities that under text alone.
    scheduler
        Of the model: its noise, and whether noise or v is predicted.
    empty
        Context of no caption, ``(T, C)``.
    training, validation
        Faces.
    device
        Where it is computed.
    seed
        Of the order, the noise and the captions that are left out.

    Raises
    ------
    InputError
        If the model predicts neither noise nor v.
    """

    network: nn.Module

    def __init__(
        self,
        network: nn.Module,
        scheduler: Any,
        empty: Tensor,
        training: UnitLatents,
        validation: UnitLatents,
        device: torch.device,
        *,
        seed: int,
    ) -> None:
        self.prediction_type = str(scheduler.config.prediction_type)
        if self.prediction_type not in ("epsilon", "v_prediction"):
            raise InputError(f"scheduler: prediction of {self.prediction_type}; epsilon or v_prediction expected.")
        self.network = network
        self.training, self.validation = training, validation
        self.device, self.seed, self._empty = device, seed, empty.float()
        self._order = Order(len(training), 1, seed)
        self._signal = scheduler.alphas_cumprod.clone().float()
        self._weight = face_weight(training.latents.shape[-1]).to(device)

    def load(self, numbers: Sequence[int]) -> tuple[Tensor, ...]:
        """Return latents, noise, time steps, text and intensities of these uses."""
        places = [self._order.samples(number)[0] for number in numbers]
        return self._batch(self.training, places, numbers, _STREAM, drops=True)

    def training_step(self, network: nn.Module, batch: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        """Return the squared error."""
        return {"loss": self._errors(network, batch).mean()}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the loss of faces that are not trained on, always of the same noise."""
        loss = float(self.validation_errors(network).mean())
        return {"loss": loss, MONITORED: -loss}

    @torch.no_grad()
    def validation_errors(self, network: nn.Module, *, text_alone: bool = False) -> Tensor:
        """Return the squared error of each face that is not trained on, ``(N,)``."""
        errors = []
        count = min(len(self.validation), _MOST_VALIDATED)
        for start in range(0, count, _BATCH):
            places = list(range(start, min(start + _BATCH, count)))
            batch = self._batch(self.validation, places, places, _VALIDATION_STREAM, drops=False)
            errors.append(self._errors(network, batch, text_alone=text_alone))
        return torch.cat(errors)

    def _batch(
        self, faces: UnitLatents, places: Sequence[int], numbers: Sequence[int], stream: int, *, drops: bool
    ) -> tuple[Tensor, ...]:
        chosen = list(places)
        latents = faces.latents[chosen].float()
        text = faces.texts[faces.captions[chosen]].float()
        noises, times = [], []
        for row, number in enumerate(numbers):
            rng = np.random.default_rng((self.seed, stream, number))
            noises.append(rng.standard_normal(latents.shape[1:], np.float32))
            times.append(spread_time(number, len(self._signal)))
            if drops and rng.random() < _NO_TEXT_CHANCE:
                text[row] = self._empty
        noise = torch.from_numpy(np.stack(noises))
        intensities = faces.intensities[chosen].float()
        return tuple(one.to(self.device) for one in (latents, noise, torch.tensor(times), text, intensities))

    def _errors(self, network: nn.Module, batch: tuple[Tensor, ...], *, text_alone: bool = False) -> Tensor:
        """Return the squared error of each sample, weighted by place, ``(B,)``."""
        latents, noise, times, text, intensities = batch
        signal = self._signal.to(self.device)[times].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        wanted = noise
        if self.prediction_type == "v_prediction":
            wanted = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        predicted: Tensor = network(noisy, times, text, None if text_alone else intensities).float()
        return (self._weight * (predicted - wanted).square()).mean(dim=(1, 2, 3))
