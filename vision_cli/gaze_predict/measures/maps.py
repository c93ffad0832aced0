"""Maps of gaze and their measures; definitions as in Bylinskii et al. 2019 (IEEE TPAMI 41, 740) and pysaliency.

A map is a density ``(h, w)``: not negative, summing to 1, of the aspect of its film, with `MAP_SIDE` pixels on the long
side. Points are in the unit frame. A measure that is not defined, as of a constant map, is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.values import MAP_SIDE, ScanPath

Map = NDArray[np.floating]
Points = NDArray[np.floating]

SIGMA_PX = 12.0
"""Standard deviation of the Gaussian of a fixation, in pixels of a map."""

EPSILON = 2.2204e-16
"""Regularises logarithm and quotient of divergences, as in the MIT saliency benchmark."""
_DRAWS = 100
_HALF = 0.5


def map_shape(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the map of a film of this size."""
    scale = MAP_SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def pixels_of(points: Points, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the pixels that points of the unit frame lie in."""
    height, width = shape
    rows = np.clip(np.floor(points[:, 1] * height), 0, height - 1).astype(np.int64)
    columns = np.clip(np.floor(points[:, 0] * width), 0, width - 1).astype(np.int64)
    return rows, columns


def gaze_map(path: ScanPath, shape: tuple[int, int], sigma: float = SIGMA_PX) -> NDArray[np.float64]:
    """Return the density of fixations: a Gaussian each, weighted by its duration where all are known.

    Parameters
    ----------
    path
        One fixation or more.
    shape
        Height and width of the map.
    sigma
        Standard deviation in pixels of the map.
    """
    known = np.isfinite(path.durations).all() and float(path.durations.sum()) > 0
    weights = path.durations.astype(np.float64) if known else np.ones(len(path))
    height, width = shape
    rows = _bells(path.points[:, 1].astype(np.float64) * height, height, sigma)
    columns = _bells(path.points[:, 0].astype(np.float64) * width, width, sigma)
    return normalised(np.einsum("n,nh,nw->hw", weights, rows, columns))


def gaussian_map(shape: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    """Return a Gaussian at the centre of a map."""
    height, width = shape
    rows, columns = _bells(np.array([height / 2]), height, sigma), _bells(np.array([width / 2]), width, sigma)
    return normalised(np.outer(rows, columns))


def normalised(values: Map) -> NDArray[np.float64]:
    """Return values that are not negative as a density; a map of zeros becomes uniform."""
    total = float(values.sum(dtype=np.float64))
    return np.full(values.shape, 1 / values.size) if total <= 0 else values.astype(np.float64) / total


def divergence(predicted: Map, truth: Map) -> float:
    """Return the Kullback-Leibler divergence of the prediction from the truth (KLD), in nats."""
    p, q = normalised(predicted), normalised(truth)
    return float((q * np.log(EPSILON + q / (p + EPSILON))).sum())


def correlation(predicted: Map, truth: Map) -> float:
    """Return Pearson's coefficient of two maps (CC)."""
    p, q = predicted.astype(np.float64).ravel(), truth.astype(np.float64).ravel()
    p, q = p - p.mean(), q - q.mean()
    # Sums rather than products of BLAS, whose threads wait for each other on arrays as small as these.
    scale = float(np.sqrt((p * p).sum() * (q * q).sum()))
    return float((p * q).sum()) / scale if scale > 0 else float("nan")


def similarity(predicted: Map, truth: Map) -> float:
    """Return the mass that two maps share (SIM)."""
    return float(np.minimum(normalised(predicted), normalised(truth)).sum())


def normalized_scanpath_saliency(predicted: Map, points: Points) -> float:
    """Return the mean standardised value of a map at the fixations (NSS)."""
    values = predicted.astype(np.float64)
    spread = float(values.std())
    rows, columns = pixels_of(points, values.shape)
    return float((values[rows, columns].mean() - values.mean()) / spread) if spread > 0 else float("nan")


def auc_judd(predicted: Map, points: Points) -> float:
    """Return the area under the ROC curve of fixated pixels against all other pixels; ties count half."""
    fixated = np.zeros(predicted.shape, dtype=bool)
    fixated[pixels_of(points, predicted.shape)] = True
    return _mean_area(predicted[fixated], predicted[~fixated])


def auc_borji(predicted: Map, points: Points, rng: np.random.Generator) -> float:
    """Return the mean area over 100 draws of as many random pixels as there are fixations.

    Parameters
    ----------
    predicted
        The map.
    points
        ``(N, 2)`` fixations.
    rng
        Draws the pixels.
    """
    values = predicted.ravel()
    negatives = values[rng.integers(0, values.size, (_DRAWS, len(points)))]
    return _mean_area(predicted[pixels_of(points, predicted.shape)], negatives)


def auc_shuffled(predicted: Map, points: Points, others: Points, rng: np.random.Generator) -> float:
    """Return the mean area over 100 draws of as many fixations on other films (sAUC).

    Parameters
    ----------
    predicted
        The map.
    points
        ``(N, 2)`` fixations.
    others
        ``(M, 2)`` fixations on other films; NaN is the result where there are none.
    rng
        Draws from them.
    """
    if not len(others):
        return float("nan")
    values = predicted[pixels_of(others, predicted.shape)]
    negatives = values[rng.integers(0, len(values), (_DRAWS, len(points)))]
    return _mean_area(predicted[pixels_of(points, predicted.shape)], negatives)


def information_gain(predicted: Map, prior: Map, points: Points) -> float:
    """Return the mean log density at the fixations over that of a prior, in bits (Kümmerer et al. 2015)."""
    rows, columns = pixels_of(points, predicted.shape)
    p, q = normalised(predicted)[rows, columns], normalised(prior)[rows, columns]
    return float((np.log2(p + EPSILON) - np.log2(q + EPSILON)).mean())


def overlap(predicted: Map, truth: Map) -> float:
    """Return the intersection over union of regions of equal area: that of the smallest with half the truth's mass."""
    p, q = predicted.ravel(), normalised(truth).ravel()
    order = np.argsort(-q, kind="stable")
    area = int(np.searchsorted(np.cumsum(q[order]), _HALF)) + 1
    inside = np.zeros((2, p.size), dtype=bool)
    inside[0, order[:area]] = True
    inside[1, np.argsort(-p, kind="stable")[:area]] = True
    return float(inside.all(axis=0).sum() / inside.any(axis=0).sum())


def mean_map(maps: Sequence[Map], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the mean of densities of any aspect, as a density of this shape."""
    import cv2

    total = np.zeros(shape)
    for one in maps:
        same = one if one.shape == shape else cv2.resize(one, shape[::-1], interpolation=cv2.INTER_AREA)
        total += normalised(np.asarray(same))
    return normalised(total)


def _bells(centres: NDArray[np.float64], length: int, sigma: float) -> NDArray[np.float64]:
    """Return a Gaussian at each centre over the middles of pixels, ``(N, length)``."""
    return np.asarray(np.exp(-0.5 * ((np.arange(length) + 0.5 - centres[:, None]) / sigma) ** 2))


def _mean_area(positives: NDArray[np.floating], negatives: NDArray[np.floating]) -> float:
    """Return the chance that a positive value is above a negative one, over all pairs; ties count half."""
    ordered = np.sort(positives)
    below = np.searchsorted(ordered, negatives, side="left") + np.searchsorted(ordered, negatives, side="right")
    return float(1 - below.mean() / (2 * len(positives)))
