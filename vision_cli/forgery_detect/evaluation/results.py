"""What scores of detectors come to: measures by test set and level, matrices of AUC, headline numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from vision_cli.forgery_detect.evaluation.measures import (
    Floats,
    Measures,
    Scored,
    by_video,
    cross_aucs,
    measure,
    polarisation,
)
from vision_cli.forgery_detect.options.evaluating import Level, Protocol
from vision_cli.forgery_detect.options.faces import Aggregate
from vision_cli.forgery_detect.pipeline.verdicts import DecisionRule
from vision_cli.forgery_detect.values import Medium

ALL = "all"
"""The test set of all media."""

REALS_OF = "reals of"
"""What the rows of a matrix of data sets stand for."""

WITHOUT = "without "
"""Before what a trial of ``lodo`` leaves out."""

_MIDDLE = 0.5
"""Logits are calibrated: the threshold of every detector is here."""


@dataclass(frozen=True)
class ScoredMedium:
    """A medium with its scores.

    Attributes
    ----------
    medium
        With a label.
    chances
        Probability of being fake in each frame that shows a face, one or more.
    """

    medium: Medium
    chances: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True)
class DetectorScores:
    """What a detector says of media.

    Attributes
    ----------
    detector
        Name of it, or of the method.
    trained_on
        What it was trained on; empty for a detector that was there, or where there is one training.
    band
        Half the width of its band of doubt, as a probability.
    media
        Those that it scored.
    tests
        Places in `media` by test set.
    """

    detector: str
    trained_on: str
    band: float
    media: tuple[ScoredMedium, ...] = field(repr=False)
    tests: Mapping[str, tuple[int, ...]] = field(repr=False)

    @property
    def label(self) -> str:
        """Name for legends and columns."""
        return f"{self.detector} ({self.trained_on})" if self.trained_on else self.detector

    def scored(self, test_set: str, level: Level, aggregation: Aggregate) -> Scored:
        """Return the scores of a test set, of each frame or of each video."""
        found = frames_of(self.media[place] for place in self.tests[test_set])
        return by_video(found, aggregation) if level == "video" else found


@dataclass(frozen=True)
class VerdictShares:
    """Shares of the real and of the forged ones that get a verdict; NaN where there is none of a class."""

    real_called_fake: float
    real_uncertain: float
    fake_called_fake: float
    fake_uncertain: float


@dataclass(frozen=True)
class Result:
    """How well a detector does on a test set.

    Attributes
    ----------
    detector, trained_on
        As in `DetectorScores`.
    test_set, level
        What was measured.
    measures
        With the detector's own threshold.
    shares
        Of verdicts, by its threshold and band.
    polarisation
        Distance between the scores of reals and fakes.
    """

    detector: str
    trained_on: str
    test_set: str
    level: Level
    measures: Measures
    shares: VerdictShares
    polarisation: float


@dataclass(frozen=True)
class Matrix:
    """AUC of a detector by two things.

    Attributes
    ----------
    detector
        Whose; empty where rows are detectors.
    rows_are, columns_are
        What the rows and the columns stand for.
    rows, columns
        Their names.
    values, low, high
        ``(R, C)`` AUC and its 95 % interval; NaN where it is not known.
    """

    detector: str
    rows_are: str
    columns_are: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats = field(repr=False)
    low: Floats = field(repr=False)
    high: Floats = field(repr=False)


def test_sets(media: Sequence[Medium]) -> dict[str, tuple[int, ...]]:
    """Return places of media by test set: all; the fakes of each generator with all reals; each data set.

    Generators and data sets are left out where there is one alone, which is all media again.
    """
    sets = {ALL: tuple(range(len(media)))}
    generators = sorted({one.generator for one in media if one.label == 1} - {""})
    if len(generators) > 1:
        for name in generators:
            sets[f"generator {name}"] = tuple(
                place for place, one in enumerate(media) if one.label == 0 or one.generator == name
            )
    domains = sorted({one.domain for one in media})
    if len(domains) > 1:
        for name in domains:
            sets[f"set {name}"] = tuple(place for place, one in enumerate(media) if one.domain == name)
    return sets


def frames_of(media: Iterable[ScoredMedium]) -> Scored:
    """Return the scores of each frame; every medium that is no frame of a video is a video of its own."""
    labels: list[int] = []
    scores: list[float] = []
    videos: list[str] = []
    sources: list[str] = []
    for one in media:
        video = one.medium.video or one.medium.name
        labels += [one.medium.label or 0] * len(one.chances)
        scores += one.chances
        videos += [video] * len(one.chances)
        sources += [one.medium.source or video] * len(one.chances)
    return Scored(np.array(labels, np.int64), np.array(scores, np.float64), tuple(videos), tuple(sources))


def results_of(
    scores: DetectorScores, *, levels: Sequence[Level], aggregation: Aggregate, resamples: int, seed: int
) -> list[Result]:
    """Return how well a detector does on each test set that has a score, at each level; see `measure`."""
    found = []
    for name in scores.tests:
        for level in levels:
            scored = scores.scored(name, level, aggregation)
            if not len(scored):
                continue
            measures = measure(scored, threshold=_MIDDLE, resamples=resamples, seed=seed)
            shares = verdict_shares(scored, DecisionRule(_MIDDLE, scores.band))
            place = scores.detector, scores.trained_on, name, level
            found.append(Result(*place, measures, shares, polarisation(scored)))
    return found


def verdict_shares(scored: Scored, rule: DecisionRule) -> VerdictShares:
    """Return how often the real and the forged ones get each verdict."""
    verdicts = np.array([rule(float(score)) for score in scored.scores])

    def share(label: int, verdict: str) -> float:
        own = verdicts[scored.labels == label]
        return float((own == verdict).mean()) if len(own) else math.nan

    return VerdictShares(share(0, "fake"), share(0, "uncertain"), share(1, "fake"), share(1, "uncertain"))


def domain_matrix(scores: DetectorScores, level: Level, aggregation: Aggregate) -> Matrix | None:
    """Return the AUC of the reals of each data set against the fakes of each; None where there is one data set.

    See `vision_cli.forgery_detect.evaluation.measures.cross_aucs`.
    """
    names = sorted({one.medium.domain for one in scores.media})
    if len(names) < 2:
        return None
    parts = {}
    for name in names:
        found = frames_of(one for one in scores.media if one.medium.domain == name)
        parts[name] = by_video(found, aggregation) if level == "video" else found
    values = cross_aucs(parts)
    unknown = np.full_like(values, math.nan)
    return Matrix(scores.label, REALS_OF, "fakes of", tuple(names), tuple(names), values, unknown, unknown)


def trial_matrices(results: Sequence[Result], level: Level) -> list[Matrix]:
    """Return the AUC of each method by what it was trained on and what it was tested on."""
    matrices = []
    own = [one for one in results if one.level == level]
    for method in dict.fromkeys(one.detector for one in own):
        cells = {(one.trained_on, one.test_set): one.measures for one in own if one.detector == method}
        rows = tuple(dict.fromkeys(row for row, _ in cells))
        columns = tuple(dict.fromkeys(one.test_set for one in own))
        tables = np.full((3, len(rows), len(columns)), math.nan)
        for (row, column), measures in cells.items():
            place = rows.index(row), columns.index(column)
            tables[:, *place] = measures.auc, measures.auc_low, measures.auc_high
        matrices.append(Matrix(method, "trained on", "tested on", rows, columns, *tables))
    return matrices


def set_matrix(results: Sequence[Result], level: Level) -> Matrix | None:
    """Return the AUC of each detector on each test set; None where there is one set."""
    own = [one for one in results if one.level == level]
    rows = tuple(dict.fromkeys(one.detector for one in own))
    columns = tuple(dict.fromkeys(one.test_set for one in own))
    if len(columns) < 2:
        return None
    tables = np.full((3, len(rows), len(columns)), math.nan)
    for one in own:
        place = rows.index(one.detector), columns.index(one.test_set)
        tables[:, *place] = one.measures.auc, one.measures.auc_low, one.measures.auc_high
    return Matrix("", "detector", "test set", rows, columns, *tables)


def is_unseen(protocol: Protocol, trial: str, test_set: str) -> bool:
    """Return whether a test is of what the training had nothing of; ``within`` tests other media of all kinds."""
    if protocol == "within":
        return test_set == ALL
    return trial == f"{WITHOUT}{test_set}" if protocol == "lodo" else trial != test_set


def mean_measures(results: Sequence[Result]) -> Mapping[str, float]:
    """Return the mean of each measure over tests, those where it is not defined aside; NaN where it never is."""
    means = {}
    for one in fields(Measures):
        values = np.array([getattr(result.measures, one.name) for result in results], np.float64)
        known = values[np.isfinite(values)]
        means[one.name] = float(known.mean()) if len(known) else math.nan
    return means
