"""Quality of a heart rate: the probability that it is within 3 bpm of the ground truth, by logistic regression.

Coefficients are in ``quality.json``, which ``python -m vision_cli.rppg_adapt.training.calibration`` writes: they are
fitted to generated videos that no network was trained on. The module also joins the rates of successive windows, which
uses their qualities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.options import NETWORK, TrainingFreeMethod
from vision_cli.rppg_adapt.signals.spectra import HeartRate

CORRECT_WITHIN_BPM = 3.0
RELIABLE_QUALITY = 0.5
COMPARED_METHODS: tuple[TrainingFreeMethod, ...] = ("pos", "chrom", "omit", "green")
"""Training-free methods that are always computed: their agreement is a feature of the quality."""

AUTO_METHODS = (NETWORK, "pos", "chrom")
"""Methods that ``auto`` chooses from."""

AGREE_WITHIN_BPM = 3.0
_FILE = Path(__file__).with_name("quality.json")
_NAMES = ("constant", "snr", "share", "rival", "agreement", "network_agrees")
_STEPS = 50
_RIDGE = 1e-3
_BINS = 10
_LEAST_QUALITY = 0.01
_JUMP_BPM = 10.0
_MADS = 3.0
_LEAST_REACH_BPM = 2.0


@dataclass(frozen=True)
class QualityIndex:
    """Logistic regression of the quality.

    Attributes
    ----------
    coefficients
        ``(6,)`` by method; methods that are missing use those of ``pos``.
    """

    coefficients: Mapping[str, NDArray[np.float64]]

    def probability(self, method: str, features: NDArray[np.float64]) -> float:
        """Return the probability that a method's rate is correct, from its `quality_features` ``(6,)``."""
        chosen = self.coefficients.get(method, self.coefficients["pos"])
        return float(1 / (1 + np.exp(-float(features @ chosen))))


def quality_features(method: str, rates: Mapping[str, HeartRate]) -> NDArray[np.float64]:
    """Return the features of a method's rate: constant, SNR, peak share, rival, agreement, agreement of the network.

    Parameters
    ----------
    method
        The method.
    rates
        Rates of all methods in the same window.

    Returns
    -------
    ``(6,)``.
    """
    own = rates[method]
    others = [rate.bpm for name, rate in rates.items() if name not in (method, NETWORK)]
    agree = float(np.mean([abs(bpm - own.bpm) < AGREE_WITHIN_BPM for bpm in others])) if others else 0.5
    net = 0.5
    if method != NETWORK and NETWORK in rates:
        net = float(abs(rates[NETWORK].bpm - own.bpm) < AGREE_WITHIN_BPM)
    snr = np.clip(own.snr_db, -15, 20) / 10 if np.isfinite(own.snr_db) else -1.5
    return np.array([1.0, snr, own.peak_share, own.rival, agree, net])


def fit_index(x: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return coefficients ``(K,)`` of the logistic regression of ``right`` ``(N,)`` on features ``(N, K)``.

    Fitted by Newton's method with a small ridge penalty.
    """
    weights = np.zeros(x.shape[1])
    ridge = _RIDGE * len(x) * np.eye(x.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (right - p) - ridge @ weights
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + ridge, gradient)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width (Guo et al. 2017, eq. 3)."""
    places = np.clip((probabilities * _BINS).astype(int), 0, _BINS - 1)
    error = 0.0
    for k in range(_BINS):
        inside = places == k
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - right[inside].mean())
    return float(error)


def viterbi_path(bpm: NDArray[np.float64], quality: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which method to use in each of successive windows: of high quality, without jumps of the rate.

    The path maximises the sum of the logarithms of the qualities minus a penalty for changes of the rate between
    neighbouring windows, by dynamic programming (Viterbi 1967).

    Parameters
    ----------
    bpm, quality
        ``(W, M)`` rates of M methods in W windows, and their qualities; non-finite rates are chosen only where all
        methods have one.

    Returns
    -------
    ``(W,)`` indices of methods.
    """
    usable = np.isfinite(bpm)
    gain = np.where(usable, np.log(quality + _LEAST_QUALITY), -np.inf)
    gain[~usable.any(axis=1)] = 0.0
    rates = np.where(usable, bpm, 0.0)
    total, came_from = gain[0], np.zeros(bpm.shape, np.intp)
    for k in range(1, len(bpm)):
        jumps = np.minimum(np.abs(rates[k - 1][:, None] - rates[k][None]) / _JUMP_BPM, 1)
        reached = total[:, None] - jumps
        came_from[k] = reached.argmax(axis=0)
        total = reached.max(axis=0) + gain[k]
    path = np.empty(len(bpm), np.intp)
    path[-1] = total.argmax()
    for k in range(len(bpm) - 1, 0, -1):
        path[k - 1] = came_from[k, path[k]]
    return path


def robust_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the weighted mean of values ``(N,)``, each clipped to three weighted MADs around the weighted median."""
    order = np.argsort(values)

    def median(of: NDArray[np.float64], by: NDArray[np.float64]) -> float:
        below = np.cumsum(by)
        return float(of[np.searchsorted(below, below[-1] / 2)])

    middle = median(values[order], weights[order])
    away = np.abs(values - middle)
    order = np.argsort(away)
    reach = max(_MADS * 1.4826 * median(away[order], weights[order]), _LEAST_REACH_BPM)
    return float(np.average(np.clip(values, middle - reach, middle + reach), weights=weights))


@lru_cache(maxsize=1)
def default_index() -> QualityIndex:
    """Return the index of ``quality.json``."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    return QualityIndex(
        {
            method: np.array([values[name] for name in _NAMES], dtype=np.float64)
            for method, values in document["coefficients"].items()
        }
    )


def coefficients_by_name(weights: NDArray[np.float64]) -> dict[str, float]:
    """Return coefficients ``(6,)`` by the names of their features, as in ``quality.json``."""
    return {name: round(float(value), 5) for name, value in zip(_NAMES, weights, strict=True)}
