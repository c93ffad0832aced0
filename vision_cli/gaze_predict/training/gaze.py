"""Training on readings: the task object that `vision_cli.core.compute.training` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.gem import Answer, GemNetwork
from vision_cli.gaze_predict.networks.projector import log_density
from vision_cli.gaze_predict.text.tokenizer import TextTokenizer
from vision_cli.gaze_predict.training.batches import Batch, make_batch
from vision_cli.gaze_predict.training.losses import STANDARD, LossWeights, divergence, losses
from vision_cli.gaze_predict.training.readings import ReadingSource

_TRAINING, _VALIDATION = range(2)


class GazeTask:
    """A network and where its readings come from.

    A sample is a film with its sentences: ``batch_size`` of the schedule counts films.

    Parameters
    ----------
    network
        What is trained.
    source
        Of readings.
    tokenizer
        Of the network's text encoder.
    device
        Where it is computed.
    side
        Of the films, px, a multiple of 16.
    sentences
        Readings of a film; the film is encoded once for all of them.
    seed
        Of all readings.
    validation
        How many held-out films, of one reading each, drawn from other random numbers.
    validation_source
        Of the held-out films, where it is another, as with other patients.
    augments
        Whether films are turned, shifted and scaled, as real ones should be; generated films are not.
    without_text
        Share of the readings whose sentence is left out.
    frozen
        Beginnings of the names of parameters that stay as they are, as ``image_encoder.``.
    weights
        Of the losses.
    """

    network: nn.Module

    def __init__(
        self,
        network: GemNetwork,
        source: ReadingSource,
        tokenizer: TextTokenizer,
        device: torch.device,
        *,
        side: int,
        sentences: int = 1,
        seed: int = 0,
        validation: int = 64,
        validation_source: ReadingSource | None = None,
        augments: bool = False,
        without_text: float = 0.1,
        frozen: Sequence[str] = (),
        weights: LossWeights = STANDARD,
    ) -> None:
        self.network, self.source, self.tokenizer, self.device = network, source, tokenizer, device
        self.side, self.sentences, self.seed, self.weights = side, sentences, seed, weights
        self.validation, self.validation_source = validation, validation_source or source
        self.augments, self.without_text = augments, without_text
        for name, parameter in network.named_parameters():
            if name.startswith(tuple(frozen)):
                parameter.requires_grad_(False)

    def load(self, numbers: Sequence[int]) -> Batch:
        """Return the batch of the films of these numbers."""
        rngs = self._rngs(_TRAINING, numbers)
        films = [self.source(rng, side=self.side, sentences=self.sentences) for rng in rngs]
        return make_batch(films, rngs, self.tokenizer, augments=self.augments, without_text=self.without_text)

    def training_step(self, network: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """Return the loss of a batch and its parts."""
        seed, batch = int(batch.seed), batch.to(self.device)
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            # Dropout knows no generator of its own, and an interrupted training has to go on with the same masks.
            torch.manual_seed(seed)
            answer = network(batch.films, batch.which, batch.tokens, batch.mask, batch.points)
        return losses(answer, batch, self.weights)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return what the network measures on the held-out readings, by name.

        ``cc``, ``nss`` and ``kld`` are means over readings of the density at the side of the film; ``points`` is the
        mean distance of ordered points, in shares of the film's side.
        """
        rows: list[Tensor] = []
        for batch in self._held_out:
            moved = batch.to(self.device)
            answer = network(moved.films, moved.which, moved.tokens, moved.mask)
            rows.append(measures(answer, moved, self.side))
        if not rows:
            return {}
        means = torch.cat(rows).double().mean(0)
        return dict(zip(("cc", "nss", "kld", "points"), means.tolist(), strict=True))

    @cached_property
    def _held_out(self) -> list[Batch]:
        """The held-out readings; they are drawn once and kept."""
        batches = []
        for start in range(0, self.validation, 16):
            rngs = self._rngs(_VALIDATION, range(start, min(start + 16, self.validation)))
            films = [self.validation_source(rng, side=self.side, sentences=1) for rng in rngs]
            batches.append(make_batch(films, rngs, self.tokenizer))
        return batches

    def _rngs(self, stream: int, numbers: Sequence[int]) -> list[np.random.Generator]:
        return [np.random.default_rng((self.seed, stream, number)) for number in numbers]


def measures(answer: Answer, batch: Batch, side: int) -> Tensor:
    """Return CC, NSS, KLD and the mean distance of points of each reading, ``(B, 4)``.

    CC and KLD compare with the true density in the cells of the network's map; NSS is of the density at ``side`` px
    at the eight points.
    """
    logits = answer.log_density.float()
    logs, truth = log_density(logits), batch.density
    predicted = logs.exp()
    correlation = (_standardised(predicted) * _standardised(truth)).mean((1, 2))
    cost = torch.stack([divergence(one[None], true[None]) for one, true in zip(logs, truth, strict=True)])
    fine = _standardised(log_density(logits, (side, side)).exp())
    at = F.grid_sample(fine[:, None], 2 * batch.points[:, None] - 1, mode="nearest", align_corners=False)
    distance = (answer.points - batch.points).norm(dim=2).mean(1)
    return torch.stack([correlation, at[:, 0, 0].mean(1), cost, distance], 1)


def _standardised(maps: Tensor) -> Tensor:
    """Return maps ``(B, h, w)`` with mean 0 and standard deviation 1; a flat one is zeros."""
    centred = maps - maps.mean((1, 2), keepdim=True)
    return centred / centred.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-12)
