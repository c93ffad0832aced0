"""Stage 4 of SynFER (section 3.4): the annotator, on what a frozen UNet has seen of faces, kept in float16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.core.compute.training import Order
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.networks.annotation import Annotator
from vision_cli.synth_faces.pipeline.annotation import Captured

MONITORED = "accuracy"
_SMOOTHING = 0.1
_SHIFT = 1
"""Cells that what was seen is moved by at most, in place of crops of the pictures."""

_STREAM = 16
_BATCH = 128


@dataclass(frozen=True)
class SeenFaces:
    """What was seen of faces, and what they show.

    Attributes
    ----------
    captured
        Of N views: a face and its mirror image are two.
    labels
        Numbers of their classes, ``(N,)``.
    """

    captured: Captured = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.captured) != len(self.labels) or not len(self.labels):
            raise InputError(f"{len(self.captured)} faces seen with {len(self.labels)} labels; a pair a face expected.")

    def __len__(self) -> int:
        return len(self.labels)


class AnnotatorTask:
    """The annotator and the faces that it learns from: cross-entropy with labels smoothed by 0.1.

    Parameters
    ----------
    network
        The annotator.
    training, validation
        Faces.
    device
        Where it is computed.
    seed
        Of the order and of the shifts.

    Raises
    ------
    InputError
        If a class has no face to learn from.
    """

    network: nn.Module

    def __init__(
        self, network: Annotator, training: SeenFaces, validation: SeenFaces, device: torch.device, *, seed: int
    ) -> None:
        classes = network.shape.classes
        counts = np.bincount(training.labels, minlength=len(classes))
        if missing := [name for name, count in zip(classes, counts, strict=True) if count == 0]:
            raise InputError(
                f"{len(training)} training faces, none of {', '.join(missing)}; one or more of each class expected.",
                hint="Name the classes that the data has with --labels.",
            )
        self.network = network.to(device)
        self.training, self.validation = training, validation
        self.device, self.seed = device, seed
        self._order = Order(len(training), 1, seed)

    def load(self, numbers: Sequence[int]) -> tuple[Captured, Tensor]:
        """Return what was seen in these uses, moved a little, and the labels, ``(B,)``."""
        places = [self._order.samples(number)[0] for number in numbers]
        shifts = [np.random.default_rng((self.seed, _STREAM, n)).integers(-_SHIFT, _SHIFT + 1, 2) for n in numbers]
        seen = shifted(self.training.captured.rows(places).to(self.device, torch.float32), np.stack(shifts))
        return seen, torch.from_numpy(self.training.labels[places]).to(self.device)

    def training_step(self, network: nn.Module, batch: tuple[Captured, Tensor]) -> Mapping[str, Tensor]:
        """Return the cross-entropy."""
        seen, labels = batch
        logits = network(seen.features, seen.attention)
        return {"loss": functional.cross_entropy(logits, labels, label_smoothing=_SMOOTHING)}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return accuracy, balanced accuracy and the mean negative log-likelihood of faces not trained on."""
        found = []
        with torch.no_grad():
            for start in range(0, len(self.validation), _BATCH):
                places = range(start, min(start + _BATCH, len(self.validation)))
                seen = self.validation.captured.rows(places).to(self.device, torch.float32)
                found.append(network(seen.features, seen.attention).float().log_softmax(dim=1).double().cpu().numpy())
        logs, labels = np.concatenate(found), self.validation.labels
        right = logs.argmax(axis=1) == labels
        recalls = [right[labels == label].mean() for label in np.unique(labels)]
        return {
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(np.mean(recalls)),
            "nll": float(-logs[np.arange(len(labels)), labels].mean()),
        }


def shifted(seen: Captured, shifts: NDArray[np.int64]) -> Captured:
    """Return what was seen, moved down and right by whole cells, ``(B, 2)``; the edge is repeated."""
    side = seen.attention.shape[-1]
    cells = np.arange(side)
    down, right = (
        torch.from_numpy(np.clip(cells - shifts[:, axis : axis + 1], 0, side - 1)).to(seen.attention.device)
        for axis in (0, 1)
    )
    rows = torch.arange(len(shifts), device=seen.attention.device)[:, None, None]

    def moved(maps: Tensor) -> Tensor:
        return maps.movedim(1, -1)[rows, down[:, :, None], right[:, None, :]].movedim(-1, 1)

    return Captured(tuple(moved(one) for one in seen.features), moved(seen.attention))
