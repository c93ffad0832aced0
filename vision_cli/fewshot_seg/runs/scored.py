"""Scores of episodes as a run keeps them: columns ``METHOD/KEY`` of its items, and back to typed scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vision_cli.core.runs.journal import Entry
from vision_cli.fewshot_seg.evaluation.episodes import Episode
from vision_cli.fewshot_seg.evaluation.measures import EpisodeScore
from vision_cli.fewshot_seg.runs.names import classes_of as names_of
from vision_cli.fewshot_seg.runs.names import column, of_class
from vision_cli.metrics.masks import MaskCounts

_COUNTS = ("both", "predicted", "truth", "known")


def score_row(method: str, score: EpisodeScore, candidate: str) -> dict[str, object]:
    """Return the columns of a method's score of an episode."""
    counts = {name: int(getattr(score.counts, name)) for name in _COUNTS}
    values: dict[str, object] = {
        "presence": round(score.presence, 6),
        "iou": round(score.counts.iou, 6),
        **counts,
        "boundary_f": round(score.boundary, 6) if np.isfinite(score.boundary) else None,
        "candidate": candidate,
    }
    return {column(method, key): value for key, value in values.items()}


def read_scores(entries: Sequence[Entry], episodes: Mapping[str, Episode]) -> dict[str, list[EpisodeScore]]:
    """Return the scores by method, in the order of the entries."""
    found: dict[str, list[EpisodeScore]] = {name: [] for name in names_of(entry.row for entry in entries)}
    for entry in entries:
        for name, scores in found.items():
            facts = of_class(entry.row, name)
            if "presence" in facts:
                counts = MaskCounts(*(int(_number(facts[key])) for key in _COUNTS))
                scores.append(
                    EpisodeScore(episodes[entry.id], counts, _number(facts["boundary_f"]), _number(facts["presence"]))
                )
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
