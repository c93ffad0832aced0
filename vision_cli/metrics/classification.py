"""How well predicted classes and their probabilities agree with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

_BINS = 15
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class ClassificationMeasures:
    """Agreement of predictions with the truth.

    Attributes
    ----------
    accuracy
        Share of right predictions.
    balanced_accuracy
        Mean over the classes that occur of the share of right predictions.
    recall
        The share of each class, ``(classes,)``; NaN for a class that does not occur.
    nll
        Mean negative logarithm of the probability of the true class, in nats.
    ece
        Expected calibration error: mean over 15 equal bins of confidence of the distance between confidence and
        accuracy, weighed by their numbers (Guo et al. 2017, eq. 3).
    """

    accuracy: float
    balanced_accuracy: float
    recall: NDArray[np.float64]
    nll: float
    ece: float


def classification_measures(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> ClassificationMeasures:
    """Measure predictions.

    Parameters
    ----------
    probabilities
        ``(N, classes)``; rows add up to 1.
    labels
        Number of the true class, ``(N,)``.

    Raises
    ------
    InputError
        If there is nothing to measure, or the numbers do not fit together.
    """
    if probabilities.ndim != 2 or not len(labels) or len(labels) != len(probabilities):
        raise InputError(f"{len(labels)} labels for probabilities of shape {probabilities.shape}; one a row expected.")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise InputError(f"labels {labels.min()} to {labels.max()}; 0 to {probabilities.shape[1] - 1} expected.")
    right = probabilities.argmax(axis=1) == labels
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    with np.errstate(invalid="ignore"):
        recall = np.bincount(labels, right, minlength=probabilities.shape[1]) / counts
    true = probabilities[np.arange(len(labels)), labels]
    return ClassificationMeasures(
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.nanmean(recall)),
        recall=recall,
        nll=float(-np.log(np.maximum(true, _LEAST_PROBABILITY)).mean()),
        ece=_calibration_error(probabilities.max(axis=1), right),
    )


def confusion(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count pairs of true class (rows) and predicted class (columns), ``(classes, classes)``."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, right.astype(np.float64) - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(right))
