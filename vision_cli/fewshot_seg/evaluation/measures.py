"""Measures of episodes, by class and by set, with bootstrap intervals over the episodes.

The mean IoU of the benchmark is cumulative: of each class the intersections of all its episodes over all their unions,
then the mean over the classes. Of FB-IoU, the same of class and background pixels of all classes together, and the mean
of the two. Beside them stand means over episodes, which small objects weigh in as much as large ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.fewshot_seg.evaluation.episodes import COLUMNS, Episode
from vision_cli.fewshot_seg.values import Mask, Support
from vision_cli.metrics.masks import MaskCounts, boundary_f, count_masks
from vision_cli.metrics.ranking import auroc
from vision_cli.metrics.resampling import Counts, Floats, Resampled, image_resamples, resampled_mean

SCORE_COLUMNS = (*COLUMNS, "present", "presence", "intersection", "union", "iou", "dice", "boundary_f")
"""Columns of the episodes of a run."""

MEASURES = ("miou", "fb_iou", "mean_iou", "dice", "boundary_f", "presence_auroc")
RESAMPLES = 2000


@dataclass(frozen=True)
class EpisodeScore:
    """What a prediction of an episode is worth.

    Attributes
    ----------
    episode
        The episode.
    counts
        Pixels by what prediction and truth agree on.
    boundary
        F score of the boundary at 2 px; NaN where its pixels are unknown.
    presence
        Predicted probability that the class is in the query.
    """

    episode: Episode
    counts: MaskCounts
    boundary: float
    presence: float

    def row(self) -> tuple[object, ...]:
        """Return the cells of `SCORE_COLUMNS`."""
        counts = self.counts
        boundary = self.boundary if np.isfinite(self.boundary) else None
        overlap = (counts.both, counts.union, counts.iou, counts.dice, boundary)
        return (*self.episode.row(), int(self.episode.is_present), self.presence, *overlap)


@dataclass(frozen=True)
class Measures:
    """Measures of a set or of one class of it.

    Attributes
    ----------
    values
        By the names of `MEASURES`; NaN where there is nothing to measure. Overlap and boundary are of the episodes with
        the class; presence is of all.
    episodes
        Episodes with the class.
    absent
        Episodes without it.
    """

    values: Mapping[str, Resampled]
    episodes: int
    absent: int


@dataclass(frozen=True)
class SetMeasures:
    """Measures of a set.

    Attributes
    ----------
    name
        The set.
    overall
        Of all its episodes.
    classes
        By class.
    """

    name: str
    overall: Measures
    classes: Mapping[str, Measures]

    def rows(self) -> list[tuple[object, ...]]:
        """Return ``set, class, measure, value, low, high, episodes`` of each measure; class ``all`` is the set."""
        return [
            (self.name, name, measure, found.value, *found.interval(), found.images)
            for name, measures in (("all", self.overall), *self.classes.items())
            for measure, found in measures.values.items()
        ]


def score_episode(episode: Episode, query: Support, mask: Mask, presence: float) -> EpisodeScore:
    """Compare a predicted mask with the truth of a query.

    Parameters
    ----------
    episode
        The episode.
    query
        The query with its truth.
    mask
        ``(H, W)`` bool, in the size of the query.
    presence
        Predicted probability that the class is in the query.

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    counts = count_masks(mask, query.mask, query.ignored)
    return EpisodeScore(episode, counts, boundary_f(mask, query.mask, query.ignored), presence)


def measure_sets(scores: Sequence[EpisodeScore], *, resamples: int = RESAMPLES, seed: int = 0) -> list[SetMeasures]:
    """Measure each set on its own, in the order in which they occur.

    Resamples are drawn within each class, as the protocol fixes how many episodes it has. They depend on the classes of
    the episodes and the seed alone: the same episodes of two methods are resampled together.
    """
    names = dict.fromkeys(score.episode.set_name for score in scores)
    return [
        _measure_set(name, [score for score in scores if score.episode.set_name == name], resamples, seed)
        for name in names
    ]


def mean_over_sets(sets: Sequence[SetMeasures], measure: str) -> Resampled:
    """Return the mean of a measure over sets, each counted once.

    Raises
    ------
    ValueError
        If there are no sets.
    """
    found = [one.overall.values[measure] for one in sets]
    if not found:
        raise ValueError("no sets; one or more expected")
    samples = np.mean([one.samples for one in found], axis=0)
    return Resampled(float(np.mean([one.value for one in found])), samples, sum(one.images for one in found))


