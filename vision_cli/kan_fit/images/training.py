"""Image classification as a task of the shared training loop: batches, losses, validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.core.compute.training import Order, Schedule
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.names import Augmentation
from vision_cli.kan_fit.networks.classifiers import Classifier

_SHIFT_SHARE = 8
_PREDICT_BATCH = 256
_ENTROPY_WEIGHT = 1e-3
_LAST_TAU = 0.1
_AUGMENTATION = 1


@dataclass(frozen=True)
class Batch:
    """A batch of training images.

    Attributes
    ----------
    images
        ``(B, channels, H, W)`` in [0, 1].
    labels
        ``(B,)``.
    share
        Fraction of the phase that is done, in [0, 1).
    """

    images: Tensor
    labels: Tensor
    share: float


class ClassifierTask:
    """Training of a classifier, as an object of :func:`vision_cli.core.compute.training.fit`.

    Parameters
    ----------
    network
        The classifier.
    train, val
        Training and validation images.
    schedule
        Of the phase.
    device
        Where to compute.
    augment
        ``shift`` translates images by up to an eighth of their size; ``basic`` also flips them horizontally.
    hard_gates
        Whether gates are hard in the forward pass while their temperature falls from 1 to 0.1 (selective training);
        otherwise they are soft and the weight of their entropy rises (full training).
    """

    network: nn.Module

    def __init__(
        self,
        network: Classifier,
        train: Images,
        val: Images,
        schedule: Schedule,
        device: torch.device,
        *,
        augment: Augmentation = "none",
        hard_gates: bool = False,
    ) -> None:
        self.network, self._classifier, self.train, self.val = network, network, train, val
        self.schedule, self.device, self.augment, self.hard_gates = schedule, device, augment, hard_gates
        self._order = Order(len(train), 1, schedule.seed)

    def load(self, numbers: Sequence[int]) -> Batch:
        """Return the batch of these sample numbers; samples run through the training images in shuffled passes."""
        rows = np.array([self._order.samples(number)[0] for number in numbers])
        pixels = self.train.pixels[rows]
        if self.augment != "none":
            pixels = np.stack([self._augmented(image, n) for image, n in zip(pixels, numbers, strict=True)])
        share = numbers[0] // self.schedule.batch_size / self.schedule.steps
        return Batch(as_images(pixels, self.device), torch.from_numpy(self.train.labels[rows]).to(self.device), share)

    def training_step(self, network: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """Return the cross-entropy in nats, and in full training the entropy of the gates."""
        tau = _LAST_TAU**batch.share if self.hard_gates else 1.0
        self._classifier.set_gates(tau=tau, is_hard=self.hard_gates)
        loss = functional.cross_entropy(network(batch.images), batch.labels)
        if self.hard_gates or not (entropies := self._gate_entropies()):
            return {"loss": loss}
        entropy = torch.stack(entropies).sum()
        return {"loss": loss + _ENTROPY_WEIGHT * batch.share * entropy, "gate_entropy": entropy}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the accuracy and the negative log-likelihood (nats) on the validation images."""
        assert isinstance(network, Classifier)
        logits = predict_logits(network, self.val, self.device)
        labels = torch.from_numpy(self.val.labels)
        right = (logits.argmax(1) == labels).double().mean()
        return {"accuracy": float(right), "nll": float(functional.cross_entropy(logits, labels))}

    def _gate_entropies(self) -> list[Tensor]:
        found = []
        for layer in self._classifier.expansions():
            if layer.logits is not None:
                soft = layer.soft_gates(layer.logits)
                found.append(-torch.special.xlogy(soft, soft).sum(-1).mean())
        return found

    def _augmented(self, image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        generator = np.random.default_rng((self.schedule.seed, _AUGMENTATION, number))
        height, width = image.shape[:2]
        rows, columns = max(1, height // _SHIFT_SHARE), max(1, width // _SHIFT_SHARE)
        down, right = generator.integers(0, 2 * rows + 1), generator.integers(0, 2 * columns + 1)
        padded = np.pad(image, ((rows, rows), (columns, columns), (0, 0)), mode="edge")
        moved = padded[down : down + height, right : right + width]
        return moved[:, ::-1] if self.augment == "basic" and generator.integers(2) else moved


def as_images(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return pixels ``(B, H, W, C)`` as images ``(B, C, H, W)`` in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def predict_logits(network: Classifier, images: Images, device: torch.device) -> Tensor:
    """Return the logits ``(N, classes)`` of images, on the CPU."""
    network.eval()
    found = [
        network(as_images(images.pixels[start : start + _PREDICT_BATCH], device)).float().cpu()
        for start in range(0, len(images), _PREDICT_BATCH)
    ]
    return torch.cat(found)
