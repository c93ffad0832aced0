"""How long and how fast a network is trained."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from vision_cli.core.compute.devices import Precision


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    steps
        Optimiser steps in all.
    batch_size
        Samples a step over all processes together.
    learning_rate
        Adam's step; constant, or with ``decay`` along half a cosine to nothing.
    decay
        Whether it decays.
    restarts
        Shares of the steps at which the decay begins anew.
    warm_up
        Steps over which it rises from nothing.
    clip_norm
        Largest norm of the gradient; None for no limit.
    weight_decay
        Share of the weights that a step at rate 1 would take away, as AdamW does.
    validate_every, save_every
        Steps between validations and between checkpoints.
    monitor
        Validation measure whose greatest value makes the best weights; None to keep the last ones as the best.
    patience
        Losses in a row that may be no number: these steps are skipped. After one more the network of the last
        checkpoint is taken back and the learning rate halved, three times at most. 0 stops at the first.
    precision
        Mixed precision.
    seed
        Of the order of the samples and of what a task draws for them.
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

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        rate = self.learning_rate
        if self.decay:
            bounds = [0, *(round(share * self.steps) for share in self.restarts), self.steps]
            start, end = next((a, b) for a, b in itertools.pairwise(bounds) if step < b)
            rate *= 0.5 * (1 + math.cos(math.pi * (step - start) / (end - start)))
        return rate * min(1.0, (step + 1) / self.warm_up) if self.warm_up else rate
