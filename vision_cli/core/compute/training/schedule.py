"""Schedule of a training: steps, learning rate, validation, checkpoints."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from vision_cli.core.compute.devices import Precision


@dataclass(frozen=True)
class Schedule:
    """Steps, learning rate, validation and checkpoints of a training.

    Attributes
    ----------
    steps
        Number of optimiser steps.
    batch_size
        Samples a step, over all processes.
    learning_rate
        Learning rate of AdamW; constant, or with ``decay`` a cosine schedule to 0.
    decay
        Whether the learning rate decays.
    restarts
        Fractions of the steps at which the decay restarts.
    warm_up
        Steps over which the learning rate rises linearly from 0.
    clip_norm
        Greatest norm of the gradient; None for no limit.
    weight_decay
        Weight decay of AdamW.
    validate_every, save_every
        Steps between validations and between checkpoints.
    monitor
        Validation measure whose greatest value selects the best weights; None to take the last ones.
    patience
        Consecutive non-finite losses tolerated, whose steps are skipped. After one more, the network of the last
        checkpoint is restored and the learning rate halved, at most three times. 0 stops at the first.
    precision
        Mixed precision.
    seed
        Of the order of the samples and of the random numbers of a task.
    rate_factors
        Factor on the learning rate of the parameters whose names begin so, such as those of a pretrained part.
    """

    steps: int
    batch_size: int = 1
    learning_rate: float = 1e-4
    decay: bool = False
    restarts: tuple[float, ...] = ()
    warm_up: int = 0
    clip_norm: float | None = None
    weight_decay: float = 0.0
    validate_every: int = 500
    save_every: int = 100
    monitor: str | None = None
    patience: int = 0
    precision: Precision = "float32"
    seed: int = 0
    rate_factors: Mapping[str, float] = field(default_factory=dict)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step; steps count from 0."""
        rate = self.learning_rate
        if self.decay:
            bounds = [0, *(round(share * self.steps) for share in self.restarts), self.steps]
            start, end = next((a, b) for a, b in itertools.pairwise(bounds) if step < b)
            rate *= 0.5 * (1 + math.cos(math.pi * (step - start) / (end - start)))
        return rate * min(1.0, (step + 1) / self.warm_up) if self.warm_up else rate
