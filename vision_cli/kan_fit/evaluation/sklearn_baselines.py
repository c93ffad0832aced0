"""The baselines of every fit and every classifier: an MLP and gradient-boosted trees of scikit-learn."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.tables.measures import regression_measures
from vision_cli.kan_fit.tables.splits import RowSplit, thinned
from vision_cli.metrics.classification import classification_measures

_HIDDEN = (64, 64)
_MOST_ROWS, _LBFGS_ROWS = 100_000, 10_000
_MOST_IMAGES, _SIDE = 10_000, 16

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RegressorScores:
    """A row of the comparison of a fit.

    Attributes
    ----------
    name
        The model.
    parameters
        Number of its parameters; None for trees.
    val_rmse, test_rmse
        In the target's unit.
    seconds
        Wall-clock time of fitting.
    """

    name: str
    parameters: int | None
    val_rmse: float
    test_rmse: float
    seconds: float


@dataclass(frozen=True)
class ClassifierScores:
    """A row of the comparison of a classifier.

    Attributes
    ----------
    name
        The model.
    parameters
        Number of its parameters; None for trees.
    test_accuracy
        Fraction of the test images.
    test_nll
        Mean negative log-likelihood of the test images, in nats.
    seconds
        Wall-clock time of training.
    """

    name: str
    parameters: int | None
    test_accuracy: float
    test_nll: float
    seconds: float


def classifier_scores(
    name: str, parameters: int | None, probabilities: Array, labels: NDArray[np.int64], seconds: float
) -> ClassifierScores:
    """Return the scores of class probabilities ``(N, classes)`` on images of the classes ``labels``, ``(N,)``."""
    measured = classification_measures(probabilities, labels)
    return ClassifierScores(name, parameters, measured.accuracy, measured.nll, seconds)


def fit_baseline_regressors(
    inputs: Array, target: Array, split: RowSplit, test: tuple[Array, Array], seed: int
) -> list[RegressorScores]:
    """Fit both baselines to the training rows of a table; return their scores.

    Parameters
    ----------
    inputs, target
        ``(N, inputs)`` and ``(N,)``.
    split
        Which rows train and validate.
    test
        Inputs and target to test on.
    seed
        Of the start values.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train = thinned(split.train, _MOST_ROWS)
    mean, scale = target[train].mean(), target[train].std()
    perceptron = MLPRegressor(
        hidden_layer_sizes=_HIDDEN,
        solver="lbfgs" if len(train) <= _LBFGS_ROWS else "adam",
        max_iter=500,
        random_state=seed,
    )
    models: list[tuple[str, Any]] = [
        ("MLP 64-64 (scikit-learn)", make_pipeline(StandardScaler(), perceptron)),
        ("gradient boosting (scikit-learn)", HistGradientBoostingRegressor(max_iter=500, random_state=seed)),
    ]
    scores = []
    for name, model in models:
        seconds = _timed(lambda model=model: model.fit(inputs[train], (target[train] - mean) / scale))  # type: ignore[misc]
        val_rmse, test_rmse = (
            regression_measures(model.predict(x) * scale + mean, y).rmse
            for x, y in ((inputs[split.val], target[split.val]), test)
        )
        parameters = _parameter_count(perceptron) if name.startswith("MLP") else None
        scores.append(RegressorScores(name, parameters, val_rmse, test_rmse, seconds))
    return scores


def fit_baseline_classifiers(train: Images, test: Images, seed: int) -> list[ClassifierScores]:
    """Fit both baselines to pixels; return their scores.

    Images of more than 16 pixels a side are reduced to 16 x 16 grey pixels.

    Parameters
    ----------
    train, test
        Images of one shape.
    seed
        Of the start values.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier

    fitted = train.subset(thinned(np.arange(len(train)), _MOST_IMAGES))
    is_reduced = min(train.pixels.shape[1:3]) > _SIDE
    note = ", 16 x 16 grey" if is_reduced else ""
    inputs, test_inputs = (_pixel_rows(images, is_reduced=is_reduced) for images in (fitted, test))
    models: list[tuple[str, Any]] = [
        (f"MLP 64-64 (scikit-learn{note})", MLPClassifier(_HIDDEN, max_iter=500, random_state=seed)),
        (f"gradient boosting (scikit-learn{note})", HistGradientBoostingClassifier(random_state=seed)),
    ]
    scores = []
    for name, model in models:
        seconds = _timed(lambda model=model: model.fit(inputs, fitted.labels))  # type: ignore[misc]
        parameters = _parameter_count(model) if name.startswith("MLP") else None
        scores.append(classifier_scores(name, parameters, model.predict_proba(test_inputs), test.labels, seconds))
    return scores


def _timed(fit: Callable[[], object]) -> float:
    """Fit a baseline without its warnings; return the seconds it took."""
    started = time.monotonic()
    with warnings.catch_warnings():
        # An MLP warns when it stops at its last iteration.
        warnings.simplefilter("ignore")
        fit()
    return time.monotonic() - started


def _parameter_count(perceptron: Any) -> int:
    return sum(weights.size for weights in (*perceptron.coefs_, *perceptron.intercepts_))


def _pixel_rows(images: Images, *, is_reduced: bool) -> Array:
    """Return the pixels of each image as a row, in [0, 1]."""
    import cv2

    pixels = images.pixels.astype(np.float32) / 255
    if is_reduced:
        size = (_SIDE, _SIDE)
        pixels = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pixels.mean(axis=-1)])
    return pixels.reshape(len(pixels), -1).astype(np.float64)
