"""How well scores tell forged media from real ones: by face or frame, by video, between data sets.

What needs both classes is NaN where one is absent: an AUC of 0.5 would look like a result. Every video counts by its
own key. DeepfakeBench groups frames by the name of their folder alone, so that the manipulations of one clip, whose
folders have one name, become one video.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.options.faces import Aggregate
from vision_cli.forgery_detect.pipeline.verdicts import aggregate
from vision_cli.metrics.classification import classification_measures
from vision_cli.metrics.ranking import auroc, average_precision
from vision_cli.metrics.resampling import Resampled, image_resamples

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

_CHUNK = 1 << 22


@dataclass(frozen=True)
class Scored:
    """Scores of media.

    Attributes
    ----------
    labels
        ``(N,)``, 1 for fake.
    scores
        ``(N,)`` probabilities of being fake, finite.
    videos
        Key of the video of each, N.
    sources
        Key of the original that each was made of, N: the bootstrap draws sources, as media of one are alike.
    """

    labels: Labels = field(repr=False)
    scores: Floats = field(repr=False)
    videos: tuple[str, ...] = field(repr=False)
    sources: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        counts = {len(self.labels), len(self.scores), len(self.videos), len(self.sources)}
        if len(counts) != 1:
            raise ValueError(f"{sorted(counts)} labels, scores, videos and sources; as many of each expected")
        if not np.isfinite(self.scores).all() or (
            len(self.scores) and not 0 <= self.scores.min() <= self.scores.max() <= 1
        ):
            raise ValueError("scores outside 0 to 1; probabilities expected")

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Measures:
    """Agreement of scores with labels; NaN where it is not defined.

    Attributes
    ----------
    reals, fakes
        How many there are.
    accuracy
        Share of right verdicts at the threshold.
    balanced_accuracy
        Mean of the shares of both classes.
    auc, auc_low, auc_high
        Area under the ROC curve, and its 95 % interval by bootstrap over sources.
    average_precision
        Of the fakes.
    eer
        Error rate where the lines through the points of the ROC curve have equal rates of false alarms and misses.
    eer_nearest
        False alarm rate of the point of the curve whose rates are nearest to equal, as DeepfakeBench reports it.
    tpr_at_1, tpr_at_10
        Share of fakes that is caught at 1 % and 10 % false alarms at most.
    ece
        Expected calibration error, 15 bins.
    """

    reals: int
    fakes: int
    accuracy: float
    balanced_accuracy: float
    auc: float
    auc_low: float
    auc_high: float
    average_precision: float
    eer: float
    eer_nearest: float
    tpr_at_1: float
    tpr_at_10: float
    ece: float


def measure(scored: Scored, *, threshold: float = 0.5, resamples: int = 1000, seed: int = 0) -> Measures:
    """Measure scores.

    Parameters
    ----------
    scored
        One or more.
    threshold
        Scores from it on are called fake.
    resamples
        Of the bootstrap; 0 for no interval.
    seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        If there is no score.
    """
    if not len(scored):
        raise ValueError("no scores; one or more expected")
    labels, scores = scored.labels, scored.scores
    fakes = int(labels.sum())
    is_right = (scores >= threshold) == labels.astype(bool)
    shares = [float(is_right[labels == label].mean()) if (labels == label).any() else math.nan for label in (0, 1)]
    low, high = resampled_auc(scored, resamples, seed).interval() if resamples else (math.nan, math.nan)
    return Measures(
        reals=len(labels) - fakes,
        fakes=fakes,
        accuracy=float(is_right.mean()),
        balanced_accuracy=float(np.mean(shares)),
        auc=auroc(labels, scores),
        auc_low=low,
        auc_high=high,
        average_precision=average_precision(labels, scores),
        eer=equal_error_rate(labels, scores),
        eer_nearest=equal_error_rate(labels, scores, nearest=True),
        tpr_at_1=caught_at(labels, scores, 0.01),
        tpr_at_10=caught_at(labels, scores, 0.10),
        ece=classification_measures(np.stack([1 - scores, scores], axis=1), labels).ece,
    )


def by_video(scored: Scored, aggregation: Aggregate = "mean") -> Scored:
    """Return one score a video, in the order of their first frames.

    Raises
    ------
    ValueError
        If a video has frames of both labels.
    """
    places: dict[str, list[int]] = {}
    for place, video in enumerate(scored.videos):
        places.setdefault(video, []).append(place)
    labels, scores, sources = [], [], []
    for video, own in places.items():
        found = {int(label) for label in scored.labels[own]}
        if len(found) > 1:
            raise ValueError(f"video {video} has real and fake frames; one label expected")
        labels.append(found.pop())
        scores.append(aggregate(scored.scores[own].tolist(), aggregation).p_fake)
        sources.append(scored.sources[own[0]])
    return Scored(np.array(labels, np.int64), np.array(scores, np.float64), tuple(places), tuple(sources))


def equal_error_rate(labels: Labels, scores: Floats, *, nearest: bool = False) -> float:
    """Return the rate at which false alarms and misses are equal; NaN unless both classes occur.

    Parameters
    ----------
    labels, scores
        ``(N,)``.
    nearest
        Whether to take the false alarm rate of the nearest point of the curve, instead of the crossing of the lines
        between points.
    """
    if not _has_both(labels):
        return math.nan
    false_alarms, caught = roc_points(labels, scores)
    misses = 1 - caught
    if nearest:
        return float(false_alarms[np.abs(misses - false_alarms).argmin()])
    gap = false_alarms - misses
    after = int((gap >= 0).argmax())
    if gap[after] == 0 or after == 0:
        return float(false_alarms[after])
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(false_alarms[after - 1] + share * (false_alarms[after] - false_alarms[after - 1]))


def caught_at(labels: Labels, scores: Floats, false_alarm_rate: float) -> float:
    """Return the largest share of fakes that a threshold catches at a rate of false alarms or less; NaN as above."""
    if not _has_both(labels):
        return math.nan
    false_alarms, caught = roc_points(labels, scores)
    return float(caught[false_alarms <= false_alarm_rate].max())


def roc_points(labels: Labels, scores: Floats) -> tuple[Floats, Floats]:
    """Return the rates of false alarms and of caught fakes at the corners of the ROC curve, from (0, 0) on."""
    from sklearn.metrics import roc_curve

    false_alarms, caught, _ = roc_curve(labels, scores)
    return np.asarray(false_alarms, np.float64), np.asarray(caught, np.float64)


def resampled_auc(scored: Scored, resamples: int, seed: int) -> Resampled:
    """Return the AUC and what it is on resamples of the sources."""
    sources = {source: place for place, source in enumerate(dict.fromkeys(scored.sources))}
    member = np.array([sources[source] for source in scored.sources], np.int64)
    value = auroc(scored.labels, scored.scores)
    if math.isnan(value):
        return Resampled(value, np.full(resamples, math.nan), len(sources))
    order = np.argsort(scored.scores, kind="stable")
    ordered, is_fake = scored.scores[order], scored.labels[order].astype(bool)
    level = np.concatenate([[0], np.cumsum(np.diff(ordered) > 0)]).astype(np.int64)
    counts = image_resamples(len(sources), resamples, seed)
    step = max(1, _CHUNK // len(ordered))
    parts = [
        _weighted_aucs(counts[start : start + step][:, member[order]].astype(np.float64), is_fake, level)
        for start in range(0, resamples, step)
    ]
    return Resampled(value, np.concatenate(parts), len(sources))


def cross_aucs(domains: Mapping[str, Scored]) -> Floats:
    """Return the AUC of the reals of each data set against the fakes of each, ``(A, A)``: rows are of the reals.

    A detector whose scores move with the data set is good on the diagonal and bad beside it: one threshold cannot serve
    all. NaN where a class is absent.
    """
    parts = list(domains.values())
    table = np.full((len(parts), len(parts)), math.nan)
    for row, own in enumerate(parts):
        for column, other in enumerate(parts):
            reals, fakes = own.scores[own.labels == 0], other.scores[other.labels == 1]
            if len(reals) and len(fakes):
                labels = np.repeat([0, 1], [len(reals), len(fakes)])
                table[row, column] = auroc(labels, np.concatenate([reals, fakes]))
    return table


def polarisation(scored: Scored) -> float:
    """Return the 1-Wasserstein distance between the scores of reals and of fakes, 0 to 1; NaN unless both occur.

    Nguyen et al. 2026 (arXiv:2606.19184) average it with AUCs; here it stands for itself.
    """
    if not _has_both(scored.labels):
        return math.nan
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(scored.scores[scored.labels == 0], scored.scores[scored.labels == 1]))


def mean_off_diagonal(table: Floats) -> float:
    """Return the mean of a square table beside its diagonal; NaN if nothing is known there."""
    beside = table[~np.eye(len(table), dtype=bool)]
    known = beside[np.isfinite(beside)]
    return float(known.mean()) if len(known) else math.nan


def join_scored(parts: Sequence[Scored]) -> Scored:
    """Return scores of several parts as one."""
    return Scored(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.scores for part in parts]),
        tuple(video for part in parts for video in part.videos),
        tuple(source for part in parts for source in part.sources),
    )


def _has_both(labels: Labels) -> bool:
    return bool(labels.any()) and not bool(labels.all())


def _weighted_aucs(weights: Floats, is_fake: NDArray[np.bool_], level: NDArray[np.int64]) -> Floats:
    """Return the AUC for each row of weights, ``(R, N)``, of ascending scores; equal scores have one level."""
    levels = int(level[-1]) + 1
    starts = np.searchsorted(level, np.arange(levels))
    fakes = np.add.reduceat(weights * is_fake, starts, axis=1)
    reals = np.add.reduceat(weights * ~is_fake, starts, axis=1)
    below = np.cumsum(reals, axis=1) - reals / 2
    pairs = fakes.sum(axis=1) * reals.sum(axis=1)
    aucs: Floats = np.divide((fakes * below).sum(axis=1), pairs, out=np.full(len(weights), math.nan), where=pairs > 0)
    return aucs
