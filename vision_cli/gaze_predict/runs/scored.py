"""Scores of recordings as a run keeps them: columns ``METHOD/MEASURE`` of its items, and back to typed scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from vision_cli.core.runs.journal import Entry
from vision_cli.gaze_predict.evaluation.references import empty_path, film_name
from vision_cli.gaze_predict.evaluation.scores import METRICS, GazeScores, scores_of_rows
from vision_cli.gaze_predict.options import BASELINES, CONTROLS
from vision_cli.gaze_predict.values import Recording

MODEL, PREDICTIONS, SECOND_READER = "model", "predictions", "second-reader"
_ORDER = (MODEL, PREDICTIONS, *CONTROLS, SECOND_READER, *BASELINES)
"""Methods in the order of tables."""

FILM, GROUP, SENTENCE, FINDING = "film", "group", "sentence", "finding"
COVERAGE = ("coverage", "missed_zone", "missed_share")


def facts_row(recording: Recording) -> dict[str, object]:
    """Return the columns of a recording that do not depend on a method."""
    film = film_name(recording)
    return {
        FILM: film,
        GROUP: recording.subject or film,
        FINDING: recording.finding,
        SENTENCE: recording.sentence,
        "fixations": len(recording.path),
    }


def score_row(method: str, values: Mapping[str, float]) -> dict[str, object]:
    """Return the columns of a method's measures of a recording."""
    return {f"{method}/{name}": round(value, 6) if math.isfinite(value) else None for name, value in values.items()}


def read_scores(entries: Sequence[Entry]) -> dict[str, GazeScores]:
    """Return the scores by method, the evaluated one first; of each only the recordings that it predicted."""
    found = {}
    for method in _ORDER:
        own = [entry for entry in entries if f"{method}/{METRICS[0]}" in entry.row]
        if not own:
            continue
        rows = [{name: _number(entry.row[f"{method}/{name}"]) for name in METRICS} for entry in own]
        found[method] = scores_of_rows(method, [_recording(entry) for entry in own], rows)
    return found


def _recording(entry: Entry) -> Recording:
    """Return a recording as far as tables and intervals need it: without film and fixations."""
    finding = entry.row[FINDING]
    return Recording(
        entry.id,
        None,
        str(entry.row[SENTENCE]),
        empty_path(),
        None if finding is None else str(finding),
        subject=str(entry.row[GROUP]),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float(np.nan)
