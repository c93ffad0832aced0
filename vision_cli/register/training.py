"""Training WiNet on synthetic pairs: labels that must meet, a known displacement, a smooth field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.training import Schedule
from vision_cli.register import fields
from vision_cli.register.losses import gradient_penalty
from vision_cli.register.networks import WiNet
from vision_cli.register.synthesis import SyntheticPair, draw_pair

_SQUARINGS = 5
_LABELS_A_STEP = 8
_TRAINING, _VALIDATION = 0, 1


@dataclass(frozen=True)
class SyntheticBatch:
    """Pairs of a step, with how much of the training is done, 0 to 1."""

    pairs: tuple[SyntheticPair, ...]
    progress: float


@dataclass(frozen=True)
class Weights:
    """Weights of the losses.

    Attributes
    ----------
    smoothness
        Of the mean squared gradient of the field in voxels.
    endpoint
        Of the mean squared distance from the known displacement in voxels, at the start and from ``endpoint_until`` on;
        it shows the way while labels do not overlap yet.
    endpoint_until
        Share of the training after which the second weight holds; in between the weight falls linearly.
    """

    smoothness: float = 1.0
    endpoint: tuple[float, float] = (1.0, 0.1)
    endpoint_until: float = 0.3


class SyntheticTask:
    """WiNet on pairs drawn by number.

    Parameters
    ----------
    network
        The network.
    shape
        Voxels of the pairs, multiples of 16.
    spacing
        Voxel size in mm.
    schedule
        Of the training.
    device
        Where the pairs are drawn.
    maps
        Label maps to draw from; without them random shapes.
    validation_pairs
        How many pairs a validation scores.
    weights
        Of the losses.
    """

    def __init__(
        self,
        network: WiNet,
        shape: Sequence[int],
        spacing: float,
        schedule: Schedule,
        device: torch.device,
        *,
        maps: Sequence[Tensor] = (),
        validation_pairs: int = 4,
        weights: Weights | None = None,
    ) -> None:
        self.network: nn.Module = network
        self.kind = network.variant
        self.shape, self.spacing, self.schedule, self.device = tuple(shape), spacing, schedule, device
        self.maps, self.validation_pairs = maps, validation_pairs
        self.weights = weights or Weights()

    def load(self, numbers: Sequence[int]) -> SyntheticBatch:
        """Draw the pairs of these numbers."""
        pairs = tuple(self._pair(_TRAINING, number) for number in numbers)
        return SyntheticBatch(pairs, numbers[0] / (self.schedule.steps * self.schedule.batch_size))

    def training_step(self, network: nn.Module, batch: SyntheticBatch) -> Mapping[str, Tensor]:
        """Losses of a batch: ``overlap`` (one minus soft Dice), ``endpoint`` (voxels squared), ``smoothness``."""
        overlaps, endpoints, penalties = [], [], []
        for field, pair in zip(self._fields(network, batch.pairs), batch.pairs, strict=True):
            displacement = self._displacement(field)
            overlaps.append(1 - _soft_dice(pair, displacement))
            endpoints.append((displacement - pair.displacement).square().sum(0).mean())
            penalties.append(gradient_penalty(field, (1.0,) * field.shape[0]))
        parts = {
            "overlap": torch.stack(overlaps).mean(),
            "endpoint": torch.stack(endpoints).mean(),
            "smoothness": torch.stack(penalties).mean(),
        }
        first, last = self.weights.endpoint
        share = min(1.0, batch.progress / self.weights.endpoint_until)
        weight = first + (last - first) * share
        loss = parts["overlap"] + weight * parts["endpoint"] + self.weights.smoothness * parts["smoothness"]
        return {"loss": loss, **parts}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Mean Dice before and after, mean endpoint error in mm and folded voxels on pairs that no training sees."""
        before, after, errors, folds = [], [], [], 0
        for number in range(self.validation_pairs):
            pair = self._pair(_VALIDATION, number)
            (field,) = self._fields(network, [pair])
            displacement = self._displacement(field)
            before.append(float(_soft_dice(pair, torch.zeros_like(displacement), labels=None)))
            after.append(float(_soft_dice(pair, displacement, labels=None)))
            error = (displacement - pair.displacement).square().sum(0).sqrt().mean()
            errors.append(float(error) * self.spacing)
            folds += int((fields.jacobian_determinant(displacement) <= 0).sum())
        count = self.validation_pairs
        return {
            "dice_before": sum(before) / count,
            "dice": sum(after) / count,
            "endpoint_mm": sum(errors) / count,
            "folds_voxels": float(folds),
        }

    def _pair(self, stream: int, number: int) -> SyntheticPair:
        # torch takes 32 bits of a seed, so what tells pairs apart is mixed into as many.
        (seed,) = np.random.SeedSequence((self.schedule.seed, stream, number)).generate_state(1)
        return draw_pair(int(seed), self.shape, self.spacing, self.device, self.maps)

    def _fields(self, network: nn.Module, pairs: Sequence[SyntheticPair]) -> Tensor:
        """Predict the fields of pairs, ``(B, D, *shape)`` in voxels."""
        moving, fixed = (torch.stack([getattr(pair, side)[None] for pair in pairs]) for side in ("moving", "fixed"))
        predicted: Tensor = network(moving, fixed).in_voxels()
        return predicted

    def _displacement(self, field: Tensor) -> Tensor:
        return fields.exponentiate(field, _SQUARINGS) if self.kind == "diffeo" else field


def _soft_dice(pair: SyntheticPair, displacement: Tensor, labels: int | None = _LABELS_A_STEP) -> Tensor:
    """Mean Dice of the fixed labels and the moving ones warped linearly as one-hot images; background does not count.

    ``labels`` takes so many only, the most frequent first, which bounds memory and time.
    """
    counts = torch.bincount(pair.fixed_labels.reshape(-1))
    chosen = [int(n) for n in counts.argsort(descending=True, stable=True) if n > 0 and counts[n] > 0][:labels]
    points = fields.identity_points(tuple(pair.fixed.shape), displacement.device) + displacement
    numbers = torch.tensor(chosen, device=displacement.device).view(-1, *[1] * displacement.shape[0])
    moving = fields.sample((pair.moving_labels[None] == numbers).float(), points, padding="border").flatten(1)
    fixed = (pair.fixed_labels[None] == numbers).float().flatten(1)
    return (2 * (fixed * moving).sum(1) / (fixed.sum(1) + moving.sum(1) + 1e-6)).mean()
