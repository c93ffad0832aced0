"""Quality of a heart rate: the probability that it is within 3 bpm of the ground truth, by logistic regression.

Coefficients: ``quality.json``, which ``runs/calibration/calibration.py`` writes: they are fitted to generated clips
that no network was trained on, by the situation: whether there are a network, colours, and pictures. The module also
joins the rates of successive windows, which uses their qualities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.options import NETWORK, TrainingFreeMethod
from vision_cli.rppg_adapt.signals.spectra import HeartRate

CORRECT_WITHIN_BPM = 3.0
RELIABLE_QUALITY = 0.5
COMPARED_METHODS: tuple[TrainingFreeMethod, ...] = get_args(TrainingFreeMethod)
"""Training-free methods that are always computed: their agreement is a feature of the quality."""

AUTO_METHODS = (NETWORK, *COMPARED_METHODS)
"""Methods that ``auto`` chooses from."""

AGREE_WITHIN_BPM = 3.0

Situation = Literal["network", "colour", "gray", "colour_trace", "gray_trace"]
"""What a rate is estimated from: pictures with the network, with colours only or of one channel, or such a table."""

_FILE, _OVERALL = Path(__file__).with_name("quality.json"), Path(__file__).with_name("overall.json")
FEATURES = (
    "snr",
    "share",
    "rival",
    "agreement",
    "against",
    "network_agrees",
    "halves_agree",
    "halves_correlate",
    "motion",
    "background",
    "duration",
)
_STEPS = 50
_RIDGE = 1e-3
_BINS = 10
_LEAST_PROBABILITY = 1e-3
_LEAST_QUALITY = 0.01
_JUMP_BPM = 10.0
_MADS = 3.0
_LEAST_REACH_BPM = 2.0
_USUAL_S = 10.0


@dataclass(frozen=True)
class Evidence:
    """What is known of a rate besides the waves of the methods.

    Attributes
    ----------
    halves_agree
        Share of the rates of the halves of the face within 3 bpm of it; None without pictures.
    halves_correlate
        Correlation of the waves of the halves near the rate; None without pictures.
    motion, background
        How much rigid motion and the background have the rhythm of the rate, in [0, 1]; 0 if they are not known.
    amplitude
        Standard deviation of green near the rate, relative to its mean; None without pictures.
    blood
        Probability that the skin's colours change at the rate as blood changes them, among as many pulses as other
        rhythms; None without pictures or colours.
    """

    halves_agree: float | None = None
    halves_correlate: float | None = None
    motion: float = 0.0
    background: float = 0.0
    amplitude: float | None = None
    blood: float | None = None


@dataclass(frozen=True)
class SituationIndex:
    """Logistic regression of the quality in a situation.

    Attributes
    ----------
    coefficients
        ``(11,)`` of the features.
    intercepts
        By method.
    chosen
        Intercept and slope of the logit of the quality of a rate that was chosen from several: the highest quality of
        several is too high on average.
    overall
        Intercept, slope and growth of the slope of the logit of the mean quality of a record's windows; see
        `overall_features`.
    """

    coefficients: NDArray[np.float64]
    intercepts: Mapping[str, float]
    chosen: tuple[float, float]
    overall: tuple[float, float, float] = (0.0, 1.0, 0.0)

    def probability(self, method: str, features: NDArray[np.float64]) -> float:
        """Return the probability that a method's rate is correct, from its `quality_features` ``(11,)``."""
        return float(logistic(np.float64(features @ self.coefficients + self.intercepts[method])))

    def probability_of_chosen(self, quality: float) -> float:
        """Return the probability that a rate of a quality is correct if it was chosen from those of several methods."""
        return float(logistic(self.chosen[0] + self.chosen[1] * logit(np.float64(quality))))

    def probability_of_record(self, mean_quality: float, windows: float) -> float:
        """Return the probability that the rate of a record is correct, from the mean quality of its windows.

        ``windows`` is its number of independent windows, 1 or more. A quality of 0 stays 0.
        """
        if mean_quality <= 0:
            return 0.0
        return float(logistic(overall_features(logit(np.float64(mean_quality)), windows) @ np.array(self.overall)))


