"""What the trainings of all detectors do with their faces: parts of them, standardisation, validation measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.coherence_input import CoherenceInput
from vision_cli.forgery_detect.values import Examples, Floats
from vision_cli.metrics.ranking import auroc

_FACES_AT_ONCE = 64


def domain_measures(examples: Examples, scores: Floats) -> dict[str, float]:
    """Return ``auc``, the mean over the domains with both classes, and ``auc_DOMAIN`` of each of them.

    Parameters
    ----------
    examples
        Faces.
    scores
        ``(N,)`` their logits.
    """
    measures = {}
    for place, name in enumerate(examples.domain_names):
        is_own = examples.domains == place
        area = auroc(examples.labels[is_own], scores[is_own])
        if np.isfinite(area):
            measures[f"auc_{name}"] = area
    # A measure that no domain has says nothing for or against the weights.
    return {"auc": float(np.mean(list(measures.values()))) if measures else 0.0, **measures}


def standardise(coherence: CoherenceInput, examples: Examples) -> None:
    """Set the standardisation of the coherence features to that of the real faces."""
    real = torch.from_numpy(examples.coherence[examples.labels == 0])
    coherence.set_statistics(real.mean(dim=0), real.std(dim=0, unbiased=False))


def pictures_of(examples: Examples, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return the pictures ``(B, 3, S, S)`` of some faces in 0 to 1."""
    return torch.from_numpy(examples.images[rows]).to(device).float() / 255


@torch.no_grad()
def scores_of(detector: nn.Module, count: int, logits: Callable[[NDArray[np.int64]], Tensor]) -> Floats:
    """Return the logits ``(N,)`` of so many faces, the detector in evaluation mode meanwhile.

    Parameters
    ----------
    detector
        The detector.
    count
        Number of faces.
    logits
        Returns those of some rows, ``(B,)``.
    """
    was_training = detector.training
    detector.eval()
    parts = [logits(rows).double().cpu().numpy() for rows in parts_of(count)]
    detector.train(was_training)
    return np.concatenate(parts) if parts else np.zeros(0)


def tensors_below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a part of a network by their names within it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def parts_of(count: int) -> list[NDArray[np.int64]]:
    """Return the rows of so many faces in parts that are computed at once."""
    return [np.arange(start, min(start + _FACES_AT_ONCE, count)) for start in range(0, count, _FACES_AT_ONCE)]
