"""A linear detector of colour coherence, which needs no network: both baseline and fallback.

Its score is the sum of two numbers, each in standard deviations over simulated real pictures: the mean agreement of
signs in quiet regions, which has no parameters, and a weighted sum of the features, whose weights are those of a
logistic regression without intercept on differences between a forgery and the picture it was made of. What deviates
now up, now down cancels in it; what deviates one way in forgeries of both kinds stays. An unpaired regression learns
the wrong sign on some generators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.described_weights import read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import atomic_path
from vision_cli.forgery_detect.coherence.calibration import UNCALIBRATED, Calibration, calibration_of
from vision_cli.forgery_detect.coherence.features import NAMES, sign_agreement
from vision_cli.forgery_detect.values import Floats

Rows = NDArray[np.float32]
"""``(N, F)`` features of faces, in the order of `NAMES`."""

METHOD = "coherence"
_TASK = "forgery-detect"
_HINT = "Give weights that `vcli forgery-detect train --method coherence` wrote, or default."

_RIDGE = 0.01
"""C of the regression: features of neighbouring bands nearly repeat each other."""

_MOST = 4.0
"""Standard deviations at which features are cut: unlike pictures should not decide by one of them."""

_LEAST_SCALE = 1e-6
_VECTORS = ("center", "scale", "weights")
_NUMBERS = ("sum_center", "sum_scale", "sign_center", "sign_scale")


@dataclass(frozen=True)
class CoherenceModel:
    """A linear detector.

    Attributes
    ----------
    center, scale
        ``(F,)`` medians and standard deviations of the features over simulated real faces.
    weights
        ``(F,)`` of the standardised features.
    sum_center, sum_scale
        Median and standard deviation of the weighted sum over simulated real faces.
    sign_center, sign_scale
        The same of the mean agreement of signs.
    calibration
        From scores to logits.
    """

    center: Floats = field(repr=False)
    scale: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    sum_center: float
    sum_scale: float
    sign_center: float
    sign_scale: float
    calibration: Calibration = UNCALIBRATED

    def raw_scores(self, rows: Rows) -> Floats:
        """Return scores before calibration, ``(N,)``: standard deviations above simulated real faces, of both parts."""
        signs = (sign_agreement(rows) - self.sign_center) / self.sign_scale
        sums = (_standardised(rows, self.center, self.scale) @ self.weights - self.sum_center) / self.sum_scale
        return np.asarray(signs + sums, np.float64)

    def score(self, rows: Rows) -> Floats:
        """Return logits, ``(N,)``, positive where a face looks forged.

        Parameters
        ----------
        rows
            ``(N, F)`` features.
        """
        calibration = self.calibration
        return (self.raw_scores(rows) - calibration.threshold) / calibration.temperature


def fit(real: Rows, fake: Rows) -> CoherenceModel:
    """Fit a detector to pairs.

    Parameters
    ----------
    real, fake
        ``(N, F)``: a real face and a forgery made of it, both delivered alike, in the same row.

    Raises
    ------
    ValueError
        If the shapes differ, or there are fewer than two pairs.
    """
    from sklearn.linear_model import LogisticRegression

    if real.shape != fake.shape or real.shape[1:] != (len(NAMES),) or len(real) < 2:
        raise ValueError(f"features of shapes {real.shape} and {fake.shape}; (N, {len(NAMES)}) of two or more expected")
    values = real.astype(np.float64)
    center, scale = np.median(values, axis=0), values.std(axis=0) + _LEAST_SCALE
    forged, plain = (_standardised(rows, center, scale) for rows in (fake, real))
    difference = forged - plain
    regression = LogisticRegression(C=_RIDGE, fit_intercept=False, max_iter=1000)
    # Both orders of each pair: a regression needs two classes.
    labels = np.repeat([1, 0], len(difference))
    regression.fit(np.concatenate([difference, -difference]), labels)
    weights = np.asarray(regression.coef_[0], np.float64)
    sums, signs = plain @ weights, sign_agreement(real)
    return CoherenceModel(
        center,
        scale,
        weights,
        float(np.median(sums)),
        float(sums.std() + _LEAST_SCALE),
        float(np.median(signs)),
        float(signs.std() + _LEAST_SCALE),
    )


def calibrated(model: CoherenceModel, real: Rows, fake: Rows, studio: Rows) -> CoherenceModel:
    """Return a model with threshold, temperature and band of doubt.

    See `calibration_of`.

    Parameters
    ----------
    model
        The model.
    real, fake
        ``(N, F)`` simulated faces that it was not fitted to.
    studio
        ``(M, F)`` portraits of a studio as they are, M at least 1.
    """
    scores = [model.raw_scores(rows) for rows in (real, fake, studio)]
    return replace(model, calibration=calibration_of(*scores))


def write_model(path: Path, model: CoherenceModel) -> None:
    """Write a model as one safetensors file, whole or not at all.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    import torch

    numbers = {name: getattr(model, name) for name in _NUMBERS}
    document = {
        "method": METHOD,
        "features": list(NAMES),
        "numbers": numbers,
        "calibration": asdict(model.calibration),
    }
    vectors = {name: torch.from_numpy(np.asarray(getattr(model, name), np.float64)) for name in _VECTORS}
    with atomic_path(path) as hidden:
        write_described(hidden, _TASK, document, vectors)


def read_model(path: Path) -> CoherenceModel:
    """Read a model.

    Raises
    ------
    InputError
        If the file is none, is damaged, or its features are others.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        document = read_description(path, _TASK)
        vectors = load_file(path)
    except (ValueError, OSError, SafetensorError) as error:
        raise InputError(f"{path}: no weights of forgery-detect: {error}.", hint=_HINT) from error
    if document.get("method") != METHOD:
        raise InputError(f"{path}: weights of {document.get('method')!r}; {METHOD!r} expected.", hint=_HINT)
    if document.get("features") != list(NAMES):
        raise InputError(f"{path}: weights of other features than those of this version.", hint=_HINT)
    return _model_of(path, document, vectors)


def _model_of(path: Path, document: Mapping[str, Any], vectors: Mapping[str, NDArray[Any]]) -> CoherenceModel:
    try:
        numbers = {name: float(value) for name, value in document["numbers"].items()}
        calibration = Calibration(**{name: float(value) for name, value in document["calibration"].items()})
        tensors = {name: np.asarray(vectors[name], np.float64) for name in _VECTORS}
        center, scale, weights = tensors.values()
        spreads = [numbers[name] for name in _NUMBERS]
        model = CoherenceModel(center, scale, weights, spreads[0], spreads[1], spreads[2], spreads[3], calibration)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: an incomplete model: {error}.", hint=_HINT) from error
    everything = np.concatenate([*tensors.values(), [*numbers.values(), *asdict(calibration).values()]])
    scales = np.concatenate([model.scale, [model.sum_scale, model.sign_scale, calibration.temperature]])
    if any(values.shape != (len(NAMES),) for values in tensors.values()):
        raise InputError(f"{path}: vectors of other lengths than {len(NAMES)}.", hint=_HINT)
    if not np.isfinite(everything).all() or not (scales > 0).all():
        raise InputError(f"{path}: numbers that are not finite, or scales that are not above 0.", hint=_HINT)
    return model


def _standardised(rows: Rows, center: Floats, scale: Floats) -> Floats:
    return np.asarray(np.clip((rows.astype(np.float64) - center) / scale, -_MOST, _MOST), np.float64)
