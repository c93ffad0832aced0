"""Whether quality ranks methods, or images, as the task does: rank correlations with intervals by image bootstrap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.evaluation.comparisons import LEAST_IMAGES, LEAST_METHODS, stars
from vision_cli.metrics.resampling import LEVEL, Counts, Floats, Resampled, interval

_EXACT = 8
"""Methods up to which all orders are tried: 40,320 of them."""

_SHUFFLES = 9999
_IMAGE_SHUFFLES = 999
_SAME = 1e-12


@dataclass(frozen=True)
class Correlation:
    """Rank correlation of quality and task.

    Attributes
    ----------
    rho, rho_low, rho_high
        Spearman's, with its percentile interval; NaN where one side does not vary.
    tau, tau_low, tau_high
        Kendall's tau-b; NaN at the level of images, where it is not computed.
    p, p_tau
        Of rho and tau, two-sided, by permutation: exact for up to 8 methods.
    methods, images
        How many there are.
    """

    rho: float
    rho_low: float
    rho_high: float
    tau: float
    tau_low: float
    tau_high: float
    p: float
    p_tau: float
    methods: int
    images: int
    _rho_samples: Floats = field(repr=False, compare=False)
    _tau_samples: Floats = field(repr=False, compare=False)

    @property
    def is_underpowered(self) -> bool:
        """Whether there are too few methods or images to mark it."""
        return self.methods < LEAST_METHODS or self.images < LEAST_IMAGES

    def stars(self) -> str:
        """Return the mark of p."""
        return "" if self.is_underpowered else stars(self.p)


def across_methods(
    quality: Sequence[Resampled], task: Sequence[Resampled], *, seed: int = 0, level: float = LEVEL
) -> Correlation:
    """Correlate the scores of methods.

    Parameters
    ----------
    quality, task
        One entry a method, of the same resamples; larger is better in both. Methods that lack a score take no part.
    seed
        Of the permutations where there are more than 8 methods.
    level
        Of the intervals.
    """
    pairs = [
        (one, other)
        for one, other in zip(quality, task, strict=True)
        if math.isfinite(one.value) and math.isfinite(other.value)
    ]
    images = min((min(one.images, other.images) for one, other in pairs), default=0)
    x = np.array([one.value for one, _ in pairs])
    y = np.array([other.value for _, other in pairs])
    if len(pairs) < 2:
        return _nothing(len(pairs), images)
    many_x = np.stack([one.samples for one, _ in pairs], axis=1)
    many_y = np.stack([other.samples for _, other in pairs], axis=1)
    rho_samples, tau_samples = spearman(many_x, many_y), kendall(many_x, many_y)
    orders = _orders(len(pairs), seed)
    rho, tau = float(spearman(x[None], y[None])[0]), float(kendall(x[None], y[None])[0])
    same, shuffled = np.broadcast_to(x, orders.shape), y[orders]
    return Correlation(
        rho,
        *interval(rho_samples, level),
        tau,
        *interval(tau_samples, level),
        _permutation_p(rho, spearman(same, shuffled), len(pairs)),
        _permutation_p(tau, kendall(same, shuffled), len(pairs)),
        len(pairs),
        images,
        rho_samples,
        tau_samples,
    )


def average(correlations: Sequence[Correlation], level: float = LEVEL) -> Correlation:
    """Return the mean of correlations over conditions, with the interval of the mean on the same resamples.

    Conditions differ more than methods do: a correlation over all cells at once would show mostly that the dark is
    hard. p is not combined: it is NaN.
    """
    known = [one for one in correlations if math.isfinite(one.rho) and math.isfinite(one.tau)]
    if not known:
        return _nothing(0, 0)
    rho_samples = np.mean([one._rho_samples for one in known], axis=0)
    tau_samples = np.mean([one._tau_samples for one in known], axis=0)
    return Correlation(
        float(np.mean([one.rho for one in known])),
        *interval(rho_samples, level),
        float(np.mean([one.tau for one in known])),
        *interval(tau_samples, level),
        math.nan,
        math.nan,
        min(one.methods for one in known),
        min(one.images for one in known),
        rho_samples,
        tau_samples,
    )


def across_images(quality: Floats, task: Floats, counts: Counts, *, seed: int = 0, level: float = LEVEL) -> Correlation:
    """Correlate what methods change in the quality of images with what they change in the task.

    Parameters
    ----------
    quality, task
        ``(M, I)``: differences from the baseline. Images that lack a number for a method take no part.
    counts
        Resamples of the images, ``(R, I)``: an image is drawn with all its methods, as these are not independent.
    seed
        Of the permutations, which exchange whole images.
    level
        Of the interval.
    """
    known = np.isfinite(quality).all(axis=0) & np.isfinite(task).all(axis=0)
    methods, images = len(quality), int(known.sum())
    if images < 2 or methods < 1:
        return _nothing(methods, images)
    x, y = _groups(quality[:, known]), _groups(task[:, known])
    whole = np.ones(images, dtype=np.int64)
    rho = _weighted_spearman(x, y, whole, methods)
    samples = np.array([_weighted_spearman(x, y, row, methods) for row in counts[:, known]])
    ranks_x, ranks_y = _ranks(quality[:, known].ravel()[None])[0], _ranks(task[:, known].ravel()[None])[0]
    shuffled = ranks_y.reshape(methods, images)
    rng = np.random.default_rng(seed)
    null = np.array(
        [
            _pearson(ranks_x[None], shuffled[:, rng.permutation(images)].reshape(1, -1))[0]
            for _ in range(_IMAGE_SHUFFLES)
        ]
    )
    low, high = interval(samples, level)
    p = _permutation_p(rho, null, _EXACT + 1)
    none = samples * math.nan
    return Correlation(rho, low, high, math.nan, math.nan, math.nan, p, math.nan, methods, images, samples, none)


def spearman(x: Floats, y: Floats) -> Floats:
    """Compute Spearman's rho of each row, ``(R, M)`` twice to ``(R,)``; NaN where a row does not vary."""
    return _pearson(_ranks(x), _ranks(y))


