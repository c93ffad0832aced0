"""Training on episodes: the task object that `vision_cli.core.compute.training` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.building import FewShotNetwork
from vision_cli.fewshot_seg.training.batches import Batch, EpisodeSource, make_batch
from vision_cli.fewshot_seg.training.losses import mask_loss, overlap
from vision_cli.fewshot_seg.training.objective import STANDARD, LossWeights, TrainedPart, enlarge, losses

DECODER = "tavp.decoder.mask_decoder."
"""What a pretrained decoder's weights begin with; they are tuned at a tenth of the learning rate."""

_TRAINING, _SHOTS, _VALIDATION = range(3)


class EpisodeTask:
    """A network and where its episodes come from.

    Parameters
    ----------
    network
        What is trained.
    source
        Of episodes.
    device
        Where it is computed.
    side
        Of the pictures, px.
    batch_size
        Episodes a step over all processes together.
    shots
        Least and greatest number of supports, one number for all episodes of a step.
    seed
        Of all episodes.
    validation
        How many held-out episodes, drawn from other random numbers; 1 support each.
    validation_source
        Of the held-out episodes, where it is another, as with other photographs.
    freezes_encoder
        Whether the encoder stays as it is, as one that SAM has trained.
    weights
        Of the losses.
    """

    network: nn.Module

    def __init__(
        self,
        network: FewShotNetwork,
        source: EpisodeSource,
        device: torch.device,
        *,
        side: int,
        batch_size: int = 8,
        shots: tuple[int, int] = (1, 5),
        seed: int = 0,
        validation: int = 100,
        validation_source: EpisodeSource | None = None,
        freezes_encoder: bool = False,
        weights: LossWeights = STANDARD,
    ) -> None:
        part = TrainedPart(network, freezes_encoder=freezes_encoder)
        part.move_frozen(device)
        self.network, self.source, self.device, self.side = part, source, device, side
        self.batch_size, self.shots, self.seed, self.weights = batch_size, shots, seed, weights
        self.validation, self.validation_source = validation, validation_source or source

    def load(self, numbers: Sequence[int]) -> Batch:
        """Return the batch of the episodes of these numbers, which are all of one step."""
        drawn = np.random.default_rng((self.seed, _SHOTS, numbers[0] // self.batch_size))
        shots = int(drawn.integers(self.shots[0], self.shots[1] + 1))
        return self._batch(self.source, _TRAINING, numbers, shots)

    def training_step(self, network: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """Return the loss of a batch and its parts."""
        batch = batch.to(self.device)
        return losses(network(batch), batch, self.weights)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return what the network measures on the held-out episodes, by name.

        ``iou`` is the mean over those with the class, ``presence`` the share whose presence is told right, and ``loss``
        the mean BCE + Dice of the query.
        """
        assert isinstance(network, TrainedPart), "the loop validates the network that it was given"
        ious: list[Tensor] = []
        told: list[Tensor] = []
        costs: list[float] = []
        for batch in self._held_out:
            moved = batch.to(self.device)
            prediction = network.answer(moved)
            logits = enlarge(prediction.logits, moved.query_mask)
            present = moved.query_mask.flatten(1).amax(1) > 0
            ious.append(overlap(logits, moved.query_mask, moved.query_known)[present])
            told.append((prediction.presence > 0) == present)
            cost = mask_loss(logits, moved.query_mask, moved.query_known)
            costs += [float(cost)] * len(logits)
        if not costs:
            return {}
        iou = torch.cat(ious)
        found = {} if len(iou) == 0 else {"iou": float(iou.mean())}
        return {**found, "presence": float(torch.cat(told).float().mean()), "loss": float(np.mean(costs))}

    @cached_property
    def _held_out(self) -> list[Batch]:
        """The held-out episodes; they are drawn once and kept."""
        starts = range(0, self.validation, self.batch_size)
        return [
            self._batch(
                self.validation_source, _VALIDATION, range(start, min(start + self.batch_size, self.validation)), 1
            )
            for start in starts
        ]

    def _batch(self, source: EpisodeSource, stream: int, numbers: Sequence[int], shots: int) -> Batch:
        rngs = [np.random.default_rng((self.seed, stream, number)) for number in numbers]
        return make_batch([source(rng, side=self.side, shots=shots) for rng in rngs], rngs)
