"""The numbers that a reader takes home: harm rate, regret of choosing by a metric, quadrants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_cli.enhance_eval.evaluation.comparisons import Comparison, Verdict

_SIDES: tuple[Verdict, ...] = ("up", "same", "down")


@dataclass(frozen=True)
class HarmRate:
    """How often enhancement looks better and works worse.

    Attributes
    ----------
    harmed
        Cells with quality significantly up and the task significantly down.
    cells
        Cells that have both.
    """

    harmed: int
    cells: int

    @property
    def share(self) -> float:
        """Share of the cells; NaN without any."""
        return self.harmed / self.cells if self.cells else math.nan


@dataclass(frozen=True)
class Regret:
    """What choosing a method by a metric costs.

    Attributes
    ----------
    chosen
        The method that the metric ranks first.
    best
        The method with the best task score.
    loss
        Best task score less that of the chosen method; 0 or more.
    """

    chosen: str
    best: str
    loss: float


@dataclass(frozen=True)
class Quadrants:
    """Cells by verdict of quality and task.

    Attributes
    ----------
    cells
        ``(quality, task)`` to the conditions and methods.
    """

    cells: Mapping[tuple[Verdict, Verdict], tuple[tuple[str, str], ...]]

    def count(self, quality: Verdict, task: Verdict) -> int:
        """Return how many cells have these verdicts."""
        return len(self.cells.get((quality, task), ()))


def quadrants(quality: Sequence[Comparison], task: Sequence[Comparison], alpha: float = 0.05) -> Quadrants:
    """Divide the cells that have both a quality and a task by their verdicts.

    Parameters
    ----------
    quality, task
        Of one measure each, corrected.
    alpha
        Level of the tests.
    """
    by_cell = {(one.cell.condition, one.cell.method): one for one in task}
    found: dict[tuple[Verdict, Verdict], list[tuple[str, str]]] = {
        (one, other): [] for one in _SIDES for other in _SIDES
    }
    for one in quality:
        place = (one.cell.condition, one.cell.method)
        if place not in by_cell:
            continue
        verdicts = one.verdict(alpha), by_cell[place].verdict(alpha)
        if verdicts in found:
            found[verdicts].append(place)
    return Quadrants({verdicts: tuple(places) for verdicts, places in found.items()})


def harm_rate(quality: Sequence[Comparison], task: Sequence[Comparison], alpha: float = 0.05) -> HarmRate:
    """Return how many cells have quality significantly up and the task significantly down; see `quadrants`."""
    found = quadrants(quality, task, alpha)
    return HarmRate(found.count("up", "down"), sum(len(places) for places in found.cells.values()))


def regret(quality: Mapping[str, float], task: Mapping[str, float]) -> Regret | None:
    """Return what is lost in the task by the method that a metric picks on one condition.

    Parameters
    ----------
    quality, task
        Score by method; larger is better. Methods that lack one (NaN) take no part. Of equals the first is picked.

    Returns
    -------
    Regret or None
        None where no method has both.
    """
    both = [name for name in quality if math.isfinite(quality[name]) and math.isfinite(task.get(name, math.nan))]
    if not both:
        return None
    chosen, best = max(both, key=lambda name: quality[name]), max(both, key=lambda name: task[name])
    return Regret(chosen, best, task[best] - task[chosen])
