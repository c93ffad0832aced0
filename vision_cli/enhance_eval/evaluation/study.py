"""From the scores of all pictures to what a run found: means, differences to ``none``, correlations, headline numbers.

All measures are turned so that larger is better before they are compared; tables give them as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.evaluation.comparisons import (
    Cell,
    Comparison,
    compare_answers,
    compare_quality,
    compare_resampled,
    corrected,
)
from vision_cli.enhance_eval.evaluation.correlation import Correlation, across_images, across_methods, average
from vision_cli.enhance_eval.evaluation.headlines import HarmRate, Quadrants, Regret, harm_rate, quadrants, regret
from vision_cli.enhance_eval.evaluation.resampling import resampled_precisions
from vision_cli.enhance_eval.pipeline.answers import detection_margins
from vision_cli.enhance_eval.pipeline.scores import CLEAR, NONE, SampleScores
from vision_cli.enhance_eval.pipeline.scores import Cell as ScoredCell
from vision_cli.enhance_eval.values import Boxes, Detections
from vision_cli.metrics.detection.matching import Matches, match
from vision_cli.metrics.resampling import Counts, Floats, Resampled, image_resamples, resampled_mean

ACCURACY, AP, AP50, AP75 = "oa", "ap", "ap50", "ap75"
TASKS = (ACCURACY, AP, AP50, AP75)
SEEING_CONTROLS = ("oracle-exposure", "reference")
"""Controls that are given the reference: shown, but neither ranked nor counted."""

_QUALITY_FIRST = ("psnr", "niqe_vcli", "piqe", "loe")
_AT: Mapping[str, tuple[int, ...] | None] = {AP: None, AP50: (0,), AP75: (5,)}
"""Positions of COCO's thresholds that a score is the mean over; None for all."""

_NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
_NO_BOXES = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.bool_))


@dataclass(frozen=True)
class Settings:
    """How the statistics are made.

    Attributes
    ----------
    bootstrap
        Resamples of the pictures.
    alpha
        Level of the tests; intervals have 1 - alpha.
    seed
        Of the resamples.
    """

    bootstrap: int = 1000
    alpha: float = 0.05
    seed: int = 0

    @property
    def level(self) -> float:
        """Level of the intervals."""
        return 1 - self.alpha


@dataclass(frozen=True)
class Headline:
    """What a run comes to in one condition, or over all of them.

    Attributes
    ----------
    quality, task
        The measure and the task score that it is about.
    agreement
        Rank correlation across methods, mean over the conditions.
    harm
        Cells where the pictures got significantly better and the task significantly worse.
    regret
        Task score lost by choosing the method by the measure, mean over the conditions.
    best_by_quality, best_by_task
        The methods ahead by condition.
    """

    quality: str
    task: str
    agreement: Correlation
    harm: HarmRate
    regret: float
    choices: Mapping[str, Regret]

    @property
    def sentence(self) -> str:
        """The line that says whether eyes and machines agree."""
        tau = self.agreement
        doubt = " (underpowered)" if tau.is_underpowered else ""
        return (
            f"tau({self.quality},{self.task}) {_signed(tau.tau)} [{_signed(tau.tau_low)}, {_signed(tau.tau_high)}]"
            f"{doubt}; harm {self.harm.harmed}/{self.harm.cells} cells; "
            f"choosing by {self.quality} costs {self.regret:.3f} {self.task}"
        )


