"""The losses of a batch.

The paper: mean squared error of the points, and 0.1 times the cross-entropy of the matching. Ours adds the divergence
of the density, from which scan paths are sampled, and takes the smooth absolute error of the points.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.gem import Answer
from vision_cli.gaze_predict.networks.projector import log_density
from vision_cli.gaze_predict.training.batches import Batch

_SMOOTH_BELOW = 0.1
"""Error of a coordinate, in shares of the film, below which it counts as its square."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the parts of the loss beside the divergence of the density.

    Attributes
    ----------
    points
        Smooth absolute error of the points.
    matching
        Cross-entropy of the matching, λ in the paper.
    durations
        Negative log-likelihood of the durations.
    stop
        Cross-entropy of the end of the path.
    """

    points: float = 0.5
    matching: float = 0.1
    durations: float = 0.1
    stop: float = 0.1


STANDARD = LossWeights()


def losses(answer: Answer, batch: Batch, weights: LossWeights = STANDARD) -> dict[str, Tensor]:
    """Return ``loss`` and its parts by name; ``matching`` only where the network matches."""
    parts = {
        "density": divergence(log_density(answer.log_density.float()), batch.density),
        "points": F.smooth_l1_loss(answer.points, batch.points, beta=_SMOOTH_BELOW),
        "durations": duration_cost(answer.log_duration_mean, answer.log_duration_spread, batch.log_durations),
        "stop": stop_cost(answer.stop, batch.ends),
    }
    if answer.correspondence is not None:
        parts["matching"] = matching_cost(answer.correspondence)
    total = parts["density"] + sum(getattr(weights, name) * part for name, part in parts.items() if name != "density")
    return {"loss": total, **parts}


def divergence(logs: Tensor, truth: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence KL(truth ‖ predicted), in nats.

    Parameters
    ----------
    logs
        Logarithm of the predicted densities per cell, ``(B, h, w)``.
    truth
        ``(B, h, w)``, each sums to 1.
    """
    return (torch.xlogy(truth, truth) - truth * logs).sum((1, 2)).mean()


def matching_cost(correspondence: Tensor) -> Tensor:
    """Return the cross-entropy of the logarithm of a correspondence ``(B, N, N)`` with identity."""
    return -correspondence.diagonal(dim1=1, dim2=2).mean()


def duration_cost(mean: Tensor, spread: Tensor, logs: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of log durations ``(B, 8)`` under normal ones; NaN counts nothing."""
    known = logs.isfinite()
    cost = 0.5 * ((logs.nan_to_num() - mean) / spread) ** 2 + spread.log()
    return (cost * known).sum() / known.sum().clamp(min=1)


def stop_cost(logits: Tensor, ends: Tensor) -> Tensor:
    """Return the mean cross-entropy of the ends ``(B, 8)`` of paths; NaN counts nothing."""
    known = ends.isfinite()
    cost = F.binary_cross_entropy_with_logits(logits, ends.nan_to_num(), reduction="none")
    return (cost * known).sum() / known.sum().clamp(min=1)
