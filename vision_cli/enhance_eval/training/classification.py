"""Training of the crop classifier on clear crops, by cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.enhance_eval.networks.crop_classifier import CropClassifier
from vision_cli.enhance_eval.pipeline.tasks.builtin import class_chances
from vision_cli.enhance_eval.training.clear_pictures import Pool, to_batch, vary
from vision_cli.enhance_eval.values import Dataset

_SMOOTHING = 0.05


class ClassifierTask:
    """The classifier and its crops, as `vision_cli.core.compute.training` takes them.

    Parameters
    ----------
    network
        What is trained.
    pool
        Crops to train on.
    held_out
        Crops to choose weights by.
    device
        Where it is computed.
    """

    network: nn.Module

    def __init__(self, network: CropClassifier, pool: Pool, held_out: Dataset, device: torch.device) -> None:
        self.network = network.to(memory_format=torch.channels_last)
        self.pool, self.held_out, self.device = pool, held_out, device

    def load(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return varied crops of these uses ``(B, 3, 64, 64)`` and their labels ``(B,)``."""
        varied = [vary(self.pool[number], self.pool.generator(number))[0] for number in numbers]
        labels = np.concatenate([self.pool[number].labels for number in numbers])
        return to_batch(varied), torch.from_numpy(labels)

    def training_step(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Return the cross-entropy, its targets smoothed a little."""
        logits = network(batch[0].to(self.device))
        wanted = batch[1].to(self.device)
        return {"loss": nn.functional.cross_entropy(logits, wanted, label_smoothing=_SMOOTHING)}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the accuracy on the held-out crops."""
        return {"accuracy": classification_score(network, self.held_out, self.device)}


def classification_score(network: nn.Module, dataset: Dataset, device: torch.device, *, batch: int = 128) -> float:
    """Return the accuracy of a classifier on the pictures of a data set with labels."""
    right = 0
    for start in range(0, len(dataset.samples), batch):
        samples = dataset.samples[start : start + batch]
        chances = class_chances(network, [sample.source.read() for sample in samples], device)
        right += sum(int(row.argmax()) == sample.label for row, sample in zip(chances, samples, strict=True))
    return right / len(dataset.samples)
