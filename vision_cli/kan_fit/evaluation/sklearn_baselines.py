"""The baselines of every fit and every classifier, by scikit-learn: an MLP, boosted trees, ridge regression."""

from __future__ import annotations

import copy
import itertools
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
_MOST_ROWS, _LBFGS_ROWS, _LBFGS_STEPS = 100_000, 10_000, 10
_MOST_EPOCHS, _PATIENCE, _LBFGS_PATIENCE, _MOST_ROUNDS = 500, 20, 5, 500
_RIDGE_PENALTIES = tuple(10.0**n for n in range(-4, 5))
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
    """Fit the baselines to the training rows of a table; return their scores.

    Each chooses on the validation rows, as ours does: ridge regression its penalty, the perceptron and the trees when
    to stop. The last predicts the mean.

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
    train = thinned(split.train, _MOST_ROWS)
    mean, scale = float(target[train].mean()), float(target[train].std())
    x, y = inputs[train], (target[train] - mean) / scale
    x_val, y_val = inputs[split.val], (target[split.val] - mean) / scale
    scores = []
    for name, fit in _REGRESSORS.items():
        started = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predict, parameters = fit(x, y, x_val, y_val, seed)
            seconds = time.monotonic() - started
            val_rmse, test_rmse = (
                regression_measures(np.asarray(predict(rows)) * scale + mean, values).rmse
                for rows, values in ((x_val, target[split.val]), test)
            )
        scores.append(RegressorScores(name, parameters, val_rmse, test_rmse, seconds))
    return scores


Regressor = tuple[Callable[[Array], Array], int | None]
"""The predictions of a fitted baseline as a function of inputs, and its number of parameters."""


def _fit_ridge(x: Array, y: Array, x_val: Array, y_val: Array, seed: int) -> Regressor:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    tried = [make_pipeline(StandardScaler(), Ridge(alpha)).fit(x, y) for alpha in _RIDGE_PENALTIES]
    best = min(tried, key=lambda model: float(np.square(model.predict(x_val) - y_val).mean()))
    return best.predict, x.shape[1] + 1


def _fit_perceptron(x: Array, y: Array, x_val: Array, y_val: Array, seed: int) -> Regressor:
    """Fit an MLP by L-BFGS and by Adam, each until its validation error has not fallen for a while; keep the better."""
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x)
    inputs, held = scaler.transform(x), scaler.transform(x_val)
    least = np.inf
    best: Any = None
    for solver in ("lbfgs", "adam") if len(x) <= _LBFGS_ROWS else ("adam",):
        model = MLPRegressor(
            hidden_layer_sizes=_HIDDEN, solver=solver, max_iter=_LBFGS_STEPS, warm_start=True, random_state=seed
        )
        advance = model.partial_fit if solver == "adam" else model.fit
        own, since = np.inf, 0
        for _ in range(_MOST_EPOCHS if solver == "adam" else _MOST_EPOCHS // _LBFGS_STEPS):
            advance(inputs, y)
            error = float(np.square(model.predict(held) - y_val).mean())
            since += 1
            if error < own:
                own, since = error, 0
            if error < least:
                least, best = error, copy.deepcopy(model)
            if since == (_PATIENCE if solver == "adam" else _LBFGS_PATIENCE):
                break
    return lambda rows: np.asarray(best.predict(scaler.transform(rows))), _parameter_count(best)


def _fit_trees(x: Array, y: Array, x_val: Array, y_val: Array, seed: int) -> Regressor:
    """Fit gradient-boosted trees with the number of rounds of the least validation error."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=_MOST_ROUNDS, early_stopping=False, random_state=seed).fit(x, y)
    best = int(np.argmin([float(np.square(found - y_val).mean()) for found in model.staged_predict(x_val)]))
    return lambda rows: np.asarray(next(itertools.islice(model.staged_predict(rows), best, None))), None


def _fit_mean(x: Array, y: Array, x_val: Array, y_val: Array, seed: int) -> Regressor:
    return lambda rows: np.full(len(rows), y.mean()), 1


_REGRESSORS: dict[str, Callable[[Array, Array, Array, Array, int], Regressor]] = {
    "MLP 64-64 (scikit-learn)": _fit_perceptron,
    "gradient boosting (scikit-learn)": _fit_trees,
    "ridge regression": _fit_ridge,
    "mean": _fit_mean,
}


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


def fit_table_classifiers(
    inputs: Array, labels: NDArray[np.int64], split: RowSplit, test: tuple[Array, NDArray[np.int64]], seed: int
) -> list[ClassifierScores]:
    """Fit the baselines of a table of several classes to its training and validation rows; return their scores.

    Parameters
    ----------
    inputs, labels
        ``(N, inputs)``, and the numbers of the classes, ``(N,)``.
    split
        Which rows train and validate.
    test
        Inputs and labels to test on.
    seed
        Of the start values.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = thinned(np.sort(np.concatenate([split.train, split.val])), _MOST_ROWS)
    models: list[tuple[str, Any]] = [
        ("MLP 64-64 (scikit-learn)", MLPClassifier(_HIDDEN, max_iter=500, early_stopping=True, random_state=seed)),
        ("gradient boosting (scikit-learn)", HistGradientBoostingClassifier(early_stopping=True, random_state=seed)),
        ("logistic regression", LogisticRegressionCV(Cs=9, cv=5, max_iter=1000)),
        ("most frequent class", DummyClassifier()),
    ]
    scores = []
    for name, model in models:
        whole = make_pipeline(StandardScaler(), model)
        seconds = _timed(lambda whole=whole: whole.fit(inputs[rows], labels[rows]))  # type: ignore[misc]
        found = np.zeros((len(test[1]), int(labels.max()) + 1))
        found[:, whole.classes_] = whole.predict_proba(test[0])
        scores.append(classifier_scores(name, None, found, test[1], seconds))
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