def kendall(x: Floats, y: Floats) -> Floats:
    """Compute Kendall's tau-b of each row, ``(R, M)`` twice to ``(R,)``; NaN where a row does not vary."""
    first, second = np.triu_indices(x.shape[1], 1)
    sign_x, sign_y = np.sign(x[:, first] - x[:, second]), np.sign(y[:, first] - y[:, second])
    spread = np.sqrt(np.abs(sign_x).sum(axis=1) * np.abs(sign_y).sum(axis=1))
    return _ratio((sign_x * sign_y).sum(axis=1), spread)


def _ranks(rows: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(rows, axis=1, nan_policy="propagate"), dtype=np.float64)


def _pearson(x: Floats, y: Floats) -> Floats:
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    return _ratio((x * y).sum(axis=1), np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1)))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def _orders(methods: int, seed: int) -> NDArray[np.int64]:
    if methods <= _EXACT:
        return np.array(list(itertools.permutations(range(methods))), dtype=np.int64)
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(methods), (_SHUFFLES, 1)), axis=1)


def _permutation_p(found: float, null: Floats, methods: int) -> float:
    if not math.isfinite(found):
        return math.nan
    far = int(np.count_nonzero(np.abs(null) >= abs(found) - _SAME))
    # All orders hold the one that was found; of some of them it is one more.
    return far / len(null) if methods <= _EXACT else (far + 1) / (len(null) + 1)


def _groups(table: Floats) -> NDArray[np.int64]:
    """Give each value of a table its place among the distinct ones, ``(M * I,)``."""
    return np.unique(table.ravel(), return_inverse=True)[1].reshape(-1)


def _weighted_spearman(x: NDArray[np.int64], y: NDArray[np.int64], counts: Counts, methods: int) -> float:
    """Compute Spearman's rho of values of which each stands as often as its image was drawn."""
    weights = np.tile(counts, methods).astype(np.float64)
    ranks = []
    for groups in (x, y):
        held = np.bincount(groups, weights)
        ranks.append((np.cumsum(held) - held / 2)[groups])
    first, second = (rank - np.average(rank, weights=weights) for rank in ranks)
    spread = math.sqrt(float((weights * first**2).sum() * (weights * second**2).sum()))
    return float((weights * first * second).sum() / spread) if spread > 0 else math.nan


def _nothing(methods: int, images: int) -> Correlation:
    none = np.zeros(0)
    nan = math.nan
    return Correlation(nan, nan, nan, nan, nan, nan, nan, nan, methods, images, none, none)