QualityIndex = Mapping[Situation, SituationIndex]
"""Logistic regressions by situation."""


def situation_of(*, network: bool, gray: bool, pictures: bool) -> Situation:
    """Return the situation of a clip: whether the network reads it, whether it is gray, and whether it has pictures."""
    if network:
        return "network"
    if pictures:
        return "gray" if gray else "colour"
    return "gray_trace" if gray else "colour_trace"


def quality_features(
    method: str, rates: Mapping[str, HeartRate], evidence: Evidence | None = None, seconds: float = _USUAL_S
) -> NDArray[np.float64]:
    """Return the features of a method's rate, named in `FEATURES`.

    Parameters
    ----------
    method
        The method.
    rates
        Rates of all methods in the same window.
    evidence
        What else is known of the rate.
    seconds
        Length of the window.

    Returns
    -------
    ``(11,)``.
    """
    own, known = rates[method], evidence or Evidence()
    others = np.array([rate.bpm for name, rate in rates.items() if name not in (method, NETWORK)])
    close = np.abs(others - own.bpm) < AGREE_WITHIN_BPM
    agree = float(close.mean()) if len(others) else 0.0
    # How many of the others agree on another rate.
    apart = others[~close]
    against = max((float(np.sum(np.abs(apart - bpm) < AGREE_WITHIN_BPM)) for bpm in apart), default=0.0)
    net = 0.0
    if method != NETWORK and NETWORK in rates:
        net = float(abs(rates[NETWORK].bpm - own.bpm) < AGREE_WITHIN_BPM)
    snr = np.clip(own.snr_db, -15, 20) / 10 if np.isfinite(own.snr_db) else -1.5
    return np.array(
        [
            snr,
            own.peak_share,
            own.rival,
            agree,
            against / max(len(others), 1),
            net,
            known.halves_agree or 0.0,
            max(known.halves_correlate or 0.0, 0.0),
            known.motion,
            known.background,
            np.log(seconds / _USUAL_S),
        ]
    )


def fit_index(
    x: NDArray[np.float64], right: NDArray[np.bool_], counts: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return coefficients ``(K,)`` of the logistic regression of ``right`` ``(N,)`` on features ``(N, K)``.

    Fitted by Newton's method with a small ridge penalty; ``counts`` ``(N,)`` are how often each sample counts.
    """
    often = np.ones(len(x)) if counts is None else counts
    weights = np.zeros(x.shape[1])
    ridge = _RIDGE * often.sum() * np.eye(x.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (often * (right - p)) - ridge @ weights
        step = np.linalg.solve((x * (often * p * (1 - p))[:, None]).T @ x + ridge, gradient)
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


def logistic(values: NDArray[np.float64] | np.float64 | float) -> NDArray[np.float64]:
    """Return probabilities of logits."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(values, np.float64))))


def logit(probabilities: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    """Return logits of probabilities, which are kept away from 0 and 1."""
    kept = np.clip(probabilities, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.asarray(np.log(kept / (1 - kept)))


def overall_features(mean_logit: NDArray[np.float64], windows: float) -> NDArray[np.float64]:
    """Return the features ``(3,)`` of the quality of a record: 1, the logit of its windows' mean, and its growth.

    The mean of more windows is nearer to the middle than the probability that their joined rate is correct.
    """
    return np.array([1.0, float(mean_logit), float(mean_logit) * np.log(max(windows, 1.0))])


@lru_cache(maxsize=1)
def default_index() -> QualityIndex:
    """Return the index of ``quality.json`` and ``overall.json``."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))["situations"]
    overall = json.loads(_OVERALL.read_text(encoding="utf-8"))
    return {
        situation: SituationIndex(
            np.array([document[situation]["coefficients"][name] for name in FEATURES], dtype=np.float64),
            document[situation]["intercepts"],
            tuple(document[situation]["chosen"]),
            tuple(overall.get(situation, (0.0, 1.0, 0.0))),
        )
        for situation in get_args(Situation)
    }
