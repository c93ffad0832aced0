"""Training of the centre-point detector on clear scenes.

Losses: the focal loss of CornerNet (Law and Deng, ECCV 2018, eq. 1) on a heat map of Gaussians, and the logarithm of
the overlap of boxes (Yu et al., UnitBox, ACM Multimedia 2016, section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.enhance_eval.networks.centre_detector import STRIDE, CentreDetector
from vision_cli.enhance_eval.pipeline.tasks.builtin import find_objects
from vision_cli.enhance_eval.training.clear_pictures import Pool, to_batch, vary
from vision_cli.enhance_eval.values import Boxes, Dataset
from vision_cli.metrics.detection.average_precision import average_precision, mean_precision
from vision_cli.metrics.detection.matching import match

_SPREAD = 1 / 7
_LEAST_SPREAD = 0.6
_LEAST_SIDE_PX = 0.5


@dataclass(frozen=True)
class Targets:
    """What the network should answer to a batch.

    Attributes
    ----------
    pictures
        ``(B, 3, H, W)``.
    heat
        ``(B, C, H/4, W/4)``: 1 at the middle of an object, falling off around it.
    sides
        ``(B, 4, H/4, W/4)`` in pixels, where ``known``.
    known
        ``(B, H/4, W/4)`` bool: the place of a middle and its eight neighbours.
    """

    pictures: Tensor
    heat: Tensor
    sides: Tensor
    known: Tensor


def make_targets(
    pictures: Sequence[NDArray[np.float32]],
    boxes: Sequence[NDArray[np.float32]],
    labels: Sequence[NDArray[np.int64]],
    classes: int,
) -> Targets:
    """Return the targets of pictures of one size with their boxes in pixels and labels."""
    height, width = (-(-side // STRIDE) for side in pictures[0].shape[:2])
    heat = np.zeros((len(pictures), classes, height, width), dtype=np.float32)
    sides = np.ones((len(pictures), 4, height, width), dtype=np.float32)
    known = np.zeros((len(pictures), height, width), dtype=np.bool_)
    rows, columns = np.mgrid[:height, :width]
    middles = (np.stack([columns, rows]) + 0.5) * STRIDE
    for number, (corners, kinds) in enumerate(zip(boxes, labels, strict=True)):
        # A small object before a large one keeps its own sides.
        order = np.argsort(-(corners[:, 2:] - corners[:, :2]).prod(1))
        for (left, top, right, bottom), kind in zip(corners[order], kinds[order], strict=True):
            row, column = int((top + bottom) / 2 / STRIDE), int((left + right) / 2 / STRIDE)
            across, down = (max(float(side) / STRIDE * _SPREAD, _LEAST_SPREAD) for side in (right - left, bottom - top))
            bump = np.exp(-((columns - column) ** 2 / (2 * across**2) + (rows - row) ** 2 / (2 * down**2)))
            heat[number, kind] = np.maximum(heat[number, kind], bump)
            near = (np.abs(rows - row) <= 1) & (np.abs(columns - column) <= 1)
            x, y = middles[:, near]
            distances = np.stack([x - left, y - top, right - x, bottom - y])
            sides[number][:, near] = np.maximum(distances, _LEAST_SIDE_PX)
            known[number][near] = True
    return Targets(to_batch(pictures), *map(torch.from_numpy, (heat, sides, known)))


def focal_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """Return CornerNet's focal loss, exponents 2 and 4, an object's share."""
    right, wrong = nn.functional.logsigmoid(logits), nn.functional.logsigmoid(-logits)
    chances, is_middle = logits.sigmoid(), heat == 1
    hits = (1 - chances) ** 2 * right * is_middle
    misses = (1 - heat) ** 4 * chances**2 * wrong * ~is_middle
    return -(hits.sum() + misses.sum()) / is_middle.sum().clamp(min=1)


def overlap_loss(sides: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Return the mean of -log IoU over the known places; ``sides`` are left, top, right, bottom."""
    shared = torch.minimum(sides, wanted)
    inside = (shared[:, 0] + shared[:, 2]) * (shared[:, 1] + shared[:, 3])
    areas = [(one[:, 0] + one[:, 2]) * (one[:, 1] + one[:, 3]) for one in (sides, wanted)]
    iou = inside / (areas[0] + areas[1] - inside)
    return -(iou.clamp(min=1e-6).log() * known).sum() / known.sum().clamp(min=1)


class DetectorTask:
    """The detector and its scenes, as `vision_cli.core.compute.training` takes them.

    Parameters
    ----------
    network
        What is trained.
    pool
        Scenes to train on.
    held_out
        Scenes to choose weights by.
    device
        Where it is computed.
    """

    network: nn.Module

    def __init__(self, network: CentreDetector, pool: Pool, held_out: Dataset, device: torch.device) -> None:
        self.network = network.to(memory_format=torch.channels_last)
        self.pool, self.held_out, self.device = pool, held_out, device

    def load(self, numbers: Sequence[int]) -> Targets:
        """Return varied scenes of these uses."""
        varied = [vary(self.pool[number], self.pool.generator(number)) for number in numbers]
        labels = [self.pool[number].labels for number in numbers]
        return make_targets([one for one, _ in varied], [one for _, one in varied], labels, len(self.held_out.classes))

    def training_step(self, network: nn.Module, batch: Targets) -> Mapping[str, Tensor]:
        """Return the loss and its two terms."""
        logits, sides = network(batch.pictures.to(self.device))
        heat = focal_loss(logits, batch.heat.to(self.device))
        overlap = overlap_loss(sides, batch.sides.to(self.device), batch.known.to(self.device))
        return {"loss": heat + overlap, "heat": heat, "overlap": overlap}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the average precision on the held-out scenes."""
        return {"ap50": detection_score(network, self.held_out, self.device)}


def detection_score(network: nn.Module, dataset: Dataset, device: torch.device, *, batch: int = 32) -> float:
    """Return AP50 of a detector on the pictures of a data set with boxes."""
    found, truth = [], [sample.boxes for sample in dataset.samples if isinstance(sample.boxes, Boxes)]
    for start in range(0, len(dataset.samples), batch):
        pictures = [sample.source.read() for sample in dataset.samples[start : start + batch]]
        found += find_objects(network, pictures, device)
    return mean_precision(average_precision(match(truth, found, len(dataset.classes), thresholds=(0.5,))))