class Study:
    """The scores of all pictures of a run, as arrays.

    Parameters
    ----------
    scores
        One entry a picture, in the order of the input.
    classes
        Of the data set.
    larger_is_better
        Direction of each quality measure; None for a description, which is neither tested nor ranked.
    settings
        How the statistics are made.
    """

    def __init__(
        self,
        scores: Sequence[SampleScores],
        classes: Sequence[str],
        larger_is_better: Mapping[str, bool | None],
        settings: Settings,
    ) -> None:
        self.scores = scores
        self.classes = tuple(classes)
        self.larger_is_better = larger_is_better
        self.settings = settings
        self._cells: dict[tuple[str, str], list[ScoredCell | None]] = {}
        for number, one in enumerate(scores):
            for cell in one.cells:
                row = self._cells.setdefault((cell.condition, cell.method), [None] * len(scores))
                row[number] = None if cell.error is not None else cell
        self.conditions = tuple(dict.fromkeys(condition for condition, _ in self._cells if condition != CLEAR))
        self.methods = tuple(dict.fromkeys(method for condition, method in self._cells if condition != CLEAR))
        self.measures = tuple(
            dict.fromkeys(name for row in self._cells.values() for cell in row if cell for name in cell.measures)
        )
        self._resampled: dict[tuple[str, str, str], Resampled] = {}
        self._matches: dict[tuple[str, str], Matches] = {}
        self._margins: dict[tuple[str, str], dict[str, Floats]] = {}

    @property
    def has_clear(self) -> bool:
        """Whether the references were looked at, too."""
        return (CLEAR, NONE) in self._cells

    @cached_property
    def counts(self) -> Counts:
        """How often each picture is drawn in each resample: the same for all cells, so that all are paired."""
        return image_resamples(len(self.scores), self.settings.bootstrap, self.settings.seed)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The task scores that there are."""
        cells = [cell for row in self._cells.values() for cell in row if cell is not None]
        detects = any(cell.detections is not None for cell in cells) and any(
            one.boxes is not None for one in self.scores
        )
        classifies = any(cell.decisions for cell in cells)
        return ((ACCURACY,) if classifies else ()) + ((AP, AP50, AP75) if detects else ())

    def ranked(self) -> tuple[str, ...]:
        """Return the methods that are ranked: all but the controls that see the reference."""
        return tuple(name for name in self.methods if name.partition("+")[0] not in SEEING_CONTROLS)

    def values(self, condition: str, method: str, measure: str) -> Floats:
        """Return a quality measure of every picture, ``(I,)``; NaN where there is none."""
        row = self._cells.get((condition, method), [None] * len(self.scores))
        found = [math.nan if cell is None else cell.measures.get(measure) for cell in row]
        return np.array([math.nan if value is None else value for value in found])

    def margins(self, condition: str, method: str) -> Mapping[str, Floats]:
        """Return by task how surely each picture's objects are found or named, ``(I,)``; NaN where it has none."""
        key = (condition, method)
        if key not in self._margins:
            self._margins[key] = self._measured_margins(condition, method)
        return self._margins[key]

    def _measured_margins(self, condition: str, method: str) -> dict[str, Floats]:
        row = self._cells.get((condition, method), [None] * len(self.scores))
        found = {}
        if ACCURACY in self.tasks:
            found[ACCURACY] = np.array(
                [math.nan if cell is None else _mean([one.margin for one in cell.decisions]) for cell in row]
            )
        if AP50 in self.tasks:
            boxes = [one.boxes or _NO_BOXES for one in self.scores]
            found[AP50] = detection_margins(boxes, self.detections(condition, method))
        return found

    def detections(self, condition: str, method: str) -> list[Detections]:
        """Return what was detected on every picture; a failed picture holds nothing."""
        row = self._cells.get((condition, method), [None] * len(self.scores))
        return [_NOTHING if cell is None else cell.detections or _NOTHING for cell in row]

    def matches(self, condition: str, method: str) -> Matches:
        """Return the matches of a cell's detections at COCO's thresholds; a failed picture holds none."""
        key = (condition, method)
        if key not in self._matches:
            boxes = [one.boxes or _NO_BOXES for one in self.scores]
            self._matches[key] = match(boxes, self.detections(condition, method), len(self.classes))
        return self._matches[key]

    def answers(self, condition: str, method: str) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Return which decisions are right, the picture of each, and the true class of each, all ``(D,)``.

        A picture on which the method failed is answered wrongly as often as with ``none``.
        """
        row = self._cells.get((condition, method), [None] * len(self.scores))
        plain = self._cells.get((condition, NONE), row)
        right, pictures, truths = [], [], []
        for number, (cell, other) in enumerate(zip(row, plain, strict=True)):
            known = other if cell is None else cell
            for one in () if known is None else known.decisions:
                right.append(cell is not None and one.is_right)
                pictures.append(number)
                truths.append(one.truth)
        return np.array(right, np.bool_), np.array(pictures, np.int64), np.array(truths, np.int64)

    def score(self, condition: str, method: str, name: str) -> Resampled:
        """Return a measure or task score of a cell over all pictures and on every resample, as it is."""
        key = (condition, method, name)
        if key not in self._resampled:
            if name in (AP, AP50, AP75):
                # The three scores share their matches.
                found = resampled_precisions(self.matches(condition, method), self.counts, _AT)
                self._resampled |= {(condition, method, one): score for one, score in found.items()}
            elif name == ACCURACY:
                right, pictures, _ = self.answers(condition, method)
                self._resampled[key] = resampled_mean(right.astype(np.float64), self.counts[:, pictures])
            else:
                self._resampled[key] = resampled_mean(self.values(condition, method, name), self.counts)
        return self._resampled[key]

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All cells against ``none``, measures turned so that larger is better, corrected by Holm's procedure."""
        found: list[Comparison] = []
        for condition in self.conditions:
            for method in self.methods:
                if method == NONE or (condition, NONE) not in self._cells:
                    continue
                found += [self._compare(Cell(condition, method, name)) for name in (*self.tested, *self.tasks)]
        return tuple(corrected(found))

    @cached_property
    def tested(self) -> tuple[str, ...]:
        """The quality measures that have a direction."""
        return tuple(name for name in self.measures if self.larger_is_better.get(name) is not None)

    def comparison(self, condition: str, method: str, name: str) -> Comparison | None:
        """Return a cell's comparison; None for ``none`` itself."""
        return self._by_cell.get(Cell(condition, method, name))

    @cached_property
    def _by_cell(self) -> Mapping[Cell, Comparison]:
        return {one.cell: one for one in self.comparisons}

    def correlation(self, condition: str, quality: str, task: str) -> Correlation:
        """Return the rank correlation across methods in a condition."""
        names = self.ranked()
        return across_methods(
            [self._oriented(condition, name, quality) for name in names],
            [self.score(condition, name, task) for name in names],
            seed=self.settings.seed,
            level=self.settings.level,
        )

    def image_correlation(self, condition: str, quality: str, task: str) -> Correlation:
        """Return the rank correlation of changes against ``none`` over pictures and methods in a condition."""
        names = [name for name in self.ranked() if name != NONE]
        base_quality, base_task = self.values(condition, NONE, quality), self.margins(condition, NONE)[task]
        if not names:
            empty = np.zeros((0, len(self.scores)))
            return across_images(empty, empty, self.counts)
        return across_images(
            np.stack([self._sign(quality) * (self.values(condition, name, quality) - base_quality) for name in names]),
            np.stack([self.margins(condition, name)[task] - base_task for name in names]),
            self.counts,
            seed=self.settings.seed,
            level=self.settings.level,
        )

    def quadrants(self, quality: str, task: str) -> Quadrants:
        """Return the cells by verdict of quality and task."""
        return quadrants(*self._pair(quality, task), self.settings.alpha)

    @cached_property
    def headline(self) -> Headline | None:
        """What the run comes to; None where there is no quality measure or no task."""
        quality = next((name for name in _QUALITY_FIRST if name in self.tested and self._has(name)), None)
        task = next((name for name in (AP50, ACCURACY) if name in self.tasks), None)
        return None if quality is None or task is None else self.headline_of(quality, task)

    def headline_of(self, quality: str, task: str) -> Headline:
        """Return the headline numbers of a measure and a task score."""
        choices = {condition: self._choice(condition, quality, task) for condition in self.conditions}
        known = {condition: one for condition, one in choices.items() if one is not None}
        return Headline(
            quality,
            task,
            average([self.correlation(condition, quality, task) for condition in self.conditions], self.settings.level),
            harm_rate(*self._pair(quality, task), self.settings.alpha),
            float(np.mean([one.loss for one in known.values()])) if known else math.nan,
            known,
        )

    def _choice(self, condition: str, quality: str, task: str) -> Regret | None:
        names = self.ranked()
        return regret(
            {name: self._oriented(condition, name, quality).value for name in names},
            {name: self.score(condition, name, task).value for name in names},
        )

    def _pair(self, quality: str, task: str) -> tuple[list[Comparison], list[Comparison]]:
        ranked = set(self.ranked())
        of = {
            name: [c for c in self.comparisons if c.cell.measure == name and c.cell.method in ranked]
            for name in (quality, task)
        }
        return of[quality], of[task]

    def _compare(self, cell: Cell) -> Comparison:
        condition, method, name = cell.condition, cell.method, cell.measure
        level = self.settings.level
        if name == ACCURACY:
            right, pictures, _ = self.answers(condition, method)
            return compare_answers(cell, right, self.answers(condition, NONE)[0], self.counts[:, pictures], level)
        if name in TASKS:
            return compare_resampled(
                cell, self.score(condition, method, name), self.score(condition, NONE, name), level
            )
        sign = self._sign(name)
        return compare_quality(
            cell,
            sign * self.values(condition, method, name),
            sign * self.values(condition, NONE, name),
            self.counts,
            level,
        )

    def _oriented(self, condition: str, method: str, name: str) -> Resampled:
        found, sign = self.score(condition, method, name), self._sign(name)
        return Resampled(sign * found.value, sign * found.samples, found.images)

    def _sign(self, name: str) -> int:
        return -1 if self.larger_is_better.get(name) is False else 1

    def _has(self, name: str) -> bool:
        return any(np.isfinite(self.values(condition, NONE, name)).any() for condition in self.conditions)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _signed(value: float) -> str:
    return f"{value:+.2f}" if math.isfinite(value) else "n/a"