def difference(first: Resampled, second: Resampled) -> Resampled:
    """Return first minus second, paired: both measured on the same episodes, with the same seed."""
    return Resampled(first.value - second.value, first.samples - second.samples, min(first.images, second.images))


def _measure_set(name: str, scores: Sequence[EpisodeScore], resamples: int, seed: int) -> SetMeasures:
    counts = _stratified(scores, resamples, seed)
    classes = list(dict.fromkeys(score.episode.class_name for score in scores))
    of_class = {
        word: [place for place, score in enumerate(scores) if score.episode.class_name == word] for word in classes
    }
    measured = {
        word: _measure([scores[place] for place in places], counts[:, places]) for word, places in of_class.items()
    }
    overall = _measure(scores, counts)
    cumulative = [measures.values["miou"] for measures in measured.values() if measures.episodes]
    if cumulative:
        mean = Resampled(
            float(np.mean([one.value for one in cumulative])),
            np.mean([one.samples for one in cumulative], axis=0),
            overall.episodes,
        )
        overall = Measures({**overall.values, "miou": mean}, overall.episodes, overall.absent)
    return SetMeasures(name, overall, measured)


def _stratified(scores: Sequence[EpisodeScore], resamples: int, seed: int) -> Counts:
    """Return how often each episode is drawn, ``(resamples, E)``, each class with and without its target by itself."""
    strata: dict[tuple[str, bool], list[int]] = {}
    for place, score in enumerate(scores):
        strata.setdefault((score.episode.class_name, score.episode.is_present), []).append(place)
    counts = np.zeros((resamples, len(scores)), dtype=np.int64)
    for number, places in enumerate(strata.values()):
        counts[:, places] = image_resamples(len(places), resamples, seed + number)
    return counts


def _measure(scores: Sequence[EpisodeScore], counts: Counts) -> Measures:
    present = [place for place, score in enumerate(scores) if score.episode.is_present]
    found = [scores[place] for place in present]
    drawn = counts[:, present]

    def per_episode(value: Callable[[EpisodeScore], float]) -> Resampled:
        return resampled_mean(np.array([value(score) for score in found], dtype=np.float64), drawn)

    front = _cumulative([score.counts.both for score in found], [score.counts.union for score in found], drawn)
    back = _cumulative(
        [score.counts.background_both for score in found], [score.counts.background_union for score in found], drawn
    )
    values = {
        "miou": front,
        "fb_iou": Resampled((front.value + back.value) / 2, (front.samples + back.samples) / 2, len(found)),
        "mean_iou": per_episode(lambda score: score.counts.iou),
        "dice": per_episode(lambda score: score.counts.dice),
        "boundary_f": per_episode(lambda score: score.boundary),
        "presence_auroc": _presence(scores, counts),
    }
    return Measures(values, len(found), len(scores) - len(found))


def _cumulative(inter: Sequence[int], union: Sequence[int], drawn: Counts) -> Resampled:
    above, below = np.asarray(inter, dtype=np.float64), np.asarray(union, dtype=np.float64)
    whole = above.sum() / below.sum() if below.sum() else np.nan
    sums = drawn @ below
    samples = np.divide(drawn @ above, sums, out=np.full(len(drawn), np.nan), where=sums > 0)
    return Resampled(float(whole), samples, len(above))


def _presence(scores: Sequence[EpisodeScore], counts: Counts) -> Resampled:
    labels = np.array([score.episode.is_present for score in scores], dtype=bool)
    presence = np.array([score.presence for score in scores], dtype=np.float64)
    known = np.isfinite(presence)
    labels, presence, counts = labels[known], presence[known], counts[:, known]
    return Resampled(auroc(labels, presence), weighted_auroc(labels, presence, counts), int(known.sum()))


def weighted_auroc(labels: Mask, scores: Floats, weights: Counts) -> Floats:
    """Return the area under the ROC curve for each row of weights, ties counting half.

    Parameters
    ----------
    labels
        ``(N,)`` bool.
    scores
        ``(N,)``, finite.
    weights
        ``(R, N)``, how often each counts.

    Returns
    -------
    ndarray
        ``(R,)``; NaN where one of the classes has no weight.
    """
    if not len(labels):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(scores[order]) != 0)))
    ordered = weights[:, order].astype(np.float64)
    positive = np.add.reduceat(ordered * labels[order], starts, axis=1)
    negative = np.add.reduceat(ordered * ~labels[order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    areas: Floats = np.full(len(weights), np.nan)
    np.divide((positive * below).sum(axis=1), pairs, out=areas, where=pairs > 0)
    return areas
