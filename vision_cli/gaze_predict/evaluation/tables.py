"""The tables of an evaluation: methods with intervals, findings, cases; as rows of a CSV file and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vision_cli.gaze_predict.evaluation.scores import LOWER_IS_BETTER, METRICS, Estimate, GazeScores

SHOWN = ("scanmatch", "nss", "ig_bits", "cc", "kld", "sim", "auc_judd")
"""Measures of the table for people."""

_NONE = "–"


@dataclass(frozen=True)
class GazeTable:
    """A table that becomes a file.

    Attributes
    ----------
    columns
        Their names.
    rows
        Texts, numbers, None where there is no value.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def finding_table(scores: Sequence[GazeScores], *, resamples: int = 1000, seed: int = 0) -> GazeTable:
    """Return each measure of each method, of all recordings and of each finding, with its interval."""
    rows = []
    for one in scores:
        for finding in (None, *one.findings()):
            for metric in METRICS:
                found = one.estimate(metric, finding=finding, resamples=resamples, seed=seed)
                if found.count:
                    numbers = (_number(value) for value in (found.value, found.low, found.high))
                    rows.append((one.method, finding or "all", metric, *numbers, found.count))
    return GazeTable(("method", "finding", "metric", "mean", "ci_low", "ci_high", "n"), tuple(rows))


def case_table(scores: Sequence[GazeScores]) -> GazeTable:
    """Return all measures of each recording, a row each."""
    rows = tuple(
        (
            one.method,
            recording.id,
            recording.finding or "",
            recording.sentence,
            *(_number(float(one.values[metric][place])) for metric in METRICS),
        )
        for one in scores
        for place, recording in enumerate(one.recordings)
    )
    return GazeTable(("method", "recording", "finding", "sentence", *METRICS), rows)


def flat_metrics(scores: Sequence[GazeScores], *, resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """Return means and ends of intervals under flat names, as ``model_cc`` and ``model_cc_ci_low``."""
    found = {}
    for one in scores:
        prefix = one.method.replace("-", "_")
        for metric in METRICS:
            estimate = one.estimate(metric, resamples=resamples, seed=seed)
            if estimate.count:
                found[f"{prefix}_{metric}"] = estimate.value
                found[f"{prefix}_{metric}_ci_low"] = estimate.low
                found[f"{prefix}_{metric}_ci_high"] = estimate.high
    return found


def markdown_table(
    scores: Sequence[GazeScores], metrics: Sequence[str] = SHOWN, *, resamples: int = 1000, seed: int = 0
) -> str:
    """Return the methods as rows of Markdown, with intervals; an arrow says which way a measure is better."""
    heads = [f"{metric} {'↓' if metric in LOWER_IS_BETTER else '↑'}" for metric in metrics]
    lines = [_line(["method", *heads, "n"]), _line(["---", *["---:"] * (len(heads) + 1)])]
    for one in scores:
        cells = [_cell(one.estimate(metric, resamples=resamples, seed=seed)) for metric in metrics]
        lines.append(_line([one.method, *cells, str(len(one.recordings))]))
    return "\n".join(lines) + "\n"


def _cell(found: Estimate) -> str:
    if not found.count:
        return _NONE
    if not math.isfinite(found.low):
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _number(value: float) -> float | None:
    """Round for a table; what is no number is left empty."""
    return round(value, 6) if math.isfinite(value) else None
